"""FVSBN: the optimum, weights, orders, degenerate columns, input forms, drawing."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from fastmle import FVSBN, BitMatrix, ConvergenceWarning, SeparationWarning, fvsbn_value_and_gradient
from fastmle.data.duplicates import worth_merging


@pytest.fixture
def chain(rng, random_fvsbn):
    """Draws from a random network: columns that depend on one another, 1500 x 12."""
    coef, intercept = random_fvsbn(12, scale=1.5)
    X = np.zeros((1500, 12), dtype=np.uint8)
    for i in range(12):
        X[:, i] = rng.random(1500) < expit(intercept[i] + X @ coef[i])
    return X


def regression(X, y, alpha, sample_weight=None):
    """Return scikit-learn's exact coefficients and intercept."""
    model = LogisticRegression(C=1 / alpha, solver="newton-cholesky", tol=1e-12, max_iter=500)
    model.fit(X.astype(float), y, sample_weight=sample_weight)
    return model.coef_[0], model.intercept_[0]


def penalised_gradient(model, X, sample_weight=None):
    """Return the largest entry of the penalised gradient, divided by the sum of weights."""
    order = model.order_
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    coef = model.coef_[np.ix_(order, order)]
    _, grad_coef, grad_intercept = fvsbn_value_and_gradient(
        X[:, order], coef, model.intercept_[order], sample_weight=weight, dtype=np.float64
    )
    b = model.intercept_[order]
    grad_coef -= model.alpha * coef
    grad_intercept -= model.smoothing * (expit(b) - expit(-b))
    return max(np.abs(grad_coef).max(), np.abs(grad_intercept).max()) / weight.sum()


@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_are_those_of_logistic_regressions(chain, rng, alpha, weighted):
    weight = rng.integers(0, 4, len(chain)).astype(float) if weighted else None
    model = FVSBN(alpha=alpha, smoothing=0, tol=1e-10).fit(chain, sample_weight=weight)
    for i in range(1, chain.shape[1]):
        coef, intercept = regression(chain[:, :i], chain[:, i], alpha, weight)
        np.testing.assert_allclose(model.coef_[i, :i], coef, atol=1e-6)
        np.testing.assert_allclose(model.intercept_[i], intercept, atol=1e-6)
    share = np.average(chain[:, 0], weights=weight)
    np.testing.assert_allclose(model.intercept_[0], np.log(share / (1 - share)), rtol=1e-12)


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
def test_tol_bounds_the_gradient(chain, tol):
    model = FVSBN(tol=tol).fit(chain)
    assert model.converged_
    assert penalised_gradient(model, chain) <= tol
    assert np.all(np.diff(model.loss_curve_) <= 1e-6)  # single precision at first
    assert len(model.loss_curve_) == model.n_iter_ + 1


def test_loss_curve_ends_at_the_objective(chain):
    model = FVSBN(alpha=2.0, smoothing=0.7).fit(chain)
    b = model.intercept_
    penalty = (model.coef_**2).sum() - 0.7 * (np.log(expit(b)) + np.log(expit(-b))).sum()
    expected = (penalty - model.score_features(chain).sum()) / len(chain)
    np.testing.assert_allclose(model.loss_curve_[-1], expected, rtol=1e-12)


def test_smoothing_alone_is_lidstone():
    X = np.array([[1]] * 3 + [[0]] * 4)
    model = FVSBN(smoothing=2.0).fit(X)
    np.testing.assert_allclose(expit(model.intercept_), (3 + 2) / (7 + 4), rtol=1e-9)


