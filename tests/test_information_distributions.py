"""Divergences and entropies of SciPy's distributions: integrals, sums, Monte Carlo."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from fastmle.exceptions import ConvergenceWarning
from fastmle.information.distributions import (
    cross_entropy_of_distributions,
    divergence_of_distributions,
    entropy_of_distribution,
    is_distribution,
    kl_of_distributions,
)

mp = mpmath.mp
inf = math.inf


def table(*probabilities, outcomes=None):
    return stats.rv_discrete(
        values=(range(len(probabilities)) if outcomes is None else outcomes, probabilities)
    )


# Integrals and sums

SMOOTH = [
    (stats.norm(0, 1), stats.norm(1, 2)),
    (stats.norm(1e9, 1), stats.norm(1e9 + 1, 1)),
    (stats.norm(0, 1), stats.norm(0, 1e-6)),
    (stats.norm(0, 1e-6), stats.norm(0, 1)),
    (stats.expon(1, 2), stats.expon(0, 3)),
    (stats.gamma(0.1), stats.gamma(0.2, scale=3)),
    (stats.chi2(3), stats.gamma(2, scale=5)),
    (stats.beta(0.1, 3), stats.uniform()),
    (stats.uniform(0.2, 0.3), stats.uniform()),
    (stats.poisson(3), stats.poisson(30)),
    (stats.binom(20, 0.3), stats.binom(20, 0.9)),
    (stats.geom(0.01), stats.geom(0.02)),
    (table(0.2, 0.3, 0.5), table(0.25, 0.25, 0.5)),
    (stats.norm([0, 1], 1), stats.norm(0, [1, 2])),
]


@pytest.mark.parametrize(("p", "q"), SMOOTH)
def test_quadrature_meets_closed_forms(p, q):
    for kind in ("kl", "jeffreys"):
        expected = divergence_of_distributions(kind, p, q)
        got = divergence_of_distributions(kind, p, q, method="quadrature")
        assert_allclose(got, expected, rtol=1e-12)
    entropy = entropy_of_distribution(p)
    assert_allclose(entropy_of_distribution(p, method="quadrature"), entropy, rtol=1e-11, atol=1e-13)
    assert_allclose(cross_entropy_of_distributions(p, q), entropy + kl_of_distributions(p, q), rtol=1e-14)
    assert_allclose(
        cross_entropy_of_distributions(p, q, method="quadrature"),
        cross_entropy_of_distributions(p, q),
        rtol=1e-11,
        atol=1e-13,
    )


def test_integrals_of_other_distributions():
    """Tails that are heavy on either side, singular ends, kinks, circles: known values."""
    half_log = 0.5 * math.log(2 * math.pi)
    known = [
        (stats.cauchy(), stats.cauchy(1, 2), math.log((3**2 + 1**2) / 8)),
        (stats.laplace(), stats.laplace(1), math.exp(-1)),
        (
            stats.norm(),
            stats.laplace(0, 1e-3),
            1e3 * math.sqrt(2 / math.pi) + math.log(2e-3) - half_log - 0.5,
        ),
        (stats.norm(), stats.gumbel_r(), math.exp(0.5) - half_log - 0.5),
        (
            stats.lognorm(1),
            stats.lognorm(1.5, scale=2),
            kl_of_distributions(stats.norm(), stats.norm(math.log(2), 1.5)),
        ),
        (stats.gamma(2, loc=1), stats.expon(), 3 - 1 - np.euler_gamma),
        (stats.uniform(), stats.triang(0.5), 1 - math.log(2)),
        (stats.expon(), stats.norm(), half_log),
        (stats.t(3), stats.norm(), half_log + 1.5 - stats.t(3).entropy()),
        (stats.binom(10, 0.3), stats.poisson(3), None),
        (
            stats.nbinom(5, 0.3),
            stats.nbinom(5, 0.4),
            5 * kl_of_distributions(stats.geom(0.3), stats.geom(0.4)),
        ),
        (
            stats.geom(0.3),
            stats.geom(0.4, loc=-2),
            kl_of_distributions(stats.geom(0.3), stats.geom(0.4)) - 2 * math.log(0.6),
        ),
        (table(0.2, 0.3, 0.5), stats.poisson(1), None),
        (stats.poisson(3, loc=0.5), stats.poisson(4, loc=-0.5), None),
    ]
    for p, q, expected in known:
        if expected is None:
            k = p.support()[0] + np.arange(60)
            P, Q = p.pmf(k), q.pmf(k)
            expected = (P * np.log(np.where(P > 0, P / Q, 1))).sum()
        assert_allclose(kl_of_distributions(p, q), expected, rtol=1e-12)
    ratio = mp.besseli(1, 2) / mp.besseli(0, 2)
    expected = float(mp.log(mp.besseli(0, 3) / mp.besseli(0, 2)) - ratio)
    assert_allclose(
        kl_of_distributions(stats.vonmises(2, loc=1), stats.vonmises(3, loc=1)), expected, rtol=1e-12
    )


def test_integrals_of_histograms_with_all_their_jumps(rng):
    edges = np.sort(rng.uniform(-4, 4, 30))
    counts = rng.integers(0, 5, 29)
    counts[[0, -1]], counts[14] = 1, 0
    heights = counts / counts.sum() / np.diff(edges)
    entropy = -(counts / counts.sum() * np.log(np.where(counts > 0, heights, 1))).sum()
    squares = (heights * np.diff(edges**3) / 3).sum()
    p = stats.rv_histogram((counts, edges), density=False)()
    assert_allclose(entropy_of_distribution(p), entropy, rtol=1e-10)
    expected = squares / 2 + 0.5 * math.log(2 * math.pi) - entropy
    assert_allclose(kl_of_distributions(p, stats.norm()), expected, rtol=1e-10)
    gap = stats.uniform(edges[14] - 0.01, edges[15] - edges[14])
    assert kl_of_distributions(gap, p) == inf


def test_small_divergences_by_quadrature():
    """Noise of the log densities remains, and no more."""
    for apart, rtol in ((1e-3, 1e-12), (1e-6, 1e-9), (1e-10, 1e-5)):
        value = kl_of_distributions(stats.norm(), stats.norm(apart), method="quadrature")
        assert_allclose(value, apart**2 / 2, rtol=rtol)
        value = kl_of_distributions(stats.poisson(3), stats.poisson(3 + apart), method="quadrature")
        assert_allclose(value, kl_of_distributions(stats.poisson(3), stats.poisson(3 + apart)), rtol=rtol)


NEWER = pytest.mark.skipif(not hasattr(stats, "Binomial"), reason="this SciPy has no newer distributions")


@NEWER
def test_newer_distributions_of_scipy():
    p, q = stats.Normal(mu=0.0, sigma=1.0), stats.Normal(mu=1.0, sigma=2.0)
    expected = kl_of_distributions(stats.norm(0, 1), stats.norm(1, 2))
    assert_allclose(kl_of_distributions(p, q), expected, rtol=1e-13)
    assert_allclose(kl_of_distributions(p, stats.norm(1, 2)), expected, rtol=1e-13)
    p, q = stats.Binomial(n=5, p=0.3), stats.binom(5, 0.4)
    expected = kl_of_distributions(stats.binom(5, 0.3), q)
    assert_allclose(kl_of_distributions(p, q), expected, rtol=1e-13)
    result = kl_of_distributions(p, q, method="monte_carlo", n_samples=5000, rng=0)
    assert abs(result.mean - expected) < 4 * result.standard_error
    rows = stats.Normal(mu=np.array([0.0, 1.0]), sigma=1.0), stats.norm([1, 1], 1)
    with pytest.raises(ValueError, match="pass method="):
        kl_of_distributions(*rows)
    result = kl_of_distributions(*rows, method="monte_carlo", n_samples=5000, rng=0)
    assert abs(result.mean - 0.5) < 4 * result.standard_error


MISMATCHES = [
    (stats.norm(), stats.expon()),
    (stats.norm(), stats.truncnorm(-50, 50)),  # the mass outside underflows
    (stats.expon(0), stats.expon(1)),
    (stats.gamma(2), stats.gamma(2, loc=1)),
    (stats.uniform(), stats.uniform(0.5, 1)),
    (stats.uniform(), stats.beta(2, 2, scale=0.5)),
    (stats.poisson(3), stats.binom(10, 0.3)),
    (stats.poisson(1), stats.binom(10**5, 0.3)),
    (stats.poisson(3), stats.poisson(0)),
    (stats.geom(0.3, loc=-2), stats.geom(0.3)),
    (stats.poisson(3, loc=0.5), stats.poisson(3)),
    (stats.poisson(3), table(0.5, 0.5)),
    (table(0.5, 0.5), table(1.0)),
    (stats.norm([0, 0], 1), stats.truncnorm(-1, [inf, 1])),
]


@pytest.mark.parametrize(("p", "q"), MISMATCHES)
@pytest.mark.parametrize("method", ["auto", "quadrature", "monte_carlo"])
def test_mass_where_q_has_none(p, q, method):
    options = {"n_samples": 1000, "rng": 0} if method == "monte_carlo" else {}
    for function in (kl_of_distributions, cross_entropy_of_distributions):
        value = function(p, q, method=method, **options)
        if method == "monte_carlo":
            assert tuple(value.confidence_interval(0.9)) == (inf, inf)
            assert value.converged
            assert value.standard_error == 0
            value = value.mean
        assert value == inf
    jeffreys = divergence_of_distributions("jeffreys", q, p, method=method, **options)
    assert (jeffreys if method != "monte_carlo" else jeffreys.mean) == inf


def test_ends_that_differ_by_rounding_are_the_same():
    assert kl_of_distributions(stats.uniform(0.1, 0.2), stats.uniform(0, 0.3)) == pytest.approx(math.log(1.5))
    p, q = stats.beta(2, 2, loc=0.1, scale=0.2), stats.uniform(0, 0.3)
    assert_allclose(
        kl_of_distributions(p, q), kl_of_distributions(stats.beta(2, 2), stats.uniform(0, 1.5)), rtol=1e-10
    )


def test_integrals_that_diverge():
    for p, q in ((stats.t(2), stats.norm()), (stats.cauchy(), stats.norm()), (stats.t(3), stats.gumbel_r())):
        assert kl_of_distributions(p, q) == inf


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (stats.t(2.0001), stats.norm()),  # beyond the range of numbers
        (stats.norm(), stats.moyal(0, 0.01)),  # SciPy's density underflows
        (stats.zipf(2), stats.zipf(3)),  # too many outcomes
        (stats.arcsine(0, 2), stats.beta(2, 2, 0, 2.5)),  # numbers near 2 are too far apart
    ],
)
def test_errors_that_are_not_small_are_told(p, q):
    with pytest.warns(ConvergenceWarning, match='is estimated as .* method="monte_carlo"') as caught:
        assert kl_of_distributions(p, q) > 0
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (stats.hypsecant(), stats.loggamma(0.414)),  # where SciPy's density of p underflows
        (stats.zipf(2), stats.geom(0.5)),  # terms that fall like 1 / k
    ],
)
def test_integrals_that_diverge_unseen_have_no_small_error(p, q):
    with pytest.warns(ConvergenceWarning, match="is estimated as inf"):
        kl_of_distributions(p, q)


def test_sums_of_heavy_tails_have_errors_as_large():
    s = mp.mpf("1.1")
    exact = float(mp.log(mp.zeta(2) / mp.zeta(s)) - (2 - s) * mp.zeta(s, 1, 1) / mp.zeta(s))
    with pytest.warns(ConvergenceWarning) as caught:
        value = kl_of_distributions(stats.zipf(1.1), stats.zipf(2))
    error = float(str(caught[0].message).split("estimated as ")[1].split(";")[0])
    assert abs(value - exact) < error < math.inf


@pytest.mark.parametrize(
    "p",
    [
        stats.triang(0.3),
        stats.laplace_asymmetric(2),
        stats.dgamma(1.1),
        stats.rv_histogram((np.array([1, 5, 2, 0, 3]), np.array([0, 0.3, 1, 2, 2.1, 5.7])), density=False),
    ],
)
def test_equal_distributions_with_kinks(p):
    """Where all terms are zero the densities still tell whether anything was missed."""
    assert kl_of_distributions(p, p, method="quadrature") == 0


@pytest.mark.parametrize(("p", "q", "expected"), [(1, 0.5, math.log(2)), (0.5, 1, inf)])
def test_what_scipy_warns_of_is_not_heard(p, q, expected):
    got = kl_of_distributions(stats.geom(p), stats.geom(q), method="quadrature")
    assert_allclose(got, expected, rtol=1e-14)


def test_an_unnormalised_density_is_told():
    class Broken(stats.rv_continuous):
        def _pdf(self, x):
            return np.exp(-x * x / 2)

    with pytest.warns(ConvergenceWarning):
        kl_of_distributions(Broken(name="broken")(), stats.norm(1, 2))


# Other quantities


def test_other_divergences_by_quadrature():
    p, q = stats.norm(), stats.norm(1, 1)
    assert_allclose(
        divergence_of_distributions("total_variation", p, q), 2 * stats.norm.cdf(0.5) - 1, rtol=1e-12
    )
    hellinger = math.sqrt(1 - math.exp(-1 / 8))
    assert_allclose(divergence_of_distributions("hellinger", p, q), hellinger, rtol=1e-12)
    assert_allclose(divergence_of_distributions("jeffreys", p, q, base=2), 1 / math.log(2), rtol=1e-14)
    apart = stats.uniform(), stats.uniform(2, 1)
    assert_allclose(divergence_of_distributions("js", *apart, base=2), 1, rtol=1e-15)
    assert divergence_of_distributions("hellinger", *apart) == 1
    # Outcomes between those of the other
    halves = table(0.25, 0.5, 0.25, outcomes=[0, 1.5, 3])
    for pair in ((halves, stats.binom(3, 0.5)), (stats.binom(3, 0.5), halves)):
        assert_allclose(divergence_of_distributions("total_variation", *pair), 0.75, rtol=1e-12)
    x = np.arange(60)
    P, Q = stats.poisson(3).pmf(x), stats.poisson(5).pmf(x)
    M = (P + Q) / 2
    js = (P * np.log(P / M) + Q * np.log(Q / M)).sum() / 2
    assert_allclose(divergence_of_distributions("js", stats.poisson(3), stats.poisson(5)), js, rtol=1e-12)


def test_entropies():
    for p in (
        stats.norm(3, 2),
        stats.gamma(2.5),
        stats.beta(0.1, 3),
        stats.multivariate_normal([0, 0], [[2, 1], [1, 3]]),
    ):
        assert_allclose(entropy_of_distribution(p), p.entropy(), rtol=1e-14)
    assert_allclose(
        entropy_of_distribution(stats.norm([0, 1], [1, 2])), stats.norm(0, [1, 2]).entropy().sum(), rtol=1e-14
    )
    assert_allclose(entropy_of_distribution(table(0.5, 0.25, 0.25), base=2), 1.5, rtol=1e-15)
    assert_allclose(entropy_of_distribution(stats.pareto(0.5)), math.log(2) + 3, rtol=1e-12)
    p = mp.mpf(1e-9)
    trial = -p * mp.log(p) - (1 - p) * mp.log1p(-p)
    assert_allclose(entropy_of_distribution(stats.bernoulli(1e-9)), float(trial), rtol=1e-14)
    assert_allclose(entropy_of_distribution(stats.geom(1e-9)), float(trial / p), rtol=1e-14)
    assert entropy_of_distribution(stats.geom(1.0)) == 0
    # Poisson: close to the normal one, by 1 / (12 mean).
    normal = 0.5 * math.log(2 * math.pi * math.e * 1e4) - 1 / 12e4
    assert_allclose(entropy_of_distribution(stats.poisson(1e4)), normal, atol=1e-8)


# Monte Carlo

SAMPLED = [
    (stats.norm(0, 1), stats.norm(1, 2)),
    (stats.norm(0, 1), stats.norm(0, 10)),  # the ratio of the densities has no variance
    (stats.expon(), stats.norm()),  # q reaches beyond p
    (stats.norm(), stats.laplace(0, 1e-3)),  # SciPy's density underflows
    (stats.binom(5, 0.3), stats.poisson(2)),
    (table(0.2, 0.3, 0.5), table(0.1, 0.2, 0.3, 0.4)),
    (stats.norm([0, 1], 1), stats.norm(0, [1, 2])),
    (stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]), stats.multivariate_normal([1, 0])),
    (stats.dirichlet([1, 2, 3]), stats.dirichlet([2, 2, 2])),
    (stats.multinomial(4, [0.2, 0.3, 0.5]), stats.multinomial(4, [0.3, 0.3, 0.4])),
]


@pytest.mark.parametrize(("p", "q"), SAMPLED)
def test_monte_carlo_meets_exact_values(p, q):
    result = kl_of_distributions(p, q, method="monte_carlo", n_samples=20_000, rng=0)
    expected = kl_of_distributions(p, q)
    assert abs(result.mean - expected) < 4.5 * result.standard_error < 0.15 * expected
    again = kl_of_distributions(p, q, method="monte_carlo", n_samples=20_000, rng=0, n_jobs=2)
    assert again.mean == result.mean


@pytest.mark.parametrize("kind", ["jeffreys", "js", "total_variation"])
def test_monte_carlo_of_other_divergences(kind):
    p, q = stats.norm(0, 1), stats.norm(1, 1)
    result = divergence_of_distributions(kind, p, q, method="monte_carlo", n_samples=20_000, rng=0)
    assert abs(result.mean - divergence_of_distributions(kind, p, q)) < 4.5 * result.standard_error < 0.1


def test_pairs_tell_small_divergences():
    """Of log p/q alone, a million samples would leave an error of 2000 times the divergence."""
    p, q = stats.norm(0, 1), stats.norm(1e-6, 1)
    result = kl_of_distributions(p, q, method="monte_carlo", n_samples=20_000, rng=1, base=2)
    expected = 5e-13 / math.log(2)
    assert abs(result.mean - expected) < 4.5 * result.standard_error < 0.05 * expected


def test_monte_carlo_of_entropies():
    for p, q in ((stats.norm(0, 2), stats.laplace()), (stats.poisson(3), stats.poisson(4))):
        result = entropy_of_distribution(p, method="monte_carlo", n_samples=20_000, rng=0, base=2)
        assert abs(result.mean - entropy_of_distribution(p, base=2)) < 4.5 * result.standard_error < 0.1
        result = cross_entropy_of_distributions(p, q, method="monte_carlo", n_samples=20_000, rng=0)
        assert abs(result.mean - cross_entropy_of_distributions(p, q)) < 4.5 * result.standard_error < 0.1


def test_monte_carlo_of_an_estimated_density(rng):
    p = stats.gaussian_kde(rng.normal(size=200))
    result = kl_of_distributions(p, stats.norm(0, 1.5), method="monte_carlo", rtol=0.1, rng=0)
    assert result.converged
    assert 0 < result.mean < 0.5
    with pytest.raises(ValueError, match='pass method="monte_carlo"'):
        kl_of_distributions(p, stats.norm())


def test_an_infinite_result_is_whole():
    result = kl_of_distributions(stats.norm(), stats.expon(), method="monte_carlo")
    assert (result.n_samples, result.covariance) == (0, 0.0)
    assert "mean inf, without error" in str(result)
    assert [len(column) for column in result.trace()] == [0, 0, 0]
    assert math.isnan(result.tail_index)


def test_monte_carlo_says_what_it_does_not_know():
    with pytest.raises(ValueError, match="log density of p is inf at the sample"):
        kl_of_distributions(stats.gamma(1e-3), stats.gamma(2e-3), method="monte_carlo", rng=0)
    with pytest.raises(ValueError, match="perhaps because it underflows"):
        kl_of_distributions(stats.norm(), stats.moyal(0, 0.01), method="monte_carlo", rng=0)
    p = stats.poisson(3, loc=0.5)
    with pytest.raises(ValueError, match="p has no density at its own sample"):
        kl_of_distributions(p, p, method="monte_carlo", rng=0)


# Arguments


def test_arguments_that_do_not_fit():
    p = stats.norm()
    with pytest.raises(TypeError, match="p is continuous and q is discrete"):
        kl_of_distributions(p, stats.poisson(3))
    with pytest.raises(ValueError, match=r"shape \(\), those of q \(2,\)"):
        kl_of_distributions(p, stats.norm([0, 1], 1))
    with pytest.raises(ValueError, match=r"shape \(2,\), those of q \(3,\)"):
        kl_of_distributions(stats.multivariate_normal([0, 0]), stats.multivariate_normal([0, 0, 0]))
    with pytest.raises(TypeError, match="q must be a frozen SciPy distribution, got list"):
        kl_of_distributions(p, [0.5, 0.5])
    with pytest.raises(TypeError, match="freeze the distribution"):
        kl_of_distributions(stats.gamma, p)
    with pytest.raises(ValueError, match="the parameters of norm are not valid"):
        kl_of_distributions(stats.norm(0, -1), p)
    with pytest.raises(ValueError, match="method must be one of"):
        kl_of_distributions(p, p, method="exact")
    with pytest.raises(ValueError, match="base must be positive"):
        entropy_of_distribution(p, base=1)
    with pytest.raises(TypeError, match="rng: such options belong to"):
        kl_of_distributions(p, p, rng=0)
    with pytest.raises(ValueError, match='pass method="monte_carlo"'):
        kl_of_distributions(stats.multivariate_t([0, 0]), stats.multivariate_normal([0, 0]))
    with pytest.raises(ValueError, match="no sum over their entries"):
        divergence_of_distributions("js", stats.norm([0, 1], 1), stats.norm([0, 2], 1))
    with pytest.raises(ValueError, match="root of a mean"):
        divergence_of_distributions("hellinger", p, p, method="monte_carlo")
    with pytest.raises(ValueError, match="no unit"):
        divergence_of_distributions("total_variation", p, p, base=2)
    with pytest.raises(ValueError, match="several distributions"):
        kl_of_distributions(stats.multinomial([5, 6], [0.5, 0.5]), stats.multinomial(5, [0.5, 0.5]))


def test_what_is_a_distribution():
    yes = [
        stats.norm,
        stats.gamma,
        stats.gamma(2),
        table(0.5, 0.5),
        stats.multivariate_normal(),
        stats.multinomial(2, [0.5, 0.5]),
        stats.gaussian_kde([1, 2, 3]),
    ]
    no = [
        np.ones(3),
        [0.5, 0.5],
        None,
        "norm",
        type(stats.norm),
        stats.ortho_group(3),
        lambda rng, n: np.ones(n),
    ]
    assert all(map(is_distribution, yes))
    assert not any(map(is_distribution, no))
    assert kl_of_distributions(stats.norm, stats.norm(1)) == 0.5
