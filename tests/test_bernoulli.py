"""BernoulliMLE: the coin in closed form."""

import numpy as np
import pytest
from scipy import stats

from fastmle import FVSBN, BernoulliMLE, BitMatrix

COIN = [[1], [1], [0], [1], [0]]  # H, H, T, H, T


def test_the_coin_is_exact():
    coin = BernoulliMLE().fit(COIN)
    assert coin.theta_[0] == 0.6
    assert coin.standard_error_[0] == pytest.approx(np.sqrt(0.6 * 0.4 / 5), rel=1e-15)
    np.testing.assert_allclose(coin.score_samples([[1], [0]]), np.log([0.6, 0.4]), rtol=1e-14)


def test_the_estimate_is_the_top_of_the_likelihood_curve():
    coin = BernoulliMLE().fit(COIN)
    grid = np.linspace(0, 1, 101)
    curve = coin.log_likelihood(grid)
    assert curve.shape == (101,)
    assert grid[np.argmax(curve)] == pytest.approx(0.6)
    np.testing.assert_allclose(curve[1:-1], 3 * np.log(grid[1:-1]) + 2 * np.log1p(-grid[1:-1]), rtol=1e-12)
    assert curve[0] == curve[-1] == -np.inf
    assert coin.log_likelihood(0.6) == pytest.approx(5 * coin.score(COIN), rel=1e-14)
    assert BernoulliMLE().fit([[1]]).log_likelihood(1.0) == 0.0  # 0 log 0


def test_log_likelihood_of_several_columns(random_bits):
    X = random_bits(50, 3)
    model = BernoulliMLE().fit(X)
    assert model.log_likelihood(model.theta_) == pytest.approx(model.score_samples(X).sum(), rel=1e-13)
    two = model.log_likelihood([[0.5, 0.5, 0.5], [0.1, 0.2, 0.3]])
    expected = (X * np.log([0.1, 0.2, 0.3]) + (1 - X) * np.log([0.9, 0.8, 0.7])).sum()
    np.testing.assert_allclose(two, [150 * np.log(0.5), expected], rtol=1e-13)
    with pytest.raises(ValueError, match="one entry for each of the 3 columns"):
        model.log_likelihood([0.5, 0.5])
    with pytest.raises(ValueError, match="between 0 and 1"):
        model.log_likelihood([0.5, 0.5, 1.5])


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_wilson_interval_against_scipy(rng, level):
    X = (rng.random((37, 4)) < [0.0, 0.1, 0.5, 1.0]).astype(int)
    interval = BernoulliMLE().fit(X).confidence_interval(level)
    for j in range(4):
        expected = stats.binomtest(int(X[:, j].sum()), 37).proportion_ci(level, method="wilson")
        assert interval.low[j] == pytest.approx(expected.low, abs=1e-12)
        assert interval.high[j] == pytest.approx(expected.high, abs=1e-12)
    with pytest.raises(ValueError, match="between 0 and 1"):
        BernoulliMLE().fit(X).confidence_interval(95)


def test_smoothing_and_weights(random_bits, rng):
    X = random_bits(40, 9)
    weight = rng.integers(0, 4, 40)
    model = BernoulliMLE(smoothing=1.0).fit(X, sample_weight=weight)
    repeated = BernoulliMLE(smoothing=1.0).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(model.theta_, repeated.theta_, rtol=1e-15)
    np.testing.assert_allclose(model.standard_error_, repeated.standard_error_, rtol=1e-14)
    np.testing.assert_allclose(model.theta_, (weight @ X + 1) / (weight.sum() + 2), rtol=1e-14)
    bits = BitMatrix.from_array(X, sample_weight=weight)
    np.testing.assert_array_equal(BernoulliMLE(smoothing=1.0).fit(bits).theta_, model.theta_)


def test_unseen_outcomes_score_minus_infinity():
    model = BernoulliMLE().fit([[1, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(model.theta_, [1, 0, 0.5])
    np.testing.assert_allclose(
        model.score_features([[1, 0, 1], [0, 1, 1]]),
        [[0, 0, np.log(0.5)], [-np.inf, -np.inf, np.log(0.5)]],
        atol=1e-300,
    )
    np.testing.assert_array_equal(model.sample(100, random_state=0)[:, :2], np.tile([1, 0], (100, 1)))


def test_it_is_the_network_without_weights(random_bits):
    X = random_bits(200, 10, 0.3)
    independent = BernoulliMLE(smoothing=0.5).fit(X)
    stiff = FVSBN(alpha=1e12, smoothing=0.5, tol=1e-10).fit(X)
    np.testing.assert_allclose(independent.score_samples(X), stiff.score_samples(X), rtol=1e-6)
    np.testing.assert_allclose(
        independent.conditional_proba(X), np.tile(independent.theta_, (200, 1)), rtol=1e-14
    )
    np.testing.assert_array_equal(independent.complete(X[:, :4], n_draws=2)[:, 1, :4], X[:, :4])


def test_drawn_shares(random_bits):
    model = BernoulliMLE().fit([[1, 0, 1, 1], [0, 0, 1, 0], [1, 0, 0, 1], [1, 1, 1, 0]])
    shares = model.sample(40_000, random_state=1).mean(axis=0)
    np.testing.assert_allclose(shares, model.theta_, atol=4 * 0.5 / 200)