def test_smoothing_is_pseudo_observations_in_the_empty_context(chain):
    pseudo = np.zeros((2, 5), dtype=np.uint8)
    pseudo[0, 4] = 1
    model = FVSBN(smoothing=1.5, alpha=0.5, tol=1e-10).fit(chain[:, :5])
    explicit = FVSBN(smoothing=0, alpha=0.5, tol=1e-10).fit(
        np.vstack([chain[:, :5], pseudo]), sample_weight=np.r_[np.ones(len(chain)), 1.5, 1.5]
    )
    np.testing.assert_allclose(model.coef_[4], explicit.coef_[4], atol=1e-6)
    np.testing.assert_allclose(model.intercept_[4], explicit.intercept_[4], atol=1e-6)


def test_integer_weights_are_repetitions(chain, rng):
    weight = rng.integers(0, 3, len(chain))
    weighted = FVSBN(tol=1e-10).fit(chain, sample_weight=weight)
    repeated = FVSBN(tol=1e-10).fit(np.repeat(chain, weight, axis=0))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-7)
    np.testing.assert_allclose(
        weighted.score(chain, sample_weight=weight),
        repeated.score(np.repeat(chain, weight, axis=0)),
        rtol=1e-7,
    )
    bits = BitMatrix.from_array(chain, sample_weight=weight)
    np.testing.assert_array_equal(FVSBN(tol=1e-10).fit(bits).coef_, weighted.coef_)
    assert weighted.score(bits) == weighted.score(chain, sample_weight=weight)


@pytest.mark.parametrize("d", [1, 7, 8, 9, 63, 64, 65])
@pytest.mark.parametrize("n", [1, 300])
def test_threads_do_not_change_a_bit(random_bits, n, d):
    X = random_bits(n, d, 0.3)
    one = FVSBN(n_jobs=1, max_iter=200).fit(X)
    two = FVSBN(n_jobs=2, max_iter=200).fit(X)
    for name in ("coef_", "intercept_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.score_samples(X), two.score_samples(X))
    np.testing.assert_array_equal(one.sample(50, random_state=3), two.sample(50, random_state=3))
    assert penalised_gradient(one, X) <= 1e-6


def test_threads_on_several_tiles(random_bits):
    X = random_bits(9000, 40, 0.2)
    one, three = FVSBN(n_jobs=1).fit(X), FVSBN(n_jobs=3).fit(X)
    np.testing.assert_array_equal(one.coef_, three.coef_)
    np.testing.assert_array_equal(one.score_features(X), three.score_features(X))


def test_order_is_a_renaming_of_columns(chain, rng):
    order = rng.permutation(12)
    model = FVSBN(order=order, tol=1e-10).fit(chain)
    plain = FVSBN(tol=1e-10).fit(chain[:, order])
    np.testing.assert_array_equal(model.order_, order)
    np.testing.assert_array_equal(model.coef_[np.ix_(order, order)], plain.coef_)
    np.testing.assert_array_equal(model.intercept_[order], plain.intercept_)
    assert not np.triu(model.coef_[np.ix_(order, order)]).any()
    np.testing.assert_array_equal(model.score_samples(chain), plain.score_samples(chain[:, order]))
    np.testing.assert_array_equal(
        model.score_features(chain)[:, order], plain.score_features(chain[:, order])
    )
    np.testing.assert_array_equal(
        model.conditional_proba(chain)[:, order], plain.conditional_proba(chain[:, order])
    )
    np.testing.assert_array_equal(
        model.sample(20, random_state=1)[:, order], plain.sample(20, random_state=1)
    )


def test_random_order_follows_the_seed(chain):
    first = FVSBN(order="random", random_state=5).fit(chain)
    again = FVSBN(order="random", random_state=5).fit(chain)
    other = FVSBN(order="random", random_state=6).fit(chain)
    np.testing.assert_array_equal(first.coef_, again.coef_)
    assert not np.array_equal(first.order_, other.order_)
    assert sorted(first.order_) == list(range(12))


def test_scores_are_consistent(chain):
    model = FVSBN().fit(chain)
    logits = chain @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.conditional_proba(chain), expit(logits), rtol=1e-12)
    terms = np.log(np.where(chain == 1, expit(logits), expit(-logits)))
    np.testing.assert_allclose(model.score_features(chain), terms, rtol=1e-12)
    np.testing.assert_allclose(model.score_samples(chain), terms.sum(axis=1), rtol=1e-6)
    assert model.score(chain) == pytest.approx(model.score_samples(chain).mean(), rel=1e-12)
    assert isinstance(model.score(chain), float)
    assert model.bits_per_dim(chain) == pytest.approx(-model.score(chain) / 12 / np.log(2), rel=1e-15)


