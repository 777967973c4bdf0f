"""NADE as an estimator: fits, orders, weights, streams, files, and what it refuses."""

import copy
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from fastmle import (
    FVSBN,
    NADE,
    BernoulliMLE,
    BitMatrix,
    DivergenceError,
    ModelFileError,
    compare,
    entropy,
    expectation,
    kl_divergence,
    load,
)

XOR = np.tile([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]], (100, 1)).astype(np.uint8)
FITTED = "input_weights_", "hidden_intercept_", "output_weights_", "intercept_"


@pytest.fixture
def X(rng):
    """Rows of two kinds, with noise."""
    kinds = rng.random((2, 12)) < 0.5
    rows = kinds[rng.integers(2, size=400)]
    return (rows ^ (rng.random((400, 12)) < 0.1)).astype(np.uint8)


def small(**options):
    return NADE(**{"n_hidden": 10, "max_epochs": 5, "random_state": 0} | options)


def same_fit(a, b):
    for name in FITTED:
        assert_array_equal(getattr(a, name), getattr(b, name), name)


def all_rows(d):
    return np.array(list(itertools.product((0, 1), repeat=d)), dtype=np.uint8)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "momentum", "nesterov"])
def test_every_solver_learns_more_than_columns_alone(solver, activation, X):
    model = small(solver=solver, activation=activation, max_epochs=40, alpha=0.1).fit(X)
    assert model.score(X) > BernoulliMLE().fit(X).score(X) + 0.5
    assert_allclose(np.exp(model.score_samples(all_rows(12))).sum(), 1.0, rtol=1e-5)


def test_what_no_logistic_regression_learns():
    model = NADE(n_hidden=8, alpha=0.01, learning_rate=0.05, random_state=0).fit(XOR)
    assert model.score(XOR) > np.log(1 / 4) - 0.05
    assert FVSBN().fit(XOR).score(XOR) < np.log(1 / 8) + 0.05


def test_fitted_attributes(X):
    model = small(n_hidden=7).fit(X)
    assert model.input_weights_.shape == model.output_weights_.shape == (12, 7)
    assert model.hidden_intercept_.shape == (7,)
    assert model.intercept_.shape == (12,)
    assert model.loss_curve_.shape == model.seconds_curve_.shape == (5,)
    assert model.validation_curve_.size == 0
    assert (model.n_iter_, model.stopped_, model.n_features_in_) == (5, "max_epochs", 12)
    assert not model.input_weights_[-1].any()  # no conditional hears of the last column
    for name in FITTED:
        assert getattr(model, name).dtype == np.float64


def test_the_start_is_nearly_the_marginals(X):
    # One step that leaves everything where it is.
    model = small(learning_rate=1e-12, max_epochs=1, average=False).fit(X)
    coins = BernoulliMLE(smoothing=0.5).fit(X)
    assert_allclose(model.score_samples(X), coins.score_samples(X), atol=0.5)
    assert abs(model.score(X) - coins.score(X)) < 0.02


@pytest.mark.parametrize("order", ["random", [*range(11, -1, -1)]])
def test_columns_keep_their_places(order, X):
    model = small(order=order).fit(X)
    assert sorted(model.order_) == list(range(12))
    by_hand = small().fit(X[:, model.order_])
    own = np.argsort(model.order_)
    for name in ("input_weights_", "output_weights_", "intercept_"):
        assert_array_equal(getattr(model, name), getattr(by_hand, name)[own])
    ordered = X[:, model.order_]
    assert_array_equal(model.score_samples(X), by_hand.score_samples(ordered))
    assert_array_equal(model.score_features(X), by_hand.score_features(ordered)[:, own])
    assert_array_equal(model.conditional_proba(X), by_hand.conditional_proba(ordered)[:, own])
    assert_array_equal(model.transform(X), by_hand.transform(ordered))
    assert_array_equal(model.sample(50, random_state=1), by_hand.sample(50, random_state=1)[:, own])
    prefix = X[:5, model.order_[:4]]
    completed = model.complete(prefix, n_draws=3, random_state=2)
    assert_array_equal(completed[..., model.order_[:4]], np.repeat(prefix[:, None], 3, axis=1))


