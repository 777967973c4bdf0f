"""Expectations: exact values, intervals that cover, stopping, streams, results that add up."""

import contextlib
import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from fastmle import (
    FVSBN,
    BernoulliMLE,
    BitMatrix,
    ConvergenceWarning,
    HeavyTailWarning,
    expectation,
    log_expectation,
)


def square(x):
    return x * x


def both_bits(x):
    return x[1] and not x[3]


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(5)
    X = (rng.random((500, 6)) < 0.4).astype(int)
    X[:, 4] |= X[:, 1]
    return FVSBN(alpha=0.1).fit(X)


def states_of(n_columns):
    return np.array(list(itertools.product([0, 1], repeat=n_columns)))


def exact_over_states(model, g):
    states = states_of(model.n_features_in_)
    return float(np.exp(model.score_samples(states)) @ [float(g(state)) for state in states])


def z_score(result, exact):
    return np.abs(np.asarray(result.mean) - exact) / np.asarray(result.standard_error)


# Exact values


@pytest.mark.parametrize(
    ("distribution", "exact"),
    [
        (stats.norm(1, 2), 5.0),
        (stats.uniform(-1, 3), 1.0),
        (stats.expon(1, 2), 13.0),
        (stats.bernoulli(0.3), 0.3),
        (stats.rv_discrete(values=([1, 2, 5], [0.5, 0.3, 0.2])), 6.7),
        (stats.rv_discrete(values=([0.5, 2.0], [0.5, 0.5])), 2.125),
        (stats.gamma(3.0), 12.0),
        (stats.poisson(4.0), 20.0),
        (stats.norm, 1.0),
        (stats.multivariate_normal(1.0, 4.0), 5.0),
        (stats.gaussian_kde([0.0, 1.0, 2.0], 0.5), 5 / 3 + 0.25),
    ],
    ids=str,
)
def test_means_of_squares(distribution, exact, rng):
    result = expectation(square, distribution, n_samples=200_000, rng=rng)
    assert z_score(result, exact) < 5
    assert result.converged
    assert result.n_samples == 200_000
    assert 0 < result.standard_error < 0.2


@pytest.mark.skipif(not hasattr(stats, "Normal"), reason="this SciPy has no random variables of the new kind")
def test_the_newer_distributions_of_scipy(rng):
    assert z_score(expectation(square, stats.Normal(mu=1.0, sigma=2.0), n_samples=10_000, rng=rng), 5.0) < 5
    result = expectation(square, stats.Normal(mu=1.0, sigma=2.0), n_samples=4_096, method="sobol", rng=rng)
    assert z_score(result, 5.0) < 8


def test_rows(rng):
    covariance = np.array([[2.0, 0.8, 0.3], [0.8, 1.0, 0.0], [0.3, 0.0, 0.5]])
    mean = np.array([1.0, -1.0, 0.5])
    P = stats.multivariate_normal(mean, covariance)
    result = expectation(lambda x: x[0] * x[1] + x[2], P, n_samples=300_000, rng=rng)
    assert z_score(result, covariance[0, 1] + mean[0] * mean[1] + mean[2]) < 5


def test_a_singular_covariance(rng):
    P = stats.multivariate_normal([0, 0], [[1, 1], [1, 1]], allow_singular=True)
    result = expectation(lambda x: abs(x[0] - x[1]), P, n_samples=1000, rng=rng)
    assert abs(result.mean) < 1e-7


@pytest.mark.parametrize(
    ("P", "exact"),
    [
        (stats.uniform([0.0, 2.0], [1.0, 2.0]), [0.5, 3.0]),
        (stats.norm([0.0, 2.0], 1.0), [0.0, 2.0]),
        (stats.expon(0.0, [1.0, 2.0]), [1.0, 2.0]),
        (stats.bernoulli([0.2, 0.9]), [0.2, 0.9]),
        (stats.gamma([1.0, 3.0]), [1.0, 3.0]),
        (stats.dirichlet([1.0, 3.0]), [0.25, 0.75]),
        (stats.multinomial(3, [0.3, 0.7]), [0.9, 2.1]),
    ],
    ids=lambda value: type(getattr(value, "dist", value)).__name__,
)
def test_vectors(P, exact, rng):
    result = expectation(lambda x: x, P, n_samples=100_000, rng=rng)
    assert result.mean.shape == result.standard_error.shape == (2,)
    assert result.covariance.shape == (2, 2)
    assert_allclose(np.sqrt(np.diagonal(result.covariance)), result.standard_error)
    assert (z_score(result, exact) < 5).all()
    low, high = result.confidence_interval()
    assert (low < result.mean).all()
    assert (result.mean < high).all()
    as_tuple = expectation(lambda x: (x[0], 1.0 * x[1]), P, n_samples=100, rng=3)
    as_array = expectation(lambda x: x, P, n_samples=100, rng=3)
    assert_array_equal(as_tuple.mean, as_array.mean)


