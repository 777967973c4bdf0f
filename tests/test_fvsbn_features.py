"""FVSBN as a transformer: surprise, Fisher scores, names."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fastmle import FVSBN, NotFittedError


@pytest.fixture
def frame(random_bits):
    return pd.DataFrame(random_bits(120, 5, 0.4), columns=list("vwxyz"))


def test_surprise_adds_up_to_the_score(frame):
    model = FVSBN(order="random", random_state=0).fit(frame)
    features = model.transform(frame)
    assert_array_equal(features, -model.score_features(frame))
    assert_allclose(features.sum(axis=1), -model.score_samples(frame), rtol=1e-6)
    assert_array_equal(model.get_feature_names_out(), list("vwxyz"))
    table = model.set_output(transform="pandas").transform(frame)
    assert list(table.columns) == list("vwxyz")
    assert_array_equal(table.to_numpy(), features)


@pytest.mark.parametrize("columns", [None, [4], [2, 0, 2]])
def test_fisher_scores_are_derivatives(frame, columns):
    order = np.array([3, 0, 4, 1, 2])
    model = FVSBN(order=order, representation="fisher", fisher_columns=columns).fit(frame)
    scores = model.transform(frame)
    names = model.get_feature_names_out()
    assert scores.shape == (120, len(names))
    place = {name: j for j, name in enumerate("vwxyz")}
    for name, derivative in zip(names, scores.T, strict=True):
        column, _, other = name.partition("|")
        array, index = (
            (model.coef_, (place[column], place[other])) if other else (model.intercept_, place[column])
        )
        ends = []
        for step in (1e-5, -1e-5):
            array[index] += step
            ends.append(model.score_features(frame).sum(axis=1))
            array[index] -= step
        assert_allclose(derivative, (ends[0] - ends[1]) / 2e-5, atol=1e-8)
    wanted = range(5) if columns is None else columns
    assert [name for name in names if "|" not in name] == ["vwxyz"[j] for j in wanted]
    assert len(names) == sum(1 + list(order).index(j) for j in wanted)


def test_fisher_scores_vanish_on_average_at_the_optimum(frame):
    model = FVSBN(alpha=0.0, smoothing=0.0, representation="fisher", tol=1e-9).fit(frame)
    assert_allclose(model.transform(frame).mean(axis=0), 0.0, atol=1e-8)


@pytest.mark.parametrize("representation", ["surprise", "fisher"])
def test_features_in_a_pipeline(frame, representation):
    y = frame["v"] ^ frame["z"]
    density = FVSBN(representation=representation)
    pipeline = make_pipeline(density, LogisticRegression()).fit(frame, y)
    assert pipeline.score(frame, y) > 0.5
    assert list(pipeline[:-1].get_feature_names_out()) == list(pipeline[0].get_feature_names_out())


def test_names_without_names(frame):
    model = FVSBN(representation="fisher", fisher_columns=[1]).fit(frame.to_numpy())
    assert_array_equal(model.get_feature_names_out(), ["x1", "x1|x0"])
    assert_array_equal(model.get_feature_names_out(list("vwxyz")), ["w", "w|v"])
    with pytest.raises(ValueError, match="input_features should have length equal"):
        model.get_feature_names_out(["a"])


@pytest.mark.parametrize("columns", [[5], [-1], [0.5], [[0, 1]], ["v"]])
def test_columns_that_are_none(frame, columns):
    model = FVSBN(representation="fisher", fisher_columns=columns).fit(frame)
    with pytest.raises(ValueError, match="fisher_columns must be indices of columns, from 0 to 4"):
        model.transform(frame)
    with pytest.raises(NotFittedError):
        FVSBN().transform(frame)