def test_features_add_up_to_scores(X):
    model = small().fit(X)
    assert_allclose(model.score_features(X).sum(axis=1), model.score_samples(X), rtol=1e-6)
    assert model.score(X) == model.score_samples(X).mean()


def test_threads_do_not_matter(X):
    one, two = (small(n_jobs=n, dropout=0.3).fit(X) for n in (1, 2))
    same_fit(one, two)
    assert_array_equal(one.sample(100, random_state=0), two.sample(100, random_state=0))


def test_seeds(X):
    same_fit(small(dropout=0.3).fit(X), small(dropout=0.3).fit(X))
    assert small().fit(X).score(X) != small(random_state=1).fit(X).score(X)


def test_full_batches_know_weights_as_repetitions(rng, X):
    """One batch an epoch: the gradient of weighted rows is that of rows that stand as often."""
    counts = rng.integers(0, 4, size=len(X))
    options = {"solver": "sgd", "learning_rate": 0.2, "average": False, "max_epochs": 20}
    weighted = small(batch_size=int((counts > 0).sum()), **options).fit(X, sample_weight=counts)
    repeated = small(batch_size=int(counts.sum()), **options).fit(np.repeat(X, counts, axis=0))
    for name in FITTED:
        assert_allclose(getattr(weighted, name), getattr(repeated, name), atol=2e-5)
    assert weighted.total_weight_ == repeated.total_weight_


def test_weights_of_zero_remove_rows(X):
    weight = np.ones(len(X))
    weight[::3] = 0
    same_fit(
        small().fit(X, sample_weight=weight), small().fit(X[weight > 0], sample_weight=weight[weight > 0])
    )


def test_penalty_and_dropout_shrink(X):
    plain, penalised = (small(alpha=a, max_epochs=40).fit(X) for a in (0.0, 100.0))
    assert np.square(penalised.output_weights_).sum() < 0.5 * np.square(plain.output_weights_).sum()
    assert small(dropout=0.9).fit(X).score(X) < small().fit(X).score(X)


def test_label_smoothing_keeps_from_certainty():
    X = np.ones((200, 3), dtype=np.uint8)
    options = {"learning_rate": 0.05, "max_epochs": 100, "alpha": 0.0}
    smoothed = small(label_smoothing=0.2, **options).fit(X)
    assert_allclose(smoothed.conditional_proba(X), 0.9, atol=0.01)
    assert small(**options).fit(X).conditional_proba(X).min() > 0.98


def test_resumed_runs_are_the_same_bits(X, tmp_path):
    options = {"dropout": 0.2, "schedule": "inverse_sqrt", "max_epochs": 6}
    whole = small(**options).fit(X, X_val=X[:50])
    path = tmp_path / "state.safetensors"
    parted = small(checkpoint=path, **options)
    parted.set_params(max_epochs=2).fit(X, X_val=X[:50])
    assert path.exists()
    parted.set_params(max_epochs=6).fit(X, X_val=X[:50])
    same_fit(whole, parted)
    assert_array_equal(whole.validation_curve_, parted.validation_curve_)
    again = clone(parted).fit(X, X_val=X[:50])  # nothing is left to do
    same_fit(whole, again)


def test_checkpoints_that_cannot_be_written_are_told_before_the_fit(X, tmp_path, monkeypatch):
    monkeypatch.setattr("fastmle.network.Gradient.__call__", None)  # no step is taken
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        small(checkpoint=tmp_path / "missing" / "state").fit(X)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"n_hidden": 11}, "n_hidden 10 instead of 11"),
        ({"activation": "relu"}, "activation"),
        ({"random_state": 1}, "random_state 0 instead of 1"),
        ({"dropout": 0.5}, "dropout"),
        ({"weight_decay": 0.1}, "weight_decay 0.0 instead of 0.1"),
        ({"solver": "sgd"}, "solver"),
        ({"order": [*range(11, -1, -1)]}, "other order"),
        ({"batch_size": 7}, "batch_size"),
    ],
)
def test_a_state_of_another_fit_is_refused(other, message, X, tmp_path):
    path = tmp_path / "state.safetensors"
    small(checkpoint=path).fit(X)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        small(checkpoint=path, **other).fit(X)
    assert path.read_bytes() == before


