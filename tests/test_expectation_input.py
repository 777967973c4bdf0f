"""What cannot be averaged is refused with the place and the remedy; interrupts and memory."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas
import polars
import pytest
from scipy import sparse, stats

from fastmle import FVSBN, ConvergenceWarning, NotFittedError, expectation, log_expectation


def identity(x):
    return x


@pytest.mark.parametrize("n_samples", [0, -5, 1.5, True, "10"])
def test_numbers_of_samples(n_samples):
    with pytest.raises(ValueError, match="n_samples must be a positive integer"):
        expectation(identity, stats.norm(), n_samples=n_samples)
    with pytest.raises(ValueError, match="max_samples must be a positive integer"):
        expectation(identity, stats.norm(), rtol=0.1, max_samples=n_samples)


@pytest.mark.parametrize("name", ["rtol", "atol", "max_time"])
@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_tolerances(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive number"):
        expectation(identity, stats.norm(), **{name: value})


def test_a_number_of_samples_and_a_tolerance():
    with pytest.raises(ValueError, match="either n_samples or a tolerance"):
        expectation(identity, stats.norm(), n_samples=10, rtol=0.1)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95])
def test_confidence_levels(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        expectation(identity, stats.norm(), n_samples=10, confidence_level=level)
    result = expectation(identity, stats.norm(), n_samples=10, rng=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        result.confidence_interval(level)


@pytest.mark.parametrize(
    ("sampler", "error", "message"),
    [
        (lambda rng, n: rng.normal(size=n - 1), ValueError, "was asked for 2 samples and returned"),
        (lambda rng, n: rng.normal(size=(3, n)), ValueError, "first axis must have length 2"),
        (lambda rng, n: 1.0, ValueError, "first axis"),
        (lambda rng, n: None, ValueError, "first axis"),
        (lambda rng, n: np.array([object()] * n), TypeError, "objects"),
        (lambda rng, n: np.array(["a"] * n), TypeError, "must be real numbers"),
        (lambda rng, n: np.full(n, 1j), TypeError, "must be real numbers"),
    ],
)
def test_samplers(sampler, error, message):
    with pytest.raises(error, match=message):
        expectation(identity, sampler, n_samples=100)


def test_a_sampler_that_changes_its_mind():
    shapes = iter([(), (2,)])
    with pytest.raises(ValueError, match="drew samples of shape"):
        expectation(
            lambda x: 1.0 * len(np.atleast_2d(x)[0]) * np.ones(len(x)),
            lambda rng, n: rng.normal(size=(n, *next(shapes))),
            n_samples=100_000,
            vectorized=True,
        )


def test_objects_that_are_numbers():
    assert expectation(identity, lambda rng, n: [1] * n, n_samples=100, rng=0).mean == 1
    assert expectation(identity, lambda rng, n: np.array([True] * n, dtype=object), n_samples=100).mean == 1


@pytest.mark.parametrize(
    ("P", "error", "message"),
    [
        (None, TypeError, "needs a proposal"),
        ("norm", TypeError, "cannot take an expectation over str"),
        (3.0, TypeError, "cannot take an expectation over float"),
        ({}, TypeError, "cannot take an expectation over dict"),
        (FVSBN, TypeError, "pass an instance"),
        (stats.gamma, TypeError, "freeze the distribution"),
        (stats.norm(0, -1), ValueError, "not valid"),
        (stats.gamma(-1.0), ValueError, "not valid"),
        (stats.norm(np.zeros((2, 2)), 1), ValueError, "rows have one dimension"),
        ([], ValueError, "no row"),
        (np.empty((0, 3)), ValueError, "no row"),
        (["a", "b"], TypeError, "must be real numbers"),
        ([[1, 2], ["a", object()]], TypeError, "objects"),
    ],
)
def test_what_is_no_distribution(P, error, message):
    with pytest.raises(error, match=message):
        expectation(identity, P)


def test_models():
    with pytest.raises(NotFittedError):
        expectation(lambda x: x[0], FVSBN(), n_samples=10)

    class Mixture:
        def sample(self, n):
            return np.zeros(n)

    with pytest.raises(TypeError, match="takes no random_state; wrap it"):
        expectation(identity, Mixture(), n_samples=10)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0, 1.0], "row 1 has -1.0"),
        ([1.0, 1.0, np.nan], "row 2 has nan"),
        ([np.inf, 1.0, 1.0], "row 0 has inf"),
        ([0.0, 0.0, 0.0], "all weights are zero"),
        ([1.0, 1.0], r"must have the shape \(3,\)"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        expectation(identity, np.arange(3.0), weights=weights)


def test_weights_without_rows():
    with pytest.raises(TypeError, match="weights belong to the rows of data"):
        expectation(identity, stats.norm(), weights=[1.0])


@pytest.mark.parametrize("options", [{"n_samples": 2}, {"rtol": 0.1}, {"method": "sobol"}])
def test_data_are_taken_whole(options):
    with pytest.raises(ValueError, match="takes every row once"):
        expectation(identity, np.arange(3.0), **options)


def test_tables_of_every_kind():
    rows = np.array([[0, 1], [1, 1], [1, 0]])
    for table in (
        rows.tolist(),
        pandas.DataFrame(rows),
        polars.DataFrame(rows),
        sparse.csr_array(rows),
        rows == 1,
    ):
        result = expectation(lambda x: x[0] and x[1], table)
        assert result.mean == pytest.approx(1 / 3)
        assert result.n_samples == 3


def test_log_expectations():
    with pytest.raises(TypeError, match="returns one number"):
        log_expectation(lambda x: (x, x), stats.norm(), n_samples=10)
    with pytest.raises(ValueError, match="h returned inf at sample"):
        log_expectation(lambda x: np.inf, stats.norm(), n_samples=10)
    with pytest.raises(ValueError, match="need a proposal"):
        log_expectation(identity, stats.norm(), log_weights=identity, n_samples=10)


def test_time_is_kept_with_slow_integrands():
    def slow(x):
        s = 0.0
        for k in range(3000):
            s += np.cos(x + k)
        return s

    for P in (stats.norm(), stats.gamma(2.0), lambda rng, n: rng.normal(size=n)):
        expectation(slow, P, n_samples=10, rng=0)  # compiled
        before = time.monotonic()
        result = expectation(slow, P, max_time=0.2, rng=0, n_jobs=2)
        assert time.monotonic() - before < 5  # half a second as a rule
        assert 0 < result.n_samples < 10**6
        assert np.isfinite(result.standard_error)


def test_time_that_is_too_short_for_what_was_asked():
    with pytest.warns(ConvergenceWarning, match="before all were taken"):
        result = expectation(lambda x: x, stats.norm(), n_samples=10**9, max_time=0.05, rng=0)
    assert not result.converged
    assert result.n_samples < 10**9


def test_masked_tables():
    with pytest.raises(ValueError, match="masked"):
        expectation(identity, np.ma.array([1.0, 2.0], mask=[False, True]))


def test_rows_without_weight_may_be_anything():
    rows, weights = np.array([1.0, np.nan, 3.0]), [1.0, 0.0, 1.0]
    assert expectation(identity, rows, weights=weights).mean == 2.0
    with pytest.raises(ValueError, match="g returned nan at sample 2"):
        expectation(identity, np.array([1.0, 2.0, np.nan]), weights=weights)


def test_weights_that_add_up_to_one_have_no_error():
    with pytest.warns(UserWarning, match="no standard error"):
        result = expectation(identity, np.arange(10.0), weights=np.full(10, 0.1))
    assert result.mean == pytest.approx(4.5)


def test_results_can_be_kept():
    result = expectation(lambda x: (x, x * x), stats.norm(), n_samples=1000, rng=0)
    for again in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert (again.mean == result.mean).all()
        assert str(again) == str(result)


def test_warnings_point_to_the_caller():
    with pytest.warns(UserWarning, match="no standard error") as caught:
        expectation(identity, stats.norm(), n_samples=1, rng=0)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="no standard error") as caught:
        log_expectation(identity, stats.norm(), n_samples=1, rng=0)
    assert caught[0].filename == __file__


INTERRUPTED = """
import math, sys, time
import numpy as np
from scipy import stats
from fastmle import expectation

