"""Errors name the place and the remedy, and leave the estimator as it was."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest

from fastmle import FVSBN, NADE, BernoulliMLE, BitMatrix, NotFittedError, fvsbn_value_and_gradient

GOOD = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1]])


def altered(value, dtype=None):
    X = GOOD.astype(dtype if dtype is not None else type(value))
    X[2, 1] = value
    return X


@pytest.fixture(params=[FVSBN, NADE, BernoulliMLE])
def estimator(request):
    return request.param


BAD_TABLES = {
    "two": (altered(2), r"X\[2, 1\] is 2: every value must be 0 or 1.*binarize"),
    "minus one": (altered(-1), r"X\[2, 1\] is -1"),
    "half": (altered(0.5), r"X\[2, 1\] is 0\.5"),
    "NaN": (altered(np.nan), r"X\[2, 1\] is NaN"),
    "infinity": (altered(np.inf), r"X\[2, 1\] is inf"),
    "text": (GOOD.astype(str), "dtype <U"),
    "objects": (altered("1", object), r"X\[2, 1\] is '1'"),
    "complex": (GOOD + 0j, "Complex data not supported"),
    "no rows": (np.empty((0, 3)), "0 sample"),
    "no columns": (np.empty((3, 0)), "0 feature"),
    "one axis": (np.array([0, 1]), "Reshape your data"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(estimator, case):
    X, message = BAD_TABLES[case]
    model = estimator().fit(GOOD)
    before = dict(vars(model))
    for method in (model.fit, model.score_samples, model.score_features, model.complete):
        with pytest.raises(ValueError, match=message):
            method(X)
    assert vars(model) == before


def test_nothing_fitted_yet(estimator):
    for method in ("score", "score_samples", "score_features", "conditional_proba", "complete"):
        with pytest.raises(NotFittedError):
            getattr(estimator(), method)(GOOD)
    with pytest.raises(NotFittedError):
        estimator().sample()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 1, -1, 1], r"sample_weight\[2\] is -1"),
        ([1, np.nan, 1, 1], r"sample_weight\[1\] is nan"),
        ([1, 1, 1, np.inf], r"sample_weight\[3\] is inf"),
        ([0, 0, 0, 0], "zero for every row"),
        ([1, 1, 1], r"shape \(3,\), expected \(4,\)"),
        ([[1, 1, 1, 1]], "shape"),
    ],
)
def test_bad_weights(estimator, weight, message):
    model = estimator().fit(GOOD)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(GOOD, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        model.score(GOOD, sample_weight=weight)
    assert vars(model) == before


@pytest.mark.parametrize(
    "parameters",
    [
        {"alpha": -1.0},
        {"alpha": np.nan},
        {"smoothing": -0.5},
        {"tol": 0.0},
        {"max_iter": 0},
        {"order": "backwards"},
        {"order": [0, 1]},
        {"order": [0, 1, 1]},
        {"order": [0, 1, 3]},
        {"order": [0.0, 1.0, 2.0]},
        {"order": [[0, 1, 2]]},
        {"n_jobs": 0},
        {"n_jobs": 1.5},
        {"binarize": "0.5"},
        {"binarize": np.nan},
        {"random_state": -1},
    ],
)
def test_bad_parameters(parameters):
    model = FVSBN().fit(GOOD)
    coef = model.coef_
    (name,) = parameters
    with pytest.raises(ValueError, match=name):
        model.set_params(**parameters).fit(GOOD)
    assert model.coef_ is coef


def test_other_columns_at_score_time(estimator):
    frame = pd.DataFrame(GOOD, columns=["a", "b", "c"])
    model = estimator().fit(frame)
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- z\n.*now missing:\n- b"):
        model.score(frame.rename(columns={"b": "z"}))
    with pytest.raises(ValueError, match="same order"):
        model.score(frame[["c", "b", "a"]])
    with pytest.raises(ValueError, match="feature names should match"):
        model.score(frame[["a", "b"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.score(GOOD)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        estimator().fit(GOOD).score(GOOD[:, :2])
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        estimator().fit(GOOD).score(frame)
    model.fit(GOOD)
    assert not hasattr(model, "feature_names_in_")


def test_mixed_column_names(estimator):
    with pytest.raises(TypeError, match="all input features have string names"):
        estimator().fit(pd.DataFrame(GOOD, columns=["a", 1, "c"]))


def test_bad_prefixes(estimator):
    frame = pd.DataFrame(GOOD, columns=["a", "b", "c"])
    model = estimator().fit(frame)
    with pytest.raises(ValueError, match=r"first 2 columns of the order \('a', 'b'\); it has 'c'"):
        model.complete(frame[["a", "c"]])
    with pytest.raises(ValueError, match=r"4 columns, but .* was fitted on 3"):
        model.complete(np.ones((2, 4)))
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="n_draws must be a positive integer"):
            model.complete(frame[["a"]], n_draws=wrong)
        with pytest.raises(ValueError, match="n_samples must be a positive integer"):
            model.sample(wrong)


def test_too_wide_is_refused_before_allocation():
    import tracemalloc

    X = np.zeros((2, 400_000), dtype=bool)
    tracemalloc.start()
    with pytest.raises(MemoryError, match=r"400000 x 400000 float64 matrix .* \(1192\.1 GiB\)"):
        FVSBN().fit(X)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert BernoulliMLE().fit(X).theta_.shape == (400_000,)  # needs no square matrix


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupted_fit_returns_quickly_and_keeps_the_earlier_one(n_jobs):
    program = f"""
        import os, sys, time
        import numpy as np
        from fastmle import FVSBN, BitMatrix

        rng = np.random.default_rng(0)
        small = rng.random((30, 900)) < 0.5
        model = FVSBN(n_jobs={n_jobs}, tol=1e-10).fit(small)
        before = {{k: v for k, v in vars(model).items()}}
        large = BitMatrix.from_array(rng.integers(0, 2, (100_000, 900), dtype=np.uint8))
        print("fitting", flush=True)
        try:
            model.fit(large)
        except KeyboardInterrupt:
            print(time.monotonic(), flush=True)
            assert all(vars(model)[k] is v for k, v in before.items())
            assert vars(model).keys() == before.keys()
            print("as before", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "fitting\n"
        time.sleep(0.7)
        sent = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        answered = float(process.stdout.readline())
        assert process.stdout.readline() == "as before\n"
    assert process.returncode == 0
    assert answered - sent < 0.5


def test_empty_and_weightless_parts_of_packed_data(estimator):
    bits = BitMatrix.from_array(GOOD, sample_weight=[0, 0, 1, 1])
    model = estimator().fit(bits)
    before = dict(vars(model))
    for part, message in (
        (bits[:0], r"0 sample\(s\)"),
        (bits.take_columns([]), r"0 feature\(s\)"),
        (bits[:2], "zero for every row"),
    ):
        for method in (model.fit, model.score, model.score_samples):
            with pytest.raises(ValueError, match=message):
                method(part)
        with pytest.raises(ValueError, match=message):
            fvsbn_value_and_gradient(part, np.zeros((3, 3)), np.zeros(3))
    assert vars(model) == before


def test_weights_whose_sum_overflows(estimator):
    with pytest.raises(ValueError, match="overflows"):
        estimator().fit(GOOD, sample_weight=np.full(4, 1e308))


def test_masked_values_and_equal_names(estimator):
    masked = np.ma.array(GOOD, mask=altered(0) == 7)
    estimator().fit(masked)  # nothing is masked
    masked[2, 1] = np.ma.masked
    with pytest.raises(ValueError, match=r"X\[2, 1\] is masked: fill in or drop"):
        estimator().fit(masked)
    with pytest.raises(ValueError, match="must differ from one another"):
        estimator().fit(pd.DataFrame(GOOD, columns=["a", "b", "a"]))