def test_validation_chooses_the_epoch(X):
    options = {"n_hidden": 50, "alpha": 0.0, "learning_rate": 0.05, "max_epochs": 60}
    model = small(**options).fit(X[:40], X_val=X[40:])
    assert model.best_epoch_ < model.n_iter_
    assert model.validation_curve_[model.best_epoch_ - 1] == model.validation_curve_.min()
    assert_allclose(model.score(X[40:]), -model.validation_curve_.min(), rtol=1e-6)
    stopped = small(
        n_hidden=50, alpha=0.0, learning_rate=0.05, max_epochs=60, early_stopping=True, patience=3
    )
    stopped.fit(X[:40], X_val=X[40:])
    assert (stopped.stopped_, stopped.converged_) == ("patience", True)
    assert stopped.n_iter_ == stopped.best_epoch_ + 3


def test_streams(X):
    stream = small(alpha=0.1, batch_size=16)
    for _ in range(30):
        for start in range(0, len(X), 37):
            stream.partial_fit(X[start : start + 37])
    assert stream.n_samples_seen_ == 30 * len(X)
    assert stream.score(X) > BernoulliMLE().fit(X).score(X) + 0.4
    of_iterator = small(batch_size=16).fit(X[start : start + 100] for start in range(0, 400, 100))
    by_parts = small(batch_size=16)
    for start in range(0, 400, 100):
        by_parts.partial_fit(X[start : start + 100])
    same_fit(of_iterator, by_parts)
    with pytest.raises(ValueError, match="11 features"):
        stream.partial_fit(X[:, :11])
    with pytest.raises(ValueError, match="length"):
        small(schedule="cosine").partial_fit(X)


def test_warm_start_goes_on(X):
    model = small(warm_start=True).fit(X)
    first = model.score(X)
    assert model.fit(X).score(X) > first
    other = model.set_params(n_hidden=5).fit(X)  # other shapes begin anew
    assert other.hidden_intercept_.shape == (5,)


def test_parameters_set_after_the_fit_do_not_change_it(X, tmp_path):
    model = small().fit(X)
    scores, hidden, drawn = model.score_samples(X), model.transform(X), model.sample(20, random_state=0)
    model.set_params(activation="relu", n_hidden=3)
    model.save(tmp_path / "model")
    for again in (model, load(tmp_path / "model")):
        assert again.activation_ == "sigmoid"
        assert_array_equal(again.score_samples(X), scores)
        assert_array_equal(again.transform(X), hidden)
        assert_array_equal(again.sample(20, random_state=0), drawn)


@pytest.mark.parametrize("change", [{"activation": "relu"}, {"n_hidden": 3}, {"n_hidden": 12}])
def test_other_networks_do_not_go_on(change, X):
    model = small(warm_start=True).fit(X).set_params(**change)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=r"changed since it was fitted.*set them back"):
        model.partial_fit(X)
    assert vars(model) == before
    same_fit(model.fit(X), small(**change).fit(X))


def test_transform_makes_features(X):
    model = small().fit(X)
    hidden = model.transform(X)
    by_hand = 1 / (1 + np.exp(-(model.hidden_intercept_ + X @ model.input_weights_)))
    assert_allclose(hidden, by_hand, rtol=1e-12)
    assert list(model.get_feature_names_out()) == [f"nade{k}" for k in range(10)]
    y = X[:, 0] ^ X[:, 1]
    pipeline = make_pipeline(small(max_epochs=50), LogisticRegression(max_iter=1000)).fit(X, y)
    assert pipeline.score(X, y) > 0.6