def slow(x):
    s = 0.0
    for k in range(2000):
        s += math.cos(x + k)
    return s

kind, n_jobs = sys.argv[1], int(sys.argv[2])
g, P, options = {
    "compiled": (lambda x: math.exp(x), stats.norm(), {}),
    "slow": (slow, stats.norm(), {}),
    "drawn": (slow, stats.gamma(2.0), {}),
    "slowest": (lambda x: slow(x) + sum([slow(x + k) for k in range(300)]), stats.norm(), {}),
    "vectorized": (np.exp, stats.gamma(2.0), {"vectorized": True}),
}[kind]
expectation(g, P, n_samples=10, rng=0, **options)
print("started", flush=True)
try:
    expectation(g, P, n_samples=10**10, max_samples=10**10, n_jobs=n_jobs, rng=0, **options)
except KeyboardInterrupt:
    again = expectation(g, P, n_samples=10, rng=0, **options)
    print("stopped", again.n_samples, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["compiled", "slowest", "drawn", "vectorized"])
def test_an_interrupt_ends_it_soon(kind, n_jobs):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, kind, str(n_jobs)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(0.5)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "stopped 10\n"
    seconds = time.monotonic() - before
    process.stdout.close()
    assert process.wait() == 0
    assert seconds < 5  # a tenth of a second as a rule; machines under load take longer


MEMORY = """
import math, resource
from scipy import stats
from fastmle import expectation
g = lambda x: math.exp(-x * x)
expectation(g, stats.norm(), n_samples=10**6, n_jobs=2, rng=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
expectation(g, stats.norm(), n_samples=3 * 10**8, n_jobs=2, rng=0)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")
def test_memory_is_constant():
    process = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert float(process.stdout) < 64
