"""Antithetic pairs, strata, quasi-Monte Carlo, control variates, importance sampling: against theory."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from fastmle import FVSBN, expectation
from fastmle.montecarlo.adapters import as_distribution

N = 2**16


def standard_error(g, P, seed=0, **options):
    return expectation(g, P, n_samples=N, rng=seed, **options).standard_error


def spread(g, P, exact, n_runs=200, n_samples=2**10, **options):
    """Return root mean square of the true errors, and of the standard errors, over many runs."""
    runs = [expectation(g, P, n_samples=n_samples, rng=seed, **options) for seed in range(n_runs)]
    errors = np.array([run.mean for run in runs]) - exact
    assert abs(errors.mean()) < 4 * errors.std(ddof=1) / math.sqrt(n_runs)  # no bias
    return np.sqrt(np.mean(errors**2)), np.sqrt(np.mean([run.standard_error**2 for run in runs]))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "antithetic"},
        {"method": "stratified"},
        {"method": "sobol"},
        {"method": "halton"},
        {"control": lambda x: x, "control_mean": 0.5},
        {"proposal": stats.norm(0.7, 0.5)},
    ],
    ids=lambda options: options.get("method", next(iter(options), "plain")),
)
def test_errors_are_what_is_said_and_means_unbiased(options):
    true, said = spread(math.exp, stats.uniform(), math.e - 1, **options)
    assert_allclose(said, true, rtol=0.25)


def test_antithetic_pairs_of_an_exponential():
    """Cov(e^U, e^(1-U)) = e - (e - 1)^2: at equal cost the variance falls by the factor 1 + correlation."""
    variance = (math.e**2 - 1) / 2 - (math.e - 1) ** 2
    factor = 1 + (math.e - (math.e - 1) ** 2) / variance
    plain, paired = (
        standard_error(math.exp, stats.uniform()),
        standard_error(math.exp, stats.uniform(), method="antithetic"),
    )
    assert_allclose((paired / plain) ** 2, factor, rtol=0.1)
    linear = expectation(lambda x: 3 * x + 1, stats.norm(2, 1), n_samples=1000, rng=0, method="antithetic")
    assert_allclose(linear.mean, 7.0, rtol=1e-12)
    assert linear.n_samples == 1000


def test_strata_of_a_line():
    """Of x within k strata of length 1/k the variance is that of one stratum, (1/k^2) / 12."""
    result = expectation(
        lambda x: x, stats.uniform(), n_samples=N, rng=0, method="stratified", n_replicates=64
    )
    k = N // 64
    assert_allclose(result.standard_error, math.sqrt(1 / (12 * k**2 * N)), rtol=0.3)


def test_strata_in_two_dimensions():
    g = lambda x: math.exp(-x[0] * x[1])  # noqa: E731
    plain, stratified = (
        standard_error(g, stats.uniform([0.0, 0.0], 1), method=method) for method in ("plain", "stratified")
    )
    assert stratified < plain / 20


@pytest.mark.parametrize("method", ["sobol", "halton"])
def test_the_error_of_smooth_functions_falls_nearly_as_one_over_n(method):
    P = stats.uniform(np.zeros(3), 1)
    errors = [
        expectation(
            lambda x: np.prod(x + 0.5), P, n_samples=n, rng=0, method=method, n_replicates=32
        ).standard_error
        for n in (2**12, 2**18)
    ]
    assert errors[1] < errors[0] / 20  # plain sampling: 8
    result = expectation(lambda x: np.prod(x + 0.5), P, n_samples=2**18, rng=0, method=method)
    assert abs(result.mean - 1) < 8 * result.standard_error


@pytest.mark.parametrize(
    "P",
    [stats.norm(1, 2), stats.expon(0, 2), stats.gamma(2.0), stats.poisson(3.0)],
    ids=lambda P: P.dist.name,
)
@pytest.mark.parametrize("method", ["antithetic", "stratified", "sobol"])
def test_quantile_functions(P, method):
    result = expectation(lambda x: min(x, 20.0), P, n_samples=N, rng=0, method=method)
    assert abs(result.mean - P.expect(lambda x: np.minimum(x, 20.0))) < 8 * result.standard_error + 1e-9


def test_correlated_rows():
    P = stats.multivariate_normal([1.0, 2.0], [[1.0, 0.5], [0.5, 2.0]])
    for method in ("antithetic", "stratified", "sobol", "halton"):
        result = expectation(lambda x: x[0] * x[1], P, n_samples=N, rng=0, method=method)
        assert abs(result.mean - 2.5) < 8 * result.standard_error


def test_tolerances_of_point_sets():
    result = expectation(math.exp, stats.uniform(), rtol=1e-6, rng=0, method="sobol")
    assert result.converged
    assert abs(result.mean - (math.e - 1)) < 3e-6
    assert result.n_samples < 10**6


def test_control_variates_cut_the_variance_by_what_they_explain():
    plain = standard_error(math.exp, stats.uniform())
    one = standard_error(math.exp, stats.uniform(), control=lambda x: x, control_mean=0.5)
    # Correlation of e^U and U: 1 - rho^2 = 0.0161.
    rho = (1 - (math.e - 1) / 2) / math.sqrt(((math.e**2 - 1) / 2 - (math.e - 1) ** 2) / 12)
    assert_allclose((one / plain) ** 2, 1 - rho**2, rtol=0.05)
    two = expectation(
        math.exp,
        stats.uniform(),
        n_samples=N,
        rng=0,
        control=lambda x: (x, x * x),
        control_mean=[1 / 2, 1 / 3],
    )
    assert two.standard_error < one / 5
    assert abs(two.mean - (math.e - 1)) < 5 * two.standard_error


def test_the_cost_of_the_coefficients_is_in_the_error():
    """Few samples, several controls that explain nothing: the error must grow, not shrink."""
    P = stats.norm(np.zeros(6), 1)
    true, said = spread(
        lambda x: x[5], P, 0.0, n_runs=600, n_samples=12, control=lambda x: x[:5], control_mean=np.zeros(5)
    )
    assert true > 1.2 / math.sqrt(12)
    assert_allclose(said, true, rtol=0.15)
    covered = 0
    for seed in range(600):
        run = expectation(
            lambda x: x[5], P, n_samples=12, rng=seed, control=lambda x: x[:5], control_mean=np.zeros(5)
        )
        low, high = run.confidence_interval(0.95)
        covered += low <= 0 <= high
    assert covered / 600 > 0.92


def test_controls_that_repeat_each_other_or_are_constant():
    result = expectation(
        math.exp,
        stats.uniform(),
        n_samples=N,
        rng=0,
        control=lambda x: (x, 2 * x, 1.0),
        control_mean=[0.5, 1.0, 1.0],
    )
    one = expectation(math.exp, stats.uniform(), n_samples=N, rng=0, control=lambda x: x, control_mean=0.5)
    assert_allclose(result.mean, one.mean, rtol=1e-9)
    assert_allclose(result.standard_error, one.standard_error, rtol=1e-3)


def test_control_variates_of_vectors_and_of_pairs():
    result = expectation(
        lambda x: (math.exp(x), x * x),
        stats.uniform(),
        n_samples=N,
        rng=0,
        control=lambda x: x,
        control_mean=0.5,
    )
    assert (np.abs(result.mean - [math.e - 1, 1 / 3]) < 5 * result.standard_error).all()
    assert result.covariance.shape == (2, 2)
    paired = expectation(
        math.exp,
        stats.uniform(),
        n_samples=N,
        rng=0,
        method="antithetic",
        control=lambda x: x * x,
        control_mean=1 / 3,
    )
    assert abs(paired.mean - (math.e - 1)) < 5 * paired.standard_error


def test_importance_sampling_of_a_rare_event():
    exact = stats.norm.sf(6)
    result = expectation(lambda x: x > 6, stats.norm(), proposal=stats.norm(6, 1), n_samples=N, rng=0)
    assert abs(result.mean - exact) < 5 * result.standard_error
    assert result.standard_error < 0.02 * exact
    assert 1 < result.effective_sample_size < N


def test_self_normalised_weights_need_no_constant():
    options = {"proposal": stats.t(5), "n_samples": N, "rng": 0, "self_normalized": True}
    known = expectation(lambda x: x * x, stats.norm(1, 1), **options)
    assert abs(known.mean - 2) < 5 * known.standard_error
    unnormalised = expectation(
        lambda x: x * x,
        None,
        log_weights=lambda x: 700 - 0.5 * (x - 1) ** 2 + 3 * math.log(1 + x * x / 5),
        **options,
    )
    assert_allclose(unnormalised.mean, known.mean, rtol=1e-9)
    assert_allclose(unnormalised.standard_error, known.standard_error, rtol=1e-9)
    vector = expectation(lambda x: (x, x * x), stats.norm(1, 1), **options)
    assert_allclose(vector.mean[1], known.mean, rtol=1e-9)
    assert (np.abs(vector.mean - [1, 2]) < 5 * vector.standard_error).all()


def test_densities_as_target_and_proposal():
    rng = np.random.default_rng(2)
    rows = (rng.random((200, 3)) < [0.2, 0.5, 0.7]).astype(int)
    target, proposal = FVSBN().fit(rows), FVSBN(alpha=100.0).fit(rows)
    result = expectation(lambda x: x[0] and x[2], target, proposal=proposal, n_samples=50_000, rng=0)
    plain = expectation(lambda x: x[0] and x[2], target, n_samples=50_000, rng=1)
    assert abs(result.mean - plain.mean) < 5 * math.hypot(result.standard_error, plain.standard_error)


def test_rows_that_were_drawn_from_another_distribution(rng):
    rows = rng.normal(1.0, 1.5, size=20_000)
    result = expectation(lambda x: x, stats.norm(0, 1), proposal=rows, log_weights=lambda x: log_ratio(x))
    assert result.n_samples == 20_000
    assert abs(result.mean) < 5 * result.standard_error


def log_ratio(x):
    return -0.5 * x * x + 0.5 * ((x - 1.0) / 1.5) ** 2 + math.log(1.5)


@pytest.mark.parametrize("method", ["antithetic", "stratified", "sobol", "halton"])
def test_importance_sampling_with_other_points(method):
    """A wrong way to average weights would give a wrong mean, with a small error."""
    exact = stats.norm.sf(5)
    for self_normalized in (False, True):
        result = expectation(
            lambda x: (x > 5, x > -1),
            stats.norm(),
            proposal=stats.norm(4, 2),
            n_samples=N,
            rng=0,
            method=method,
            self_normalized=self_normalized,
        )
        assert (np.abs(result.mean - [exact, stats.norm.cdf(1)]) < 6 * result.standard_error).all()
        assert result.standard_error[0] < 0.05 * exact


def test_weights_of_zero():
    result = expectation(lambda x: x, stats.uniform(0, 1), proposal=stats.uniform(-1, 2), n_samples=N, rng=0)
    assert abs(result.mean - 0.5) < 5 * result.standard_error


def test_results_of_reduced_variance_add_up():
    options = {"control": lambda x: x, "control_mean": 0.5, "n_samples": 1000}
    both = expectation(math.exp, stats.uniform(), rng=1, **options) + expectation(
        math.exp, stats.uniform(), rng=2, **options
    )
    assert both.n_samples == 2000
    assert sum([both]).n_samples == 2000
    weighted = {"proposal": stats.norm(6, 1), "n_samples": 1000}
    a, b = (expectation(lambda x: x > 6, stats.norm(), rng=seed, **weighted) for seed in (1, 2))
    assert_allclose((a + b).mean, (a.mean + b.mean) / 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"control": lambda x: x}, "control_mean"),
        ({"control_mean": 1.0}, "without control"),
        ({"control": lambda x: (x, x), "control_mean": 1.0}, "returns 2 values"),
        ({"control": lambda x: x, "control_mean": np.nan}, "finite"),
        ({"control": lambda x: math.nan, "control_mean": 1.0}, "control returned nan at sample 0"),
        ({"proposal": stats.norm(), "control": lambda x: x, "control_mean": 0.0}, "cannot be combined"),
        ({"log_weights": lambda x: x}, "pass a proposal"),
        ({"self_normalized": True}, "pass a proposal"),
        ({"proposal": stats.norm(), "log_weights": lambda x: math.nan}, "log_weights returned nan"),
        ({"method": "magic"}, "method must be one of"),
        ({"method": "sobol", "n_replicates": 1}, "at least 2"),
        ({"method": "sobol", "n_samples": 8}, "too few"),
    ],
)
def test_what_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        expectation(lambda x: x, stats.norm(), **{"n_samples": 100, "rng": 0, **options})


def test_what_needs_a_quantile_function():
    with pytest.raises(TypeError, match="no quantile function"):
        expectation(lambda x: x, lambda rng, n: rng.normal(size=n), n_samples=100, method="antithetic")
    with pytest.raises(ValueError, match="too many for stratified"):
        expectation(lambda x: x[0], stats.norm(np.zeros(30), 1), n_samples=1000, method="stratified")


def test_the_log_density_of_normal_distributions_is_scipys(rng):
    for P in (stats.norm(), stats.norm(1.0, 2.0), stats.norm([0.0, 3.0], [1.0, 0.5])):
        samples = P.rvs(size=(50, *np.shape(P.mean())), random_state=rng)
        expected = P.logpdf(samples)
        expected = expected.sum(axis=1) if expected.ndim == 2 else expected
        assert_allclose(as_distribution(P).log_density(samples), expected, rtol=1e-13)


def test_what_needs_a_density():
    with pytest.raises(TypeError, match="log_weights"):
        expectation(lambda x: x, lambda rng, n: rng.normal(size=n), proposal=stats.norm(), n_samples=100)
    with pytest.raises(ValueError, match="log_weights"):
        expectation(lambda x: x, None, proposal=stats.norm(), n_samples=100)
