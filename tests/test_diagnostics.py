"""Diagnostics of Monte Carlo means, against samples whose tails are known and formulas of others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from fastmle.kernels import TAIL_SIZE
from fastmle.montecarlo.diagnostics import (
    effective_sample_size,
    largest_contribution,
    mean_interval,
    pareto_tail_index,
    tail_index,
    tail_index_limit,
    wilson_interval,
)
from fastmle.montecarlo.summaries import Summary


def summary_of(values):
    values = np.asarray(values)
    summary = Summary(1 if values.ndim == 1 else values.shape[1])
    summary.add(values)
    return summary


def largest_of(rng, n, quantile):
    """Draw the largest of n values, of a distribution that is given by its upper quantiles."""
    arrivals = np.cumsum(rng.exponential(size=TAIL_SIZE))
    return quantile(arrivals / (arrivals[-1] + rng.gamma(n + 1 - TAIL_SIZE)))


# Tails


@pytest.mark.parametrize("shape", [-0.5, 0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("scale", [1e-200, 3.0, 1e200])
def test_shape_of_exact_pareto_samples(shape, scale, rng):
    pareto = stats.genpareto(shape)
    shapes = [pareto_tail_index(scale * largest_of(rng, 10**6, pareto.isf) - scale, 10**6) for _ in range(60)]
    deviation = (1 + max(shape, 0)) / np.sqrt(TAIL_SIZE)
    assert abs(np.mean(shapes) - shape) < 0.03 + 4 * deviation / np.sqrt(60)
    assert np.std(shapes) < 1.6 * deviation


def test_shape_agrees_with_maximum_likelihood(rng):
    exceedances = stats.genpareto(0.4, scale=2.0).rvs(TAIL_SIZE - 1, random_state=rng)
    likely, _, _ = stats.genpareto.fit(exceedances, floc=0)
    got = pareto_tail_index([*exceedances, 0.0], 10**6)
    n = TAIL_SIZE - 1
    assert_allclose(got, (n * likely + 10 * 0.5) / (n + 10), atol=0.03)


def test_shape_keeps_to_few_of_few_values(rng):
    values = np.sort(rng.standard_cauchy(size=100))[::-1]
    assert pareto_tail_index(values, 100) == pareto_tail_index(rng.permutation(values[:21]), 100)
    assert pareto_tail_index(values, 100) != pareto_tail_index(values[:20], 100)


@pytest.mark.parametrize(
    ("largest", "n"),
    [
        ([], 0),
        ([1.0], 1),
        (np.arange(20.0), 20),  # four of twenty
        (np.arange(5.0), 1000),
        (np.ones(100), 1000),
        (np.zeros(100), 1000),
        ([*np.ones(50), *np.zeros(50)], 10_000),
        ([1e6, 1e5, 1e4, 1e3, *np.zeros(200)], 10_000),  # ties do not exceed
    ],
)
def test_no_shape(largest, n):
    assert np.isnan(pareto_tail_index(largest, n))


def test_shape_of_values_at_the_ends_of_the_range():
    steps = np.arange(1.0, 200.0)
    for values in (1.7e308 / steps, 5e-324 * np.round(1e6 / steps), np.r_[1.7e308, -steps * 8e305]):
        assert np.isfinite(pareto_tail_index(values, 10**6))


def test_both_tails_and_every_component(rng):
    light, heavy = rng.normal(size=20_000), np.abs(rng.standard_cauchy(size=20_000))
    summary = summary_of(np.stack([light, heavy, -heavy, rng.integers(2, size=20_000)], axis=1))
    shapes = tail_index(summary)
    assert shapes[0] < 0.4
    assert shapes[1] > 0.6
    assert shapes[1] == shapes[2]
    assert np.isnan(shapes[3])
    assert shapes[1] == pareto_tail_index(heavy, 20_000)


def test_the_limit_tells_infinite_variance_from_finite(rng):
    def quantile_of_exponential(a):
        return lambda u: np.exp(a * stats.norm.isf(u / 2) ** 2)

    n = 10**6
    finite = {
        "normal": stats.norm.isf,
        "exponential": stats.expon.isf,
        "lognormal": lambda u: np.exp(stats.norm.isf(u)),
        "exp(x^2 / 5)": quantile_of_exponential(1 / 5),
    }
    infinite = {
        "Cauchy": (lambda u: 1 / np.tan(np.pi * u), 0.99),
        "Pareto": (lambda u: u ** (-1 / 1.5), 0.6),
        "exp(0.35 x^2)": (quantile_of_exponential(0.35), 0.6),
    }
    for name, quantile in finite.items():
        shapes = [pareto_tail_index(largest_of(rng, n, quantile), n) for _ in range(100)]
        assert np.mean(np.array(shapes) > tail_index_limit(n)) <= 0.02, name
    for name, (quantile, share) in infinite.items():
        shapes = [pareto_tail_index(largest_of(rng, n, quantile), n) for _ in range(100)]
        assert np.mean(np.array(shapes) > tail_index_limit(n)) >= share, name


def test_the_limit_falls_with_the_number_of_values():
    limits = [tail_index_limit(n) for n in (1, 10, 100, 1000, 10_000, 100_000, 1e9)]
    assert limits == sorted(limits, reverse=True)
    assert 0.5 < limits[-1] < limits[0] < 1


# Intervals


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_wilson_interval(level):
    n = np.array([1, 1, 10, 10, 1000, 10**9, 10**9])
    n_successes = np.array([0, 1, 0, 3, 1000, 0, 12345])
    low, high = wilson_interval(n_successes, n, level)
    for k, (successes, trials) in enumerate(zip(n_successes.tolist(), n.tolist(), strict=True)):
        expected = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
        assert_allclose((low[k], high[k]), expected, rtol=1e-12, atol=1e-17)
        assert 0 <= low[k] <= successes / trials <= high[k] <= 1


def test_mean_interval(rng):
    values = rng.normal(size=(9, 3))
    summary = summary_of(values)
    low, high = mean_interval(summary.mean, summary.standard_error, summary.count - 1, 0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert_allclose(low, expected.low, rtol=1e-12)
    assert_allclose(high, expected.high, rtol=1e-12)
    assert_allclose(mean_interval(0.0, 1.0, np.inf), (-1.959964, 1.959964), rtol=1e-6)
    assert np.isnan(mean_interval(0.0, np.nan, 0)).all()


# Effective sizes


def test_effective_sample_size(rng):
    weights = rng.exponential(size=(500, 2))
    got = effective_sample_size(weights.sum(axis=0), (weights**2).sum(axis=0))
    assert_allclose(got, weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0))
    assert effective_sample_size(7.0, 7.0) == 7
    assert_array_equal(effective_sample_size(np.zeros(2), np.zeros(2)), 0.0)


def test_largest_contribution_is_exact_for_one_sign_and_a_bound_for_two(rng):
    values = np.stack([rng.exponential(size=5000), -rng.pareto(0.8, size=5000), np.full(5000, 2.0)], axis=1)
    share = np.abs(values).max(axis=0) / np.abs(values).sum(axis=0)
    assert_allclose(largest_contribution(summary_of(values)), share, rtol=1e-12)
    for values in (rng.normal(size=5000), rng.standard_cauchy(size=5000), np.r_[1e200, rng.normal(size=999)]):
        share = np.abs(values).max() / np.abs(values).sum()
        assert share * (1 - 1e-12) <= largest_contribution(summary_of(values)) <= min(1, 8 * share)
    assert_array_equal(largest_contribution(summary_of(np.zeros((5, 2)))), 0.0)
    assert_array_equal(largest_contribution(Summary(2)), 0.0)
    assert largest_contribution(summary_of([-3.0])) == 1