def test_files(X, tmp_path):
    model = small(order="random", activation="relu", dropout=0.1).fit(X, X_val=X[:30])
    path = tmp_path / "model.fastmle"
    model.save(path)
    again = load(path)
    same_fit(model, again)
    assert_array_equal(model.score_samples(X), again.score_samples(X))
    assert_array_equal(model.validation_curve_, again.validation_curve_)
    assert again.get_params() == model.get_params()
    for name, wrong in (
        ("output_weights_", model.output_weights_[:, :-1]),
        ("hidden_intercept_", model.hidden_intercept_[:, None]),
        ("hidden_intercept_", np.empty(0)),
        ("activation_", "tanh"),
    ):
        damaged = copy.deepcopy(model)
        setattr(damaged, name, wrong)
        damaged.save(path)
        with pytest.raises(ModelFileError, match=name):
            load(path)


def test_information_of_networks(X):
    nade, fvsbn = small().fit(X), FVSBN().fit(X)
    states = all_rows(12)
    p, q = (np.exp(model.score_features(states).sum(axis=1)) for model in (nade, fvsbn))
    assert_allclose(kl_divergence(nade, fvsbn).mean, (p * np.log(p / q)).sum(), rtol=1e-9)
    assert_allclose(entropy(nade).mean, -(p * np.log(p)).sum(), rtol=1e-12)
    drawn = kl_divergence(nade, fvsbn, method="monte_carlo", n_samples=20_000, rng=0)
    assert abs(drawn.mean - (p * np.log(p / q)).sum()) < 5 * drawn.standard_error
    both = expectation(lambda x: x[0] and x[3], nade, n_samples=50_000, rng=0)
    assert abs(both.mean - p[(states[:, 0] & states[:, 3]) > 0].sum()) < 5 * both.standard_error
    difference = compare(nade, fvsbn, X).difference
    assert_allclose(difference.mean, nade.score(X) - fvsbn.score(X), atol=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_hidden": 0},
        {"activation": "tanh"},
        {"dropout": 1.0},
        {"alpha": -1.0},
        {"learning_rate": 0.0},
        {"learning_rate": -1.0},
        {"batch_size": 0},
        {"max_epochs": 0},
        {"solver": "batch"},
        {"schedule": "triangle"},
        {"clip_norm": 0.0},
        {"weight_decay": -0.1},
    ],
)
def test_parameters_that_make_no_sense(wrong, X):
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        small(**wrong).fit(X)


def test_batches_larger_than_the_data(X):
    with pytest.raises(ValueError, match="batch_size=401 is larger than the data"):
        small(batch_size=401).fit(X)
    assert small(batch_size=1, max_epochs=1).fit(X[:20]).n_iter_ == 1


def test_a_fit_that_diverges_keeps_the_earlier_one(X):
    model = small().fit(X)
    before = model.score(X)
    model.set_params(solver="sgd", activation="relu", learning_rate=1e30, average=False)
    with pytest.raises(DivergenceError, match=r"epoch 0, batch .*learning rate") as caught:
        model.fit(X)
    assert caught.value.state is not None
    assert np.isfinite(caught.value.state["parameters"]).all()
    model.set_params(activation="sigmoid")
    assert model.score(X) == before


def test_interrupted_fits_keep_the_earlier_one(X, monkeypatch):
    model = small().fit(X)
    before = model.score(X)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastmle.network.Gradient.__call__", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.score(X) == before


def test_bit_matrices(X):
    same_fit(small().fit(X), small().fit(BitMatrix.from_array(X)))


@pytest.mark.parametrize("scale", [1e20, 1e100])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_scores_beyond_float32(activation, scale, rng, X):
    model = small(activation=activation).fit(X)
    model.input_weights_[:] = scale * rng.normal(size=(12, 10))
    model.output_weights_[:] = scale * rng.normal(size=(12, 10))
    scores = model.score_samples(X)
    assert_allclose(scores, model.score_features(X).sum(axis=1), rtol=1e-5)
    assert_array_equal(model.score_samples(X[5:6]), scores[5:6])