def test_a_model(model, rng):
    result = expectation(both_bits, model, n_samples=100_000, rng=rng)
    assert z_score(result, exact_over_states(model, both_bits)) < 5
    difference = expectation(lambda x: x[0] - x[1], model, n_samples=100_000, rng=rng)  # no wrap-around
    assert z_score(difference, exact_over_states(model, lambda x: x[0] - x[1])) < 5


def test_a_sampler(rng):
    result = expectation(square, lambda rng, n: rng.logistic(size=n), n_samples=100_000, rng=rng)
    assert z_score(result, math.pi**2 / 3) < 5


def test_matrices(rng):
    result = expectation(lambda x: x[0, 1], stats.wishart(5, np.eye(2)), n_samples=20_000, rng=rng)
    assert z_score(result, 0.0) < 5


# Data


def test_data_are_averaged_exactly(rng, random_bits, tmp_path):
    X = random_bits(70_001, 5)
    exact = np.mean(X[:, 0] & ~X[:, 3] & 1)
    for data in (X, X.astype(float), X.astype(bool), BitMatrix.from_array(X), np.asfortranarray(X)):
        result = expectation(lambda x: x[0] and not x[3], data)
        assert_allclose(result.mean, exact, rtol=1e-13)
        assert result.n_samples == len(X)
    file = tmp_path / "rows.npy"
    np.save(file, X)
    mapped = np.load(file, mmap_mode="r")
    assert expectation(lambda x: x[0] and not x[3], mapped).mean == result.mean
    values = rng.normal(size=1000)
    result = expectation(square, values)
    assert_allclose(result.mean, np.mean(values**2), rtol=1e-13)
    assert_allclose(result.standard_error, np.std(values**2, ddof=1) / np.sqrt(1000), rtol=1e-12)


def test_weights_are_repetitions(rng):
    values = rng.normal(size=500)
    weights = rng.integers(0, 4, size=500)
    weighted = expectation(square, values, weights=weights)
    repeated = expectation(square, np.repeat(values, weights))
    assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    assert_allclose(weighted.standard_error, repeated.standard_error, rtol=1e-12)
    assert weighted.n_samples == repeated.n_samples


def test_weights_of_a_bit_matrix(random_bits, weights):
    X, weight = random_bits(300, 3), weights(300)
    result = expectation(lambda x: x[0] + x[2], BitMatrix.from_array(X, sample_weight=weight))
    assert_allclose(result.mean, np.average(X[:, 0].astype(float) + X[:, 2], weights=weight), rtol=1e-12)


def test_data_are_not_changed():
    values = np.arange(6.0).reshape(3, 2)

    def spoil(x):
        x[0] = 7.0
        return x[1]

    assert expectation(spoil, values).mean == 3.0
    assert_array_equal(values, np.arange(6.0).reshape(3, 2))


# Errors and intervals


def test_the_standard_error_and_its_law():
    errors = {
        n: expectation(square, stats.norm(), n_samples=n, rng=0).standard_error for n in (10**3, 10**5, 10**7)
    }
    for n, error in errors.items():
        assert_allclose(error, math.sqrt(2 / n), rtol=5 / math.sqrt(n))


def test_means_are_unbiased_and_their_variance_is_what_is_said(model):
    """By enumeration: over many runs, the mean of the means and their variance are the exact ones."""
    probability = exact_over_states(model, both_bits)
    for n in (50, 200):
        means = np.array([expectation(both_bits, model, n_samples=n, rng=seed).mean for seed in range(1000)])
        variance = probability * (1 - probability) / n
        assert abs(means.mean() - probability) < 4 * math.sqrt(variance / 1000)
        assert_allclose(means.var(ddof=1), variance, rtol=0.2)


@pytest.mark.parametrize("case", ["uniform", "normal", "FVSBN"])
def test_intervals_cover(case, model):
    g, P, exact = {
        "uniform": (math.exp, stats.uniform(), math.e - 1),
        "normal": (lambda x: math.exp(-x * x), stats.norm(), 1 / math.sqrt(3)),
        "FVSBN": (both_bits, model, exact_over_states(model, both_bits)),
    }[case]
    covered = 0
    for seed in range(2000):
        low, high = expectation(g, P, n_samples=500, rng=seed).confidence_interval(0.95)
        covered += low <= exact <= high
    assert 0.935 <= covered / 2000 <= 0.965


def test_rare_events_have_wilsons_interval():
    result = expectation(lambda x: x > 5, stats.norm(), n_samples=10_000, rng=0)
    assert result.mean == 0
    low, high = result.confidence_interval()
    assert_allclose([low, high], stats.binomtest(0, 10_000).proportion_ci(method="wilson"), atol=1e-15)
    assert high > 1e-4


