"""Fits along streams: partial_fit, iterators of batches, and what they must not forget."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from fastmle import FVSBN, BernoulliMLE, BitMatrix, DivergenceError, load


@pytest.fixture
def chain(rng, random_fvsbn):
    """Draws from a random network, 3000 x 8."""
    coef, intercept = random_fvsbn(8, scale=1.5)
    X = np.zeros((3000, 8), dtype=np.uint8)
    for i in range(8):
        X[:, i] = rng.random(3000) < expit(intercept[i] + X @ coef[i])
    return X


def chunks(X, size):
    return [X[start : start + size] for start in range(0, len(X), size)]


def streamed(X, size, **options):
    model = FVSBN(random_state=0, **options)
    for chunk in chunks(X, size):
        model.partial_fit(chunk)
    return model


def loss_left(model, X):
    """Return which share of what dependence is worth has not been learned."""
    best, marginals = FVSBN().fit(X).score(X), BernoulliMLE().fit(X).score(X)
    return (best - model.score(X)) / (best - marginals)


def assert_same_fit(first, second):
    for name in ("coef_", "intercept_", "loss_curve_"):
        assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 3000])
def test_one_pass_comes_near_the_optimum(chain, size):
    model = streamed(chain, size)
    assert loss_left(model, chain) < 0.4
    assert (model.n_iter_, model.n_samples_seen_) == (-(-3000 // size), 3000)
    assert (model.stopped_, model.total_weight_) == ("stream", 3000.0)
    assert 40 < len(model.loss_curve_) <= 3000 // 64  # entries of 64 rows at least
    assert model.score_features(chain).shape == chain.shape
    assert model.sample(4, random_state=0).shape == (4, 8)
    assert model.complete(chain[:2, :3]).shape == (2, 1, 8)


@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov", "adamw"])
def test_solvers_of_streams(chain, solver):
    model = streamed(np.vstack([chain] * 4), 500, solver=solver)
    assert loss_left(model, chain) < 0.3


def test_the_start_is_that_of_the_marginals(chain):
    model = FVSBN(learning_rate=1e-12, smoothing=2.0).partial_fit(chain[:10])
    assert_allclose(model.intercept_, logit((chain[:10].sum(axis=0) + 2) / 14), atol=1e-9)
    bare = FVSBN(learning_rate=1e-12, smoothing=0.0).partial_fit(chain[:1])
    assert np.isfinite(bare.intercept_).all()  # no outcome is certain yet


def test_the_penalty_is_that_of_all_rows_so_far(chain):
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    model = FVSBN(solver="sgd", average=False, schedule="constant", alpha=4.0, learning_rate=0.5)
    model.set_params(smoothing=0.0, batch_size=4)
    model.fit(X)
    weight, intercept, seen = 1.0, -0.5, 4
    model.coef_[1, 0], model.intercept_[1] = weight, intercept
    for _ in range(3):
        model.partial_fit(X)
        seen += 4
        residuals = X[:, 1] - expit(weight * X[:, 0] + intercept)
        weight -= 0.5 * (4.0 / seen * weight - np.mean(residuals * X[:, 0]))
        intercept += 0.5 * np.mean(residuals)
        assert model.coef_[1, 0] == pytest.approx(weight, abs=1e-6)
        assert model.intercept_[1] == pytest.approx(intercept, abs=1e-6)
    assert model.n_samples_seen_ == 16


def test_chunks_of_the_same_rows_weigh_the_same(chain, rng):
    # A weight of two in a chunk by itself counts twice, as it would among others.
    options = {"solver": "sgd", "average": False, "schedule": "constant", "learning_rate": 0.1}
    model = FVSBN(alpha=0.0, smoothing=0.0, random_state=0, batch_size=100, **options)
    model.partial_fit(chain[:100])
    before = model.intercept_.copy()
    heavy = pickle.loads(pickle.dumps(model)).partial_fit(chain[100:200], sample_weight=np.full(100, 2.0))
    light = model.partial_fit(chain[100:200])
    assert_allclose(heavy.intercept_ - before, (light.intercept_ - before) * 2 / 1.5, atol=1e-6)
    assert (heavy.total_weight_, light.total_weight_) == (300.0, 200.0)


def test_rows_of_weight_zero_do_not_count(chain):
    weight = np.arange(300) % 3.0
    model = FVSBN(random_state=0).partial_fit(chain[:300], sample_weight=weight)
    removed = FVSBN(random_state=0).partial_fit(chain[:300][weight > 0], sample_weight=weight[weight > 0])
    assert_same_fit(model, removed)
    packed = BitMatrix.from_array(chain[:300], sample_weight=weight)
    assert_same_fit(model, FVSBN(random_state=0).partial_fit(packed))


def test_a_pickle_goes_on_with_the_same_bits(chain):
    whole = streamed(chain, 700)
    half = streamed(chain[:1400], 700)
    half = pickle.loads(pickle.dumps(half))
    for chunk in chunks(chain[1400:], 700):
        half.partial_fit(chunk)
    assert_same_fit(whole, half)


def test_a_file_goes_on_with_a_new_optimiser(chain, tmp_path):
    half = streamed(chain[:1500], 500)
    half.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.n_samples_seen_ == 1500
    for chunk in chunks(chain[1500:], 500):
        again.partial_fit(chunk)
    assert again.n_samples_seen_ == 3000
    assert loss_left(again, chain) < 0.15


@pytest.mark.parametrize("solver", ["batch", "adam"])
def test_going_on_from_a_fit(chain, solver):
    model = FVSBN(solver=solver, order="random", random_state=0).fit(chain[:2000])
    before, order = model.score(chain[2000:]), model.order_
    model.partial_fit(chain[2000:2010])
    assert_array_equal(model.order_, order)
    assert model.score(chain[2000:]) == pytest.approx(before, abs=0.01)  # a few rows do not tear it away
    for chunk in chunks(chain[2010:], 99):
        model.partial_fit(chunk)
    assert loss_left(model, chain) < 0.15
    assert model.n_samples_seen_ == 3000


def test_fit_begins_anew(chain):
    model = streamed(chain[:500], 100)
    assert_array_equal(model.fit(chain).coef_, FVSBN().fit(chain).coef_)
    first = FVSBN(random_state=0).partial_fit(chain[:100])
    again = FVSBN(solver="adam", max_epochs=1, random_state=0).fit(chain).partial_fit(chain[:100])
    assert not np.array_equal(first.coef_, again.coef_)


def test_order_and_names_of_the_first_chunk_hold(chain):
    frame = pd.DataFrame(chain, columns=list("abcdefgh"))
    model = FVSBN(order="random", random_state=3).partial_fit(frame[:100])
    order = model.order_.copy()
    model.partial_fit(frame[100:200])
    assert_array_equal(model.order_, order)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(frame[frame.columns[::-1]])
    with (
        pytest.raises(ValueError, match="X has 7 features, but FVSBN is expecting 8 features"),
        pytest.warns(UserWarning, match="does not have valid feature names"),
    ):
        model.partial_fit(chain[:, :7])
    with pytest.raises(ValueError, match=r"X\[0, 0\] is [23]"):
        model.partial_fit(chain + 2)
    assert vars(model) == before
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.partial_fit(chain[200:300])
    assert_array_equal(model.feature_names_in_, list("abcdefgh"))
    unnamed = FVSBN().partial_fit(chain[:100])
    with pytest.warns(UserWarning, match="fitted without feature names"):
        unnamed.partial_fit(frame[100:200])
    assert not hasattr(unnamed, "feature_names_in_")


def test_an_iterator_brings_its_own_names(chain):
    model = FVSBN(solver="adam", warm_start=True).fit(pd.DataFrame(chain, columns=list("abcdefgh")))
    model.fit(iter([pd.DataFrame(chain, columns=list("stuvwxyz"))]))
    assert_array_equal(model.feature_names_in_, list("stuvwxyz"))
    model.fit(iter([chain]))
    assert not hasattr(model, "feature_names_in_")


@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_schedules_without_a_length(chain, schedule):
    model = FVSBN().fit(chain)
    coef = model.coef_
    with pytest.raises(ValueError, match="needs a length"):
        model.set_params(schedule=schedule).partial_fit(chain)
    assert model.coef_ is coef


def test_what_is_not_for_streams(chain, tmp_path):
    with pytest.raises(ValueError, match="early_stopping=True is for fit on a table"):
        FVSBN(early_stopping=True).partial_fit(chain)
    with pytest.raises(ValueError, match=r"checkpoint=.* is for fit on a table"):
        FVSBN(checkpoint=str(tmp_path / "c"), random_state=0).partial_fit(chain)


def test_a_stream_that_diverges_keeps_the_last_chunk(chain):
    model = FVSBN(solver="sgd", random_state=0, batch_size=100).partial_fit(chain[:500])
    before = {name: value for name, value in vars(model).items() if name.endswith("_")}
    broken = pickle.loads(pickle.dumps(model))
    broken._stream._descent.parameters[:] = 3e38
    with pytest.raises(DivergenceError, match=r"chunk 1, batch 0 .*learning rate"):
        broken.partial_fit(chain[500:])
    for name, value in before.items():
        assert_array_equal(getattr(broken, name), value)
    broken.partial_fit(chain[500:])  # from the parameters of the first chunk
    assert broken.score(chain) > model.score(chain) - 0.1


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_last_step_of_a_chunk_may_diverge(chain, solver):
    model = FVSBN(solver=solver, learning_rate=1e45, batch_size=len(chain))
    with pytest.raises(DivergenceError, match=r"chunk 0, batch 0 .*a parameter is not finite after a step"):
        model.partial_fit(chain)
    assert not hasattr(model, "coef_")
    with pytest.raises(DivergenceError, match="a parameter is not finite after a step"):
        model.set_params(max_time=0).fit(chain)


@pytest.mark.parametrize("solver", ["batch", "adam"])
def test_iterators_of_batches(chain, solver):
    frame = pd.DataFrame(chain, columns=list("abcdefgh"))
    model = FVSBN(solver=solver, random_state=0).fit(iter(chunks(frame, 700)))
    if solver == "batch":
        assert_same_fit(model, FVSBN().fit(frame))
    else:
        assert_same_fit(model, streamed(frame, 700, solver=solver))
        model.partial_fit(frame[:100])  # goes on
    assert_array_equal(model.feature_names_in_, list("abcdefgh"))
    assert model.n_samples_seen_ in (3000, 3100)


@pytest.mark.parametrize("solver", ["batch", "adam"])
def test_iterators_with_weights(chain, rng, solver):
    weight = rng.integers(0, 3, len(chain)).astype(float)
    packed = BitMatrix.from_array(chain, sample_weight=weight)
    batches = [packed[:1000], BitMatrix.from_array(chain[1000:1500]), packed[1500:]]
    weight[1000:1500] = 1
    model = FVSBN(solver=solver, random_state=0).fit(iter(batches))
    assert model.total_weight_ == weight.sum()
    if solver == "batch":
        explicit = FVSBN(tol=1e-9).fit(chain, sample_weight=weight)
        assert_allclose(model.coef_, explicit.coef_, atol=1e-4)


@pytest.mark.parametrize("solver", ["batch", "adam"])
def test_bad_iterators(chain, solver):
    model = FVSBN(solver=solver).fit(chain)
    coef = model.coef_
    frame = pd.DataFrame(chain, columns=list("abcdefgh"))
    for batches, message in (
        ([], "has no batches"),
        ([chain[:5], chain[:5, :3]], "batch 1 of the iterator has 3 columns, batch 0 has 8"),
        ([frame[:5], frame[:5][frame.columns[::-1]]], "column names of batch 1"),
        ([chain[:5], chain[:5] + 1], r"is 2: every value must be 0 or 1"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(iter(batches))
    with pytest.raises(ValueError, match="sample_weight and X_val do not go with an iterator"):
        model.fit(iter([chain]), sample_weight=np.ones(3000))
    assert model.coef_ is coef


def test_concatenation_of_tiles(random_bits, weights):
    from fastmle.data import concatenate

    X = random_bits(10_000, 19)
    parts = [BitMatrix.from_array(part) for part in (X[:1], X[1:5000], X[5000:9096], X[9096:])]
    assert_array_equal(concatenate(parts).to_array(), X)
    assert concatenate(parts).sample_weight is None
    with pytest.raises(ValueError, match="part 1 has 18 columns, part 0 has 19"):
        concatenate([parts[0], BitMatrix.from_array(X[:, 1:])])