def test_all_states_sum_to_one(random_bits):
    model = FVSBN(order="random", random_state=0, alpha=0.1).fit(random_bits(100, 9))
    states = ((np.arange(512)[:, None] >> np.arange(9)) & 1).astype(np.uint8)
    assert np.exp(model.score_samples(states)).sum() == pytest.approx(1.0, abs=5e-6)
    assert np.exp(model.score_features(states).sum(axis=1)).sum() == pytest.approx(1.0, abs=1e-12)


def test_repeated_rows_and_weights_give_the_same_fit(random_bits, rng):
    kinds = random_bits(150, 9)
    X = kinds[rng.integers(150, size=3000)]
    assert worth_merging(BitMatrix.from_array(X))
    assert not worth_merging(BitMatrix.from_array(kinds))
    times = np.array([(kind == X).all(axis=1).sum() for kind in np.unique(kinds, axis=0)])
    repeated = FVSBN(tol=1e-9).fit(X)
    weighted = FVSBN(tol=1e-9).fit(np.unique(kinds, axis=0), sample_weight=times)
    np.testing.assert_allclose(repeated.coef_, weighted.coef_, atol=1e-6)
    assert repeated.score(X) == pytest.approx(weighted.score(X), rel=1e-7)


def test_every_input_form_gives_the_same_fit(chain):
    names = [f"item{i}" for i in range(12)]
    expected = FVSBN().fit(chain).coef_
    forms = [
        chain.astype(bool),
        chain.astype(np.float32),
        chain.astype(">i8"),
        np.asfortranarray(chain),
        chain.tolist(),
        scipy.sparse.csr_matrix(chain),
        scipy.sparse.csc_array(chain),
        pd.DataFrame(chain, columns=names),
        pl.DataFrame(chain, schema=names),
        pl.DataFrame(chain, schema=names).to_arrow(),
        BitMatrix.from_array(chain),
    ]
    for form in forms:
        np.testing.assert_array_equal(FVSBN().fit(form).coef_, expected)


def test_constant_columns_without_smoothing(chain):
    X = chain.copy()
    X[:, 3], X[:, 7] = 0, 1
    with pytest.warns(SeparationWarning, match=r"column\(s\) 3, 7: a single outcome"):
        model = FVSBN(smoothing=0).fit(X)
    assert model.converged_
    assert model.intercept_[3] == -np.inf
    assert model.intercept_[7] == np.inf
    assert not model.coef_[[3, 7]].any()
    assert np.isfinite(model.score_samples(X)).all()
    unseen = X[:2].copy()
    unseen[0, 3], unseen[1, 7] = 1, 0
    np.testing.assert_array_equal(model.score_samples(unseen), [-np.inf, -np.inf])
    assert model.score(unseen) == -np.inf
    assert not np.isnan(model.score_features(unseen)).any()
    drawn = model.sample(500, random_state=0)
    assert not drawn[:, 3].any()
    assert drawn[:, 7].all()


def test_constant_columns_with_smoothing_are_finite(chain):
    X = chain.copy()
    X[:, 0], X[:, 7] = 0, 1
    model = FVSBN().fit(X)
    assert model.converged_
    assert np.isfinite(model.score_samples(1 - X)).all()


def test_zero_weights_decide_what_is_constant(chain):
    weight = chain[:, 4].astype(float)  # leaves the rows in which column 4 is one
    with pytest.warns(SeparationWarning, match=r"column\(s\) 4:"):
        model = FVSBN(smoothing=0).fit(chain, sample_weight=weight)
    assert model.intercept_[4] == np.inf