def test_large_means_keep_their_variance():
    result = expectation(lambda x: 1e8 + x, stats.norm(), n_samples=10**6, rng=0)
    assert_allclose(result.standard_error, 1e-3, rtol=0.005)
    assert z_score(result, 1e8) < 5


def test_one_sample_has_no_error():
    with pytest.warns(UserWarning, match="no standard error"):
        result = expectation(square, stats.norm(), n_samples=1, rng=0)
    assert np.isnan(result.standard_error)
    assert np.isnan(result.confidence_interval().low)


def test_heavy_tails_are_told():
    with pytest.warns(HeavyTailWarning, match="variance is infinite"):
        result = expectation(lambda x: x, stats.cauchy(), n_samples=50_000, rng=0)
    assert result.tail_index > 0.7
    assert "infinite" in str(result)


def test_diagnostics():
    result = expectation(square, stats.norm(), n_samples=10**6, rng=0)
    assert_allclose(result.skewness, math.sqrt(8), rtol=0.02)
    assert result.tail_index < 0.5
    assert 1e-6 < result.largest_contribution < 1e-4
    assert result.effective_sample_size == 10**6


# When to stop


def test_tolerances(model):
    for g, P, exact in (
        (square, stats.norm(), 1.0),
        (both_bits, model, exact_over_states(model, both_bits)),
    ):
        result = expectation(g, P, rtol=0.005, rng=1)
        low, high = result.confidence_interval()
        assert result.converged
        assert (high - low) / 2 <= 0.005 * result.mean
        assert abs(result.mean - exact) < 0.01
    result = expectation(lambda x: x, stats.norm(), atol=0.001, rng=1)  # the mean is zero: rtol never ends
    assert result.converged
    assert abs(result.mean) < 0.003


def test_all_components_meet_the_tolerance():
    result = expectation(lambda x: (x, x * x), stats.norm(3, 1), rtol=0.002, rng=1)
    low, high = result.confidence_interval()
    assert ((high - low) / 2 <= 0.002 * result.mean).all()


def test_intervals_cover_after_stopping():
    covered = 0
    for seed in range(400):
        low, high = expectation(
            square, lambda rng, n: rng.normal(size=n), rtol=0.02, rng=seed
        ).confidence_interval()
        covered += low <= 1 <= high
    assert covered / 400 > 0.92


def test_a_tolerance_out_of_reach():
    with pytest.warns(ConvergenceWarning, match="after 100,000 samples"):
        result = expectation(lambda x: x, stats.norm(), rtol=1e-6, max_samples=100_000, rng=0)
    assert not result.converged
    assert result.n_samples == 100_000
    assert "not converged" in str(result)


def test_no_hit_is_no_convergence():
    with pytest.warns(ConvergenceWarning):
        result = expectation(lambda x: x > 9, stats.norm(), rtol=0.1, max_samples=10**6, rng=0)
    assert not result.converged


def test_max_time():
    with pytest.warns(ConvergenceWarning, match="max_time"):
        result = expectation(lambda x: x, stats.norm(), rtol=1e-9, max_time=0.2, rng=0)
    assert 0 < result.n_samples < 10**9
    timed = expectation(square, stats.norm(), max_time=0.1, rng=0)
    assert timed.n_samples > 10_000
    assert timed.converged


def test_a_constant_converges():
    result = expectation(lambda x: 2.5, stats.norm(), rtol=1e-6, rng=0)
    assert (result.mean, result.standard_error, result.converged) == (2.5, 0.0, True)


# Streams


@pytest.mark.parametrize("P", [stats.norm(), stats.uniform([0, 0, 0], 1), stats.gamma(2.0)], ids=str)
@pytest.mark.parametrize("n_samples", [1, 17, 300_001, 600_000])
def test_the_same_digits_for_any_number_of_threads(P, n_samples):
    def run(n_jobs):
        with pytest.warns() if n_samples == 1 else contextlib.nullcontext():
            return expectation(
                lambda x: x * x if np.ndim(x) == 1 else x[:, 0] * x[:, -1],
                P,
                n_samples=n_samples,
                vectorized=True,
                rng=4,
                n_jobs=n_jobs,
            )

    one, two, three = run(1), run(2), run(3)
    assert one.mean == two.mean == three.mean
    assert_array_equal(one.standard_error, two.standard_error)


def test_compiled_loops_give_the_same_digits_for_any_number_of_threads(model):
    for P, n in ((stats.norm(), 3_000_000), (stats.uniform([0.0, 0.0], 1), 700_001), (model, 30_000)):
        g = square if n == 3_000_000 else both_of
        runs = [expectation(g, P, n_samples=n, rng=8, n_jobs=n_jobs) for n_jobs in (1, 2, 4)]
        assert len({repr((run.mean, run.standard_error, run.skewness, run.tail_index)) for run in runs}) == 1


