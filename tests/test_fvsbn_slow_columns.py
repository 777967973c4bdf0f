"""FVSBN on columns that decide one another: accuracy of every column, and metrics of their own."""

import numpy as np
import pytest
from scipy.special import log_expit

from fastmle import FVSBN
from fastmle.metric import SampledMetric


@pytest.fixture
def survey(rng):
    """Answers to questions of four choices, one column each, that a hidden class decides: 6000 x 64."""
    kind = rng.integers(8, size=6000)
    usual = rng.integers(4, size=(16, 8))
    answers = np.where(rng.random((6000, 16)) < 0.9, usual[:, kind].T, rng.integers(4, size=(6000, 16)))
    return (answers[:, :, None] == np.arange(4)).reshape(6000, 64).astype(np.uint8)


def column_objectives(model, X):
    b = model.intercept_
    penalty = model.alpha / 2 * (model.coef_**2).sum(axis=1)
    pseudo = model.smoothing * (log_expit(b) + log_expit(-b))
    return penalty - pseudo - model.score_features(X).sum(axis=0)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_every_column_comes_within_tol_of_its_optimum(survey, alpha):
    best = column_objectives(FVSBN(alpha=alpha, tol=1e-10).fit(survey), survey)
    model = FVSBN(alpha=alpha).fit(survey)
    assert model.converged_
    assert np.all(column_objectives(model, survey) <= best * (1 + 1e-6) + 1e-9 * len(survey))


def test_slow_columns_get_a_metric_of_their_own(survey, monkeypatch):
    refined = []
    refine = SampledMetric.refine

    def spy(self, columns, theta, n_left):
        refined.append(refine(self, columns, theta, n_left))
        return refined[-1]

    monkeypatch.setattr(SampledMetric, "refine", spy)
    monkeypatch.setattr("fastmle.metric._MAKING_COST", (0.0,))  # else not all are worth it
    one, three = FVSBN(alpha=0.05, n_jobs=1).fit(survey), FVSBN(alpha=0.05, n_jobs=3).fit(survey)
    assert sum(mask.sum() for mask in refined) >= 40
    np.testing.assert_array_equal(one.coef_, three.coef_)
    np.testing.assert_array_equal(one.loss_curve_, three.loss_curve_)
    monkeypatch.setattr(SampledMetric, "refine", lambda self, columns, *_: np.zeros(len(columns), dtype=bool))
    plain = FVSBN(alpha=0.05).fit(survey)
    assert one.n_iter_ < plain.n_iter_
    np.testing.assert_allclose(one.loss_curve_[-1], plain.loss_curve_[-1], rtol=1e-6)