def test_duplicate_columns_share_the_weight(crossed):
    X = crossed[:, [0, 0, 1]]
    model = FVSBN(tol=1e-10).fit(X)
    assert model.converged_
    assert model.coef_[2, 0] == pytest.approx(model.coef_[2, 1], abs=1e-6)
    # Without a penalty the split is arbitrary, the sum is not.
    single = FVSBN(alpha=0, smoothing=0, tol=1e-10).fit(X[:, 1:])
    with pytest.warns(SeparationWarning, match=r"column\(s\) 1:"):  # column 0 predicts its copy
        double = FVSBN(alpha=0, smoothing=0, tol=1e-8).fit(X)
    assert double.coef_[2, :2].sum() == pytest.approx(single.coef_[1, 0], abs=1e-5)


@pytest.fixture
def crossed(rng):
    """Every combination of five columns occurs with either outcome of the sixth: a finite optimum."""
    states = (np.arange(64)[:, None] >> np.arange(6)) & 1
    return np.repeat(states, rng.integers(1, 30, 64), axis=0).astype(np.uint8)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_separable_column_is_named(crossed, smoothing):
    # With smoothing the intercept is held, so only a rule without intercept separates: a copy does.
    last = crossed[:, 2] & crossed[:, 4] if smoothing == 0 else crossed[:, 2]
    frame = pd.DataFrame(np.column_stack([crossed, last]), columns=list("abcdefg"))
    with pytest.warns(SeparationWarning, match=r"column\(s\) 6 \('g'\): a single outcome"):
        FVSBN(alpha=0, smoothing=smoothing).fit(frame)


def test_finite_optimum_without_penalty_is_not_called_separable(crossed):
    model = FVSBN(alpha=0, smoothing=0, tol=1e-9).fit(crossed)  # warnings are errors
    coef, intercept = regression(crossed[:, :5], crossed[:, 5], 1e-9)
    np.testing.assert_allclose(model.coef_[5, :5], coef, atol=1e-6)
    np.testing.assert_allclose(model.intercept_[5], intercept, atol=1e-6)


def test_stopping_early_warns_and_says_what_to_do(chain):
    with pytest.warns(ConvergenceWarning, match=r"Increase max_iter \(now 2\)"):
        model = FVSBN(max_iter=2).fit(chain)
    assert not model.converged_
    assert np.isfinite(model.score(chain))


def test_warm_start(chain):
    model = FVSBN(warm_start=True).fit(chain)
    cold = model.n_iter_
    model.set_params(alpha=1.05).fit(chain)
    assert model.n_iter_ < cold
    np.testing.assert_allclose(model.coef_, FVSBN(alpha=1.05).fit(chain).coef_, atol=1e-2)
    assert penalised_gradient(model, chain) <= 1e-6
    model.fit(chain[:, :5])  # another shape starts afresh
    np.testing.assert_array_equal(model.coef_, FVSBN(alpha=1.05).fit(chain[:, :5]).coef_)


def test_sampled_rows_follow_the_density(random_bits):
    model = FVSBN(alpha=0.1, order=[3, 1, 0, 2]).fit(random_bits(60, 4))
    states = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.uint8)
    expected = np.exp(model.score_samples(states)) * 40_000
    drawn = model.sample(40_000, random_state=0)
    counts = np.bincount(drawn @ (1 << np.arange(4)), minlength=16)
    assert ((counts - expected) ** 2 / expected).sum() < 45  # chi-square, 15 degrees: p = 1e-4


