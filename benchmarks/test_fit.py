"""Fits to the optimum, for pytest-benchmark: ``pytest benchmarks`` times all peers on all problems.

Each case asserts that the peer's objective is within 1e-6 relative of the best known in every column,
and reports the largest such gap beside the time.
"""

import os

import pytest
from peers import FIT_PEERS, sklearn_newton
from peers.sklearn_columns import fit_columns
from problems import data_problems, toy_problems

TOY = os.environ.get("FASTMLE_BENCHMARKS") == "toy"
PROBLEMS = toy_problems() + ([] if TOY else data_problems())


@pytest.fixture(scope="session")
def best():
    """The optimum of each problem, by Newton's method to the end."""
    known = {}

    def lookup(problem):
        if problem.name not in known:
            table = sklearn_newton.prepare(problem)
            exact = fit_columns(problem, table, solver="newton-cholesky", tol=1e-12, max_iter=500)
            known[problem.name] = problem.objective(*exact)
        return known[problem.name]

    return lookup


@pytest.mark.parametrize("peer", FIT_PEERS, ids=lambda peer: peer.NAME)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_fit(benchmark, best, problem, peer):
    benchmark.group = problem.name
    table = peer.prepare(problem)
    rounds = 2 if TOY else 5
    fitted = benchmark.pedantic(
        peer.fit, args=(problem, table), kwargs={"n_jobs": -1}, rounds=rounds, warmup_rounds=1
    )
    gap = (problem.objective(*fitted) / best(problem) - 1).max()
    benchmark.extra_info["largest relative objective gap"] = gap
    assert gap < 1e-6
