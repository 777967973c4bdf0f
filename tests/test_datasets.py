"""Optima on published data sets; skipped where the data is not there.

FASTMLE_DATA names a folder of .npz files with the keys train, valid, test (rows packed with
``numpy.packbits(axis=1, bitorder="little")``) and n_features.
"""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fastmle import FVSBN, BernoulliMLE, BitMatrix, SeparationWarning

FOLDER = Path(os.environ.get("FASTMLE_DATA", "no-such-folder"))


def load(name):
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        pytest.skip("set FASTMLE_DATA to the folder of data sets to run this")
    with np.load(path) as archive:
        d = int(archive["n_features"])
        return BitMatrix.from_packed(archive["train"], d), BitMatrix.from_packed(archive["test"], d)


# Mean test log-likelihood, nats, at alpha=1 and smoothing=0.5, from an independent NumPy program.
OPTIMA = {
    "nltcs": -6.0354,
    "mushrooms": -11.0531,
    "plants": -13.1587,
    "dna": -82.9136,
    "baudio": -38.9175,
    "jester": -51.6041,
    "bnetflix": -54.8192,
    "pumsb_star": -21.9959,
}


@pytest.mark.parametrize("name", OPTIMA)
def test_optimum(name):
    train, test = load(name)
    model = FVSBN(alpha=1.0, smoothing=0.5, n_jobs=-1).fit(train)
    assert model.converged_
    assert model.score(test) == pytest.approx(OPTIMA[name], abs=2e-4)


@pytest.mark.parametrize("name", ["nltcs", "mushrooms", "plants", "pumsb_star"])
def test_minibatches_come_near_the_optimum(name):
    train, test = load(name)
    model = FVSBN(solver="adamw", random_state=0, n_jobs=-1).fit(train)
    assert model.score(test) == pytest.approx(OPTIMA[name], abs=0.3)


@pytest.mark.parametrize("chunk", [1000, 10_000])
@pytest.mark.parametrize("name", ["msnbc", "kdd"])
def test_one_pass_comes_near_the_optimum(name, chunk):
    train, test = load(name)
    model = FVSBN(random_state=0)
    for start in range(0, len(train), chunk):
        model.partial_fit(train[start : start + chunk])
    assert model.score(test) > FVSBN(n_jobs=-1).fit(train).score(test) - 0.05


# Independent columns with add-one smoothing, as published with the data.
INDEPENDENT = {"nltcs": -9.23, "msnbc": -6.77, "kdd": -2.45, "plants": -31.27, "book": -41.12}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_baseline(name):
    train, test = load(name)
    assert BernoulliMLE(smoothing=1.0).fit(train).score(test) == pytest.approx(INDEPENDENT[name], abs=0.01)


@pytest.mark.parametrize("name", ["nltcs", "plants"])
@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_against_scikit_learn(name, weighted, rng):
    train, _ = load(name)
    X = train.to_array(np.float64)
    weight = rng.integers(0, 4, len(X)).astype(float) if weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SeparationWarning)  # column 0 of plants is constant
        model = FVSBN(smoothing=0, tol=1e-9, n_jobs=-1).fit(X, sample_weight=weight)
    kept = X if weight is None else X[weight > 0]
    for i in range(X.shape[1]):
        if kept[:, i].min() == kept[:, i].max():
            assert not model.coef_[i].any()
            assert model.intercept_[i] == (np.inf if kept[0, i] else -np.inf)
        elif i > 0:
            reference = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12, max_iter=500)
            reference.fit(X[:, :i], X[:, i], sample_weight=weight)
            np.testing.assert_allclose(model.coef_[i, :i], reference.coef_[0], atol=1e-5)
            np.testing.assert_allclose(model.intercept_[i], reference.intercept_[0], atol=1e-5)