def test_complete_keeps_the_prefix_and_follows_the_conditional(chain):
    order = np.random.default_rng(0).permutation(12)
    frame = pd.DataFrame(chain, columns=[f"item{i}" for i in range(12)])
    model = FVSBN(order=order).fit(frame)
    given = order[:10]
    prefix = frame.iloc[:4, sorted(given)]  # by name, in any order
    whole = model.complete(prefix, n_draws=3000, random_state=0)
    assert whole.shape == (4, 3000, 12)
    np.testing.assert_array_equal(whole[:, :, given], np.repeat(chain[:4, None, given], 3000, axis=1))
    # Exact probability of the two columns left, from all four completions.
    for row in range(4):
        states = np.repeat(chain[row][None], 4, axis=0)
        states[:, order[10:]] = [[0, 0], [0, 1], [1, 0], [1, 1]]
        p = np.exp(model.score_samples(pd.DataFrame(states, columns=frame.columns)))
        counts = np.bincount(whole[row][:, order[10:]] @ [2, 1], minlength=4)
        assert ((counts - 3000 * p / p.sum()) ** 2 / (3000 * p / p.sum())).sum() < 25
    positional = FVSBN(order=order).fit(chain)
    np.testing.assert_array_equal(positional.complete(chain[:4, given], n_draws=3000, random_state=0), whole)


@pytest.mark.parametrize(
    "X", [[[1], [1]], [[1, 0], [1, 0]], np.repeat([[1, 0, 0, 1, 1, 1, 0, 1, 0]], 5000, axis=0)]
)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_all_columns_constant(X, alpha):
    with pytest.warns(SeparationWarning, match="lies at infinity"):
        model = FVSBN(smoothing=0, alpha=alpha, order="random", random_state=0).fit(X)
    assert model.converged_
    assert model.score(X) == 0.0
    np.testing.assert_array_equal(model.intercept_, np.where(np.asarray(X)[0] == 1, np.inf, -np.inf))
    np.testing.assert_array_equal(model.sample(3), np.asarray(X)[[0, 0, 0]])


@pytest.mark.parametrize("tol", [1e-6, 1e-8, 1e-10])
def test_separation_is_found_at_any_tolerance(rng, tol):
    for _ in range(15):
        X = (rng.random((int(rng.integers(10, 80)), 5)) < 0.4).astype(np.uint8)
        X[:, 4] = X[:, 0] | X[:, 2]
        X[:2] = [[0, 0, 0, 0, 0], [1, 0, 1, 0, 1]]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            FVSBN(alpha=0, tol=tol).fit(X)
        (message,) = [str(w.message) for w in caught if w.category is SeparationWarning]
        assert "4: a single outcome" in message


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_weights_of_any_size(chain, scale):
    # Weights, penalty and smoothing scaled alike leave the estimate where it is.
    weight = np.full(len(chain), scale)
    model = FVSBN(alpha=scale, smoothing=0.5 * scale, tol=1e-9).fit(chain, sample_weight=weight)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, FVSBN(tol=1e-9).fit(chain).coef_, atol=1e-6)


def test_strong_smoothing_converges(chain):
    model = FVSBN(smoothing=1e8).fit(chain)
    assert model.converged_
    assert penalised_gradient(model, chain) <= 1e-6


def test_callbacks_see_a_model_after_each_pass(chain):
    class Recorder:
        def __init__(self):
            self.scores = []

        def setup(self, estimator, context):
            self.scores.clear()

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if context.task_name == "pass":
                self.scores.append(fitted_estimator.score(X))

    recorder = Recorder()
    frame = pd.DataFrame(chain, columns=list("abcdefghijkl"))
    model = FVSBN(order="random", random_state=0).set_callbacks(recorder).fit(frame)
    assert len(recorder.scores) == model.n_iter_
    assert recorder.scores[-1] == model.score(frame)
    assert recorder.scores[0] < recorder.scores[-1]


def test_progress_bar_of_scikit_learn(chain, capsys):
    from sklearn.callback import ProgressBar

    FVSBN().set_callbacks(ProgressBar()).fit(chain)
    assert "FVSBN - fit" in capsys.readouterr().out