def both_of(x):
    return x[0] * x[1] * 1.0


def test_seeds():
    first = expectation(square, stats.norm(), n_samples=1000, rng=1)
    assert expectation(square, stats.norm(), n_samples=1000, rng=1).mean == first.mean
    assert expectation(square, stats.norm(), n_samples=1000, rng=2).mean != first.mean
    generator = np.random.default_rng(1)
    runs = {expectation(square, stats.norm(), n_samples=1000, rng=generator).mean for _ in range(3)}
    assert len(runs) == 3
    assert (
        expectation(square, stats.norm(), n_samples=1000).mean
        != expectation(square, stats.norm(), n_samples=1000).mean
    )


# Results


def test_results_of_independent_runs_add_up():
    a = expectation(square, stats.norm(), n_samples=100_000, rng=1)
    b = expectation(square, stats.norm(), n_samples=50_000, rng=2)
    both = a + b
    assert both.n_samples == 150_000
    assert_allclose(both.mean, (2 * a.mean + b.mean) / 3, rtol=1e-12)
    assert_allclose(both.standard_error, math.sqrt(2 / 150_000), rtol=0.02)
    assert a.n_samples == 100_000
    with pytest.raises(ValueError, match="same random numbers"):
        a + a
    with pytest.raises(ValueError, match="cannot be added"):
        a + expectation(square, stats.norm(), n_samples=1000, rng=3, method="antithetic")
    with pytest.raises(TypeError):
        a + 1


def test_what_is_printed():
    result = expectation(square, stats.norm(), n_samples=10_000, rng=1)
    assert "10,000 samples" in str(result)
    assert "±" in str(result)
    mean, error = f"{result.mean:.3f}", f"{result.standard_error:.3f}"
    assert repr(result) == f"<ExpectationResult {mean} ± {error}, 10,000 samples>"
    vector = expectation(lambda x: (x, x * x), stats.norm(), n_samples=10_000, rng=1)
    assert "[1]" in str(vector)
    assert repr(vector).count("±") == 2


def test_the_trace_doubles():
    n_samples, means, errors = expectation(square, stats.norm(), n_samples=10**6, rng=1).trace()
    assert n_samples[0] == 128
    assert n_samples[-1] == 10**6
    assert (np.diff(n_samples) > 0).all()
    assert (n_samples[1:] <= 2 * n_samples[:-1]).all()
    assert means.shape == errors.shape == n_samples.shape
    assert (np.abs(means[3:] - 1) < 5 * errors[3:]).all()


# Logarithms


def test_log_expectation():
    result = log_expectation(lambda x: 1000 + x, stats.norm(), n_samples=500_000, rng=1)
    assert z_score(result, 1000.5) < 5
    assert_allclose(result.standard_error, math.sqrt((math.e - 1) / 500_000), rtol=0.1)
    small = log_expectation(lambda x: -1000 + x, stats.norm(), n_samples=500_000, rng=1)
    assert_allclose(small.mean, result.mean - 2000, rtol=1e-12)


def test_log_expectation_of_nothing_but_zeros():
    with pytest.warns(UserWarning, match="nothing but zeros"):
        result = log_expectation(lambda x: -np.inf, stats.norm(), n_samples=1000, rng=1)
    assert result.mean == -np.inf


def test_log_marginal_likelihood_by_importance_sampling():
    """Normal prior and likelihood: the evidence is known, and the posterior is the best proposal."""
    exact = stats.norm(0, math.sqrt(2)).logpdf(3.0)
    likelihood = stats.norm(3.0, 1.0)
    plain = log_expectation(
        lambda x: -0.5 * (x - 3) ** 2 - 0.5 * math.log(2 * math.pi), stats.norm(), n_samples=100_000, rng=1
    )
    assert z_score(plain, exact) < 5
    informed = log_expectation(
        likelihood.logpdf,
        stats.norm(),
        proposal=stats.norm(1.5, 0.75),
        vectorized=True,
        n_samples=100_000,
        rng=1,
    )
    assert z_score(informed, exact) < 5
    assert informed.standard_error < plain.standard_error / 3
    assert informed.effective_sample_size > 5 * plain.effective_sample_size


def test_bernoulli_densities():
    model = BernoulliMLE().fit([[0, 1], [1, 1], [1, 0], [1, 1]])
    result = expectation(lambda x: x[0] + x[1], model, n_samples=10_000, rng=0)
    exact = exact_over_states(model, lambda x: x[0] + x[1])
    assert z_score(result, exact) < 5
