"""All peers on all problems, for pytest-benchmark: ``pytest benchmarks``.

With FASTMLE_BENCHMARKS=toy the problems are small.

Each case asserts that the answer is right, and reports its errors and its share of the roofline beside the
time. Peers do not take turns here as they do in ``report.py``, whose ratios are the ones to quote.
"""

import os
import time

import joblib
import pytest
from cases import problems
from measure import SETTLE, check, measure_roofline, preparation
from peers import Unsuitable, load_peers

TOY = os.environ.get("FASTMLE_BENCHMARKS") == "toy"
THREADS = joblib.effective_n_jobs(-1)
PEERS, MISSING = load_peers()


@pytest.fixture(scope="session")
def roofline():
    return measure_roofline(THREADS, size=256 if TOY else 2048)


@pytest.mark.parametrize("file", MISSING)
def test_missing(file):
    pytest.skip(f"{file}: {MISSING[file]}")


@pytest.mark.parametrize(
    ("problem", "peer"),
    [
        pytest.param(problem, peer, id=f"{problem.name}-{peer.name}")
        for problem in problems(TOY)
        for peer in PEERS
        if peer.solves(problem)
    ],
)
def test_peer(benchmark, roofline, problem, peer):
    benchmark.group = problem.name
    try:
        call, read = getattr(peer, problem.kind)(problem, THREADS)
    except Unsuitable as reason:
        pytest.skip(str(reason))

    def setup():
        preparation(call)()
        time.sleep(SETTLE)

    answer = benchmark.pedantic(call, setup=setup, rounds=2 if TOY else 5, warmup_rounds=1)
    errors, wrong = check(problem, peer, read(answer))
    benchmark.extra_info |= errors
    benchmark.extra_info["share of the roofline"] = roofline.share(problem, benchmark.stats["median"])
    assert not wrong
