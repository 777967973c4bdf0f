"""scikit-learn's own checks, and life inside its pipelines and searches."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmle import FVSBN, NADE, BernoulliMLE, BitMatrix

STOCHASTIC = ("sgd", "momentum", "nesterov", "adam", "adamw")


def expected_failures(estimator):
    """Return the checks that cannot hold.

    All rows of these are in one batch, so weights are repetitions but for rounding. But where the FVSBN
    starts, at the marginals, the slopes of the intercepts are zero, and Adam makes whole steps of what
    rounding leaves of them.
    """
    if not isinstance(estimator, FVSBN) or estimator.solver not in ("adam", "adamw"):
        return {}
    reason = "the first step of Adam follows the sign of rounding"
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        FVSBN(binarize=0.0),
        FVSBN(binarize=0.0, representation="fisher"),
        *(FVSBN(binarize=0.0, solver=solver, max_epochs=2) for solver in STOCHASTIC),
        *(NADE(5, binarize=0.0, solver=solver, max_epochs=2) for solver in STOCHASTIC),
        BernoulliMLE(binarize=0.0, smoothing=1.0),
    ],
    expected_failed_checks=expected_failures,
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X(rng):
    return (rng.random((200, 6)) < [0.1, 0.3, 0.5, 0.5, 0.7, 0.9]).astype(np.uint8)


def test_grid_search_takes_mean_log_likelihood(X):
    search = GridSearchCV(FVSBN(), {"alpha": [0.1, 1.0, 1000.0]}, cv=3).fit(X)
    by_hand = cross_val_score(FVSBN(alpha=1000.0), X, cv=3).mean()
    assert search.cv_results_["mean_test_score"][2] == by_hand
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])


def test_bit_matrix_in_splits(X):
    bits = BitMatrix.from_array(X)
    train, test = train_test_split(bits, test_size=50, random_state=0)
    dense_train, dense_test = train_test_split(X, test_size=50, random_state=0)
    assert isinstance(train, BitMatrix)
    np.testing.assert_array_equal(train.to_array(), dense_train)
    assert FVSBN().fit(train).score(test) == FVSBN().fit(dense_train).score(dense_test)
    np.testing.assert_array_equal(cross_val_score(FVSBN(), bits, cv=3), cross_val_score(FVSBN(), X, cv=3))


def test_pipeline(X):
    noisy = X + 0.25
    pipeline = make_pipeline(Binarizer(threshold=0.5), FVSBN()).fit(noisy)
    assert pipeline.score(noisy) == FVSBN().fit(X).score(X)
    assert pipeline.score(noisy) == FVSBN(binarize=0.5).fit(noisy).score(noisy)


@pytest.mark.parametrize("estimator", [FVSBN(order=[2, 0, 1], alpha=3.0), BernoulliMLE(smoothing=2.0)])
def test_clone_keeps_parameters(estimator):
    copy = clone(estimator)
    assert copy.get_params() == estimator.get_params()
    assert repr(copy) == repr(estimator)
