"""Entropies and divergences of fitted densities: sums against plain NumPy, Monte Carlo against sums."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from information_models import Foreign, coins, log_probabilities, network, states
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

import fastmle
from fastmle.exceptions import ConvergenceWarning
from fastmle.information.enumeration import all_states, state_weights


@pytest.fixture
def pair(rng, random_fvsbn):
    """A function that draws two densities: ``pair(n_features, kind)``."""

    def draw(d, kind):
        p = network(*random_fvsbn(d))
        if kind == "one order":
            order = rng.permutation(d)
            return network(*random_fvsbn(d), order), network(*random_fvsbn(d), order)
        return p, {
            "near": lambda: network(1.01 * p.coef_, p.intercept_ - 0.01),
            "another order": lambda: network(*random_fvsbn(d), rng.permutation(d)),
            "coins": lambda: coins(rng.uniform(0.1, 0.9, d)),
            "foreign": lambda: Foreign(rng.dirichlet(np.ones(2**d))),
        }[kind]()

    return draw


KINDS = ["one order", "near", "another order", "coins", "foreign"]


def probabilities(model):
    return model.probabilities if isinstance(model, Foreign) else np.exp(log_probabilities(model))


DEFINITIONS = {
    "cross_entropy": lambda p, q: -(p * np.log(q)).sum(),
    "expected_code_length": lambda p, q: -(p * np.log(q)).sum(),
    "hellinger": lambda p, q: math.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2),
    "jeffreys_divergence": lambda p, q: ((p - q) * np.log(p / q)).sum(),
    "js_divergence": lambda p, q: (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))).sum() / 2,
    "kl_divergence": lambda p, q: (p * np.log(p / q)).sum(),
    "total_variation": lambda p, q: abs(p - q).sum() / 2,
}


@pytest.mark.parametrize("d", [1, 8, 9, 11])
def test_states_are_binary_numbers(d):
    expected = states(d)
    assert_allclose(all_states(d).to_array(), expected)
    start, stop = 2**d // 3, 2**d // 3 * 2 + 1
    assert_allclose(all_states(d, start, stop).to_array(), expected[start:stop])
    rows = fastmle.BitMatrix.from_array(expected, sample_weight=np.arange(1.0, 2**d + 1))
    assert_allclose(state_weights(rows), np.arange(1.0, 2**d + 1))


def test_states_of_many_tiles():
    assert_allclose(all_states(17, 2**15, 2**17).to_array() @ 2 ** np.arange(17), np.arange(2**15, 2**17))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", DEFINITIONS)
def test_exact_sums(function, kind, pair):
    for d in (1, 6):
        p, q = pair(d, kind)
        result = getattr(fastmle, function)(p, q)
        expected = DEFINITIONS[function](probabilities(p), probabilities(q))
        assert_allclose(result.mean, expected, rtol=1e-10, atol=1e-14)
        assert result.n_samples == 2**d
        assert (result.standard_error, result.method, result.converged) == (0.0, "exact", True)
        assert result.confidence_interval() == (result.mean, result.mean)
        assert f"{2**d} states (exact)" in str(result)


@pytest.mark.parametrize("kind", KINDS)
def test_exact_entropies_bases_and_orders(kind, pair):
    p, q = pair(5, kind)
    of_p, of_q = probabilities(p), probabilities(q)
    assert_allclose(fastmle.entropy(q, base=2).mean, stats.entropy(of_q, base=2), rtol=1e-12)
    assert_allclose(fastmle.kl_divergence(p, q, base=10).mean, stats.entropy(of_p, of_q, base=10), rtol=1e-11)
    for alpha in (0.3, 1, 2):
        got = fastmle.renyi_divergence(p, q, alpha).mean
        assert_allclose(got, fastmle.renyi_divergence(of_p, of_q, alpha, normalize=True), rtol=1e-10)
    assert fastmle.kl_divergence(p, p).mean == 0


def test_small_divergences_keep_their_digits(pair):
    p, _ = pair(8, "near")
    q = network(p.coef_, p.intercept_ + 1e-7)
    exact = 0.0
    X = states(8)
    of_p = np.exp(log_probabilities(p))
    conditional = 1 / (1 + np.exp(-(p.intercept_ + X @ p.coef_.T)))
    exact = (of_p[:, None] * conditional * (1 - conditional)).sum() * 1e-14 / 2
    assert_allclose(fastmle.kl_divergence(p, q).mean, exact, rtol=1e-6)
    sampled = fastmle.kl_divergence(p, q, method="monte_carlo", n_samples=2000, rng=0)
    assert_allclose(sampled.mean, exact, rtol=0.2)


def test_digits_do_not_depend_on_the_threads(pair):
    p, q = pair(17, "another order")
    one, two = (fastmle.kl_divergence(p, q, n_jobs=n).mean for n in (1, 2))
    assert one == two
    options = {"method": "monte_carlo", "n_samples": 50_000, "rng": 3}
    one, two = (fastmle.kl_divergence(p, q, n_jobs=n, **options) for n in (1, 2))
    assert (one.mean, one.standard_error) == (two.mean, two.standard_error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", ["entropy", "cross_entropy", "kl_divergence"])
def test_monte_carlo_agrees_with_the_exact_sum(function, kind, pair):
    p, q = pair(10, kind)
    arguments = {"entropy": (q,)}.get(function, (p, q))
    exact = getattr(fastmle, function)(*arguments, base=2).mean
    result = getattr(fastmle, function)(*arguments, base=2, method="monte_carlo", n_samples=40_000, rng=7)
    assert result.n_samples == 40_000
    assert result.method != "exact"
    assert abs(result.mean - exact) <= 5 * result.standard_error + 1e-12
    assert result.standard_error < 0.05
    low, high = result.confidence_interval(0.9)
    assert low <= result.mean <= high


def test_samples_of_a_foreign_density(pair, rng):
    p, q = pair(6, "foreign")
    exact = fastmle.kl_divergence(q, p).mean
    result = fastmle.kl_divergence(q, p, method="monte_carlo", n_samples=20_000, rng=1)
    assert abs(result.mean - exact) < 5 * result.standard_error
    both = Foreign(rng.dirichlet(np.ones(64)))
    result = fastmle.kl_divergence(q, both, method="monte_carlo", n_samples=20_000, rng=1)
    assert abs(result.mean - fastmle.kl_divergence(q, both).mean) < 5 * result.standard_error


def test_conditionals_vary_less_than_logarithms(pair):
    p, q = pair(10, "one order")
    options = {"method": "monte_carlo", "n_samples": 20_000, "rng": 0}
    by_conditionals = fastmle.kl_divergence(p, q, **options)
    X = states(10)
    of_p, ratio = probabilities(p), log_probabilities(p) - log_probabilities(q)
    spread = math.sqrt((of_p * ratio**2).sum() - (of_p @ ratio) ** 2)
    assert by_conditionals.standard_error < 0.7 * spread / math.sqrt(20_000)
    # The values themselves: sums over columns of the divergences between conditionals.
    a, b = (1 / (1 + np.exp(-(m.intercept_ + X @ m.coef_.T))) for m in (p, q))
    sums = (a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b))).sum(axis=1)
    expected = math.sqrt((of_p * sums**2).sum() - (of_p @ sums) ** 2) / math.sqrt(20_000)
    assert_allclose(by_conditionals.standard_error, expected, rtol=0.1)


def test_more_than_twenty_variables(pair):
    p, q = pair(70, "another order")
    result = fastmle.kl_divergence(p, q, rtol=0.05, max_samples=10**6, rng=0)
    low, high = result.confidence_interval()
    assert result.converged
    assert (high - low) / 2 <= 0.05 * result.mean
    other = fastmle.kl_divergence(p, q, n_samples=50_000, rng=1)
    assert abs(result.mean - other.mean) < 5 * math.hypot(result.standard_error, other.standard_error)
    both = result + other
    assert both.n_samples == result.n_samples + other.n_samples
    with pytest.warns(ConvergenceWarning, match="half-width") as caught:
        fastmle.kl_divergence(p, q, atol=1e-6, max_samples=10_000, rng=0)
    assert caught[0].filename == __file__
    for exact in (
        lambda: fastmle.entropy(p, method="exact"),
        lambda: fastmle.js_divergence(p, q),
    ):
        with pytest.raises(ValueError, match=r"70 variables have 2\^70 of them: it takes 20"):
            exact()


def test_independent_variables_are_exact_however_many(rng):
    theta, other = rng.uniform(0.1, 0.9, (2, 40)).round(3)
    p, q = coins(theta), coins(other)
    expected = (theta * np.log(theta / other) + (1 - theta) * np.log((1 - theta) / (1 - other))).sum()
    for options in ({}, {"method": "exact"}):
        result = fastmle.kl_divergence(p, q, **options)
        assert_allclose(result.mean, expected, rtol=1e-12)
        assert (result.standard_error, result.method) == (0.0, "exact")
        assert "40 columns (exact)" in str(result)
    assert_allclose(fastmle.entropy(p).mean, stats.bernoulli(theta).entropy().sum(), rtol=1e-12)
    sampled = fastmle.kl_divergence(p, q, method="monte_carlo", n_samples=100, rng=0)
    assert_allclose(sampled.mean, expected, rtol=1e-12)


@pytest.mark.parametrize("d", [4, 30])
@pytest.mark.parametrize("method", ["auto", "monte_carlo"])
def test_what_q_excludes(d, method, random_fvsbn):
    options = {"method": method, "n_samples": 1000, "rng": 0}
    network_p = network(*random_fvsbn(d, scale=0.3))
    theta = np.full(d, 0.5)
    theta[1] = 0.0
    q = coins(theta)
    for function in (fastmle.kl_divergence, fastmle.cross_entropy):
        result = function(network_p, q, **options)
        assert (result.mean, result.standard_error) == (math.inf, 0.0)
        assert result.confidence_interval() == (math.inf, math.inf)
        assert "inf" in str(result)
        assert repr(result).startswith("<ExpectationResult inf")
    # What p excludes does no harm.
    for p in (q, coins(np.where(np.arange(d) == 1, 0.0, 0.3))):
        assert 0 <= fastmle.kl_divergence(p, network_p, **options).mean < d
        assert 0 <= fastmle.kl_divergence(p, q, **options).mean < d
    assert_allclose(fastmle.entropy(q, **options).mean, (d - 1) * math.log(2), rtol=1e-12)


def test_a_sample_that_q_excludes(rng, random_fvsbn):
    table = rng.dirichlet(np.ones(64))
    table[37] = 0.0
    p, q = network(*random_fvsbn(6, scale=0.1)), Foreign(table / table.sum())
    result = fastmle.kl_divergence(p, q, method="monte_carlo", n_samples=10_000, rng=0)
    again = fastmle.kl_divergence(p, q, method="monte_carlo", n_samples=10_000, rng=0, n_jobs=2)
    assert result.mean == again.mean == math.inf
    assert result.n_samples == again.n_samples < 10_000
    assert "q (Foreign) gives no probability to x = [1, 0, 1, 0, 0, 1]" in result.note
    assert str(result).endswith(result.note)


def test_results_that_do_not_add_up(pair):
    p, q = pair(4, "near")
    a, b = fastmle.kl_divergence(p, q), fastmle.entropy(p)
    with pytest.raises(ValueError, match="exact values do not add up"):
        a + b
    n_samples, means, errors = a.trace()
    assert (n_samples.tolist(), means.tolist(), errors.tolist()) == ([16], [a.mean], [0.0])


def test_variables_must_agree(random_fvsbn):
    parameters = random_fvsbn(3)
    with pytest.raises(ValueError, match=r"p \(FVSBN\) has 3 variables and q \(FVSBN\) has 4"):
        fastmle.kl_divergence(network(*parameters), network(*random_fvsbn(4)))
    abc, acb = network(*parameters, names="abc"), network(*parameters, names="acb")
    with pytest.raises(ValueError, match=r"column 1 is 'b' in p \(FVSBN\) and 'c' in q"):
        fastmle.kl_divergence(abc, acb)
    for other in (abc, network(*parameters)):
        assert fastmle.kl_divergence(abc, other).mean == 0
        sampled = fastmle.kl_divergence(abc, other, method="monte_carlo", n_samples=100, rng=0)
        assert sampled.mean == 0


def test_densities_of_other_rows():
    """Continuous densities are estimated; an exact sum over zeros and ones is refused."""
    rng = np.random.default_rng(0)  # of others the logarithms may have heavy tails
    p, q = (KernelDensity(bandwidth=b).fit(rng.normal(size=(40, 2))) for b in (0.5, 1.0))
    result = fastmle.kl_divergence(p, q, n_samples=2000, rng=0)
    rows = p.sample(4000, random_state=1)
    expected = p.score_samples(rows) - q.score_samples(rows)
    error = math.hypot(result.standard_error, expected.std() / math.sqrt(4000))
    assert abs(result.mean - expected.mean()) < 5 * error
    with pytest.raises(ValueError, match=r"p \(KernelDensity\) gives to all rows of 2 zeros and ones sum to"):
        fastmle.kl_divergence(p, q, method="exact")


def test_mixtures_of_scikit_learn(rng):
    """Their samples take no seed, and come one component after the other, with labels."""
    X = rng.normal(size=(300, 2))
    p, q = (GaussianMixture(1, random_state=0).fit(table) for table in (X, 2 * X + 1))
    exact = fastmle.kl_divergence(
        *(stats.multivariate_normal(m.means_[0], m.covariances_[0]) for m in (p, q))
    )
    result = fastmle.kl_divergence(p, q, n_samples=20_000, rng=0)
    assert abs(result.mean - exact) < 4 * result.standard_error
    assert fastmle.kl_divergence(p, q, n_samples=20_000, rng=0, n_jobs=1).mean == result.mean
    apart = GaussianMixture(2, random_state=0).fit(np.concatenate([X - 50, X + 50]))
    sides = [fastmle.expectation(lambda x: x[0], apart, n_samples=20, rng=seed).mean for seed in range(20)]
    assert abs(np.mean(sides)) < 4 * 50 / math.sqrt(400)
    assert p.random_state == 0


def test_scores_that_are_none(rng):
    class Broken(Foreign):
        def score_samples(self, X):
            return np.where(np.arange(len(X)) == 1, np.nan, super().score_samples(X))

    class Flat(Foreign):
        def score_samples(self, X):
            return super().score_samples(X)[:, None]

    good = Foreign(rng.dirichlet(np.ones(8)))
    with pytest.raises(ValueError, match=r"score_samples of q \(Broken\) returned nan"):
        fastmle.kl_divergence(good, Broken(good.probabilities))
    with pytest.raises(ValueError, match=r"q \(Flat\) returned an array of shape \(8, 1\)"):
        fastmle.kl_divergence(good, Flat(good.probabilities))


def test_a_density_that_draws_what_it_excludes(rng):
    class Wrong(Foreign):
        def sample(self, n_samples, random_state):
            return np.ones((n_samples, 3), dtype=int)

    table = rng.dirichlet(np.ones(8))
    table[7] = 0.0
    with pytest.raises(
        ValueError, match=r"score_samples of p \(Wrong\) returned -inf at sample 0, x = \[1, 1"
    ):
        fastmle.entropy(Wrong(table / table.sum()), method="monte_carlo", n_samples=10)


def test_arguments_that_are_refused(pair):
    p, q = pair(4, "near")
    X = states(4)
    with pytest.raises(fastmle.NotFittedError):
        fastmle.kl_divergence(p, fastmle.FVSBN())
    with pytest.raises(TypeError, match="p is the class FVSBN; pass a fitted instance"):
        fastmle.kl_divergence(fastmle.FVSBN, q)
    for arguments in ((p, X), (p, [0.5, 0.5]), (fastmle.BitMatrix.from_array(X),) * 2):
        with pytest.raises(TypeError, match=r"kl_divergence takes two arrays .* or data and then a fitted"):
            fastmle.kl_divergence(*arguments)
    with pytest.raises(
        TypeError, match=r"js_divergence takes two arrays .*, two fitted densities; got ndarray"
    ):
        fastmle.js_divergence(X, q)
    with pytest.raises(ValueError, match="method must be one of auto, exact, monte_carlo"):
        fastmle.kl_divergence(p, q, method="sobol")
    with pytest.raises(ValueError, match="n_samples must be a positive integer"):
        fastmle.kl_divergence(p, q, method="monte_carlo", n_samples=0)
    with pytest.raises(ValueError, match="confidence level"):
        fastmle.kl_divergence(p, q, confidence_level=95)
    with pytest.raises(ValueError, match="base must be positive"):
        fastmle.kl_divergence(p, q, base=1)
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        fastmle.kl_divergence(p, q, n_jobs=0)


def test_options_of_other_kinds_are_refused(pair):
    p, q = pair(4, "near")
    X, half = states(4), np.array([0.5, 0.5])
    with pytest.raises(
        TypeError, match=r"kl_divergence of fitted densities has no option normalize: .* arrays"
    ):
        fastmle.kl_divergence(p, q, normalize=True)
    with pytest.raises(TypeError, match="of data has no option axis"):
        fastmle.cross_entropy(X, q, axis=0)
    with pytest.raises(
        TypeError, match="arrays of probabilities has no option rng: it is one of fitted dens"
    ):
        fastmle.kl_divergence(half, half, rng=0)
    with pytest.raises(TypeError, match="arrays of probabilities has no option sample_weight"):
        fastmle.entropy(half, sample_weight=[1, 2])
    with pytest.raises(TypeError, match="fitted densities has no option sample_weight: it is one of data"):
        fastmle.kl_divergence(p, q, sample_weight=np.ones(16))
    with pytest.raises(TypeError, match="entropy has no option bases"):
        fastmle.entropy(half, bases=2)


def test_distributions_go_to_their_own_room(monkeypatch):
    calls = []

    def record(name, result):
        def function(*arguments, **options):
            calls.append((name, arguments, options))
            return result

        return function

    room = SimpleNamespace(
        is_distribution=lambda thing: hasattr(thing, "dist"),
        kl_of_distributions=record("kl", 1.0),
        cross_entropy_of_distributions=record("cross", 2.0),
        entropy_of_distribution=record("entropy", 3.0),
    )
    monkeypatch.setitem(sys.modules, "fastmle.information.distributions", room)
    monkeypatch.setattr(fastmle.information, "distributions", room, raising=False)
    p, q = stats.norm(0, 1), stats.norm(1, 2)
    assert fastmle.kl_divergence(p, q, base=2, method="monte_carlo", rng=0, n_jobs=2) == 1.0
    assert fastmle.cross_entropy(p, q) == fastmle.expected_code_length(p, q) == 2.0
    assert fastmle.entropy(p) == 3.0
    assert calls == [
        ("kl", (p, q), {"base": 2, "method": "monte_carlo", "rng": 0, "n_jobs": 2}),
        ("cross", (p, q), {"base": None}),
        ("cross", (p, q), {"base": None}),
        ("entropy", (p,), {"base": None}),
    ]
    with pytest.raises(TypeError, match="js_divergence is not known for distributions"):
        fastmle.js_divergence(p, q)
    with pytest.raises(TypeError, match="SciPy distributions has no option axis"):
        fastmle.kl_divergence(p, q, axis=0)
    with pytest.raises(TypeError, match="got rv_continuous_frozen and ndarray"):
        fastmle.kl_divergence(p, np.array([0.5, 0.5]))
