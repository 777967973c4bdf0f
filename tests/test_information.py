"""Entropies and divergences of arrays: accuracy, zeros, the properties that theory promises."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import jensenshannon

import fastmle
from fastmle.kernels import SUM_KINDS, SUM_RESULTS, SUM_SETTINGS, sum_probabilities

mp = mpmath.mp.clone()
mp.dps = 60

DIVERGENCES = {
    "kl": fastmle.kl_divergence,
    "js": fastmle.js_divergence,
    "jeffreys": fastmle.jeffreys_divergence,
    "renyi_0.3": lambda p, q, **kw: fastmle.renyi_divergence(p, q, 0.3, **kw),
    "renyi_0.99": lambda p, q, **kw: fastmle.renyi_divergence(p, q, 0.99, **kw),
    "renyi_2": lambda p, q, **kw: fastmle.renyi_divergence(p, q, 2, **kw),
    "total_variation": fastmle.total_variation,
    "hellinger": fastmle.hellinger,
}


def exact_term(kind, p, q):
    """Return the term of a kind of sum, in 60 digits."""
    p, q = mp.mpf(float(p)), mp.mpf(float(q))

    def kl(p, q):
        return p * mp.log(p / q) - p + q if p else q

    if kind == "entropy":
        return -p * mp.log(p) if p else mp.mpf(0)
    if kind == "cross_entropy":
        return -p * mp.log(q) if p else mp.mpf(0)
    if kind == "code_length":
        return exact_term("entropy", p, q) + kl(p, q)
    if kind == "js":
        return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2
    if kind == "hellinger":
        return (mp.sqrt(p) - mp.sqrt(q)) ** 2
    return {
        "kl": lambda: kl(p, q),
        "jeffreys": lambda: (p - q) * mp.log(p / q),
        "total_variation": lambda: abs(p - q),
    }[kind]()


def kernel_sum(kind, p, q):
    results, kernel_settings = np.empty((1, SUM_RESULTS)), np.zeros((1, SUM_SETTINGS))
    kernel_settings[0, :2] = 1.0
    sum_probabilities(SUM_KINDS[kind], False, False, p, q, kernel_settings, results)
    return float(results[0, 0])


def adversarial(rng):
    """Vectors whose sums are hard: none of them need sum to one here."""
    p = rng.random(300) / 300
    apart = rng.normal(size=300)
    tiny = np.full(300, 1e-19)
    tiny[0] = 0.5
    return {
        "random": (p, rng.random(300) / 300),
        "a part in 1e10": (p, p * (1 + 1e-10 * apart)),
        "last places": (p, p * (1 + 4e-16 * apart)),
        "halves": (p, p * (1 + 0.5 * np.tanh(apart))),
        "around the switch": (np.linspace(0.3, 0.9, 300), np.full(300, 0.45)),
        "wide": (10.0 ** rng.uniform(-300, 0, 300), 10.0 ** rng.uniform(-300, 0, 300)),
        "1e-300": (np.full(300, 1e-300), 1e-300 * rng.random(300)),
        "denormal q": (p, 5e-324 * rng.integers(1, 1000, 300)),
        "denormal p": (5e-324 * rng.integers(1, 1000, 300), p),
        "one large, many tiny": (tiny, tiny * (1 + 1e-3 * apart)),
    }


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("kind", [kind for kind in SUM_KINDS if kind not in ("measure", "renyi")])
def test_sums_are_accurate(kind, rng):
    for name, (p, q) in adversarial(rng).items():
        exact = mp.fsum(exact_term(kind, *pair) for pair in zip(p, q, strict=True))
        error = abs((mp.mpf(kernel_sum(kind, p, q)) - exact) / exact)
        assert error < 1e-13 or exact < 1e-290, (name, float(error))


@pytest.mark.usefixtures("level")
def test_kl_terms_are_accurate_one_by_one(rng):
    ratios = np.concatenate([np.linspace(0.2, 5, 400), 2.0 ** rng.uniform(-1000, 20, 400)])
    for ratio in ratios:
        p, q = np.array([0.3 * ratio]), np.array([0.3])
        exact = exact_term("kl", p[0], q[0])
        assert abs((mp.mpf(kernel_sum("kl", p, q)) - exact) / exact) < 1e-14


def test_a_million_tiny_terms_beside_a_large_one():
    n = 1_000_001
    p, q = np.full(n, 1e-8 / (n - 1)), np.full(n, 2e-8 / (n - 1))
    p[0], q[0] = 1 - 1e-8, 1 - 2e-8
    exact = exact_term("kl", p[0], q[0]) + (n - 1) * exact_term("kl", p[1], q[1])
    assert abs(fastmle.kl_divergence(p, q) / float(exact) - 1) < 1e-13


def test_kl_of_nearly_equal_distributions_is_positive_and_exact(rng):
    p = rng.dirichlet(np.ones(1000))
    change = rng.normal(size=1000)
    q = p * (1 + 1e-10 * (change - (change * p).sum()))
    exact = float(mp.fsum(exact_term("kl", *pair) for pair in zip(p, q, strict=True)))
    assert 0 < exact < 1e-19
    assert_allclose(fastmle.kl_divergence(p, q), exact, rtol=1e-13)
    assert_allclose(fastmle.renyi_divergence(p, q, 3), 3 * exact, rtol=1e-8)
    assert fastmle.kl_divergence(p, p) == 0


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 0.5, 0.9, 1 - 1e-9, 1 + 1e-9, 1.5, 2, 10, 60])
@pytest.mark.parametrize("apart", [1e-9, 1e-2, 1.0, 30.0])
def test_renyi_divergence_is_accurate(alpha, apart, rng):
    change = rng.normal(size=50)
    p = rng.dirichlet(np.ones(50))
    q = p * np.exp(apart * change)
    q /= q.sum()
    P, Q = ([mp.mpf(float(x)) for x in v] for v in (p, q))
    P, Q = ([x / mp.fsum(v) for x in v] for v in (P, Q))
    a = mp.mpf(float(alpha))
    exact = mp.log(mp.fsum(x**a * y ** (1 - a) for x, y in zip(P, Q, strict=True))) / (a - 1)
    # What p and q lack to sums of one counts relative to the difference of p and q.
    assert_allclose(fastmle.renyi_divergence(p, q, alpha), float(exact), rtol=1e-12, atol=1e-15)


def test_renyi_divergences_meet_the_others(rng):
    p, q = rng.dirichlet(np.ones(20), size=2)
    assert fastmle.renyi_divergence(p, q, 1) == fastmle.kl_divergence(p, q)
    assert_allclose(fastmle.renyi_divergence(p, q, 1 + 1e-12), fastmle.kl_divergence(p, q), rtol=1e-9)
    assert_allclose(fastmle.renyi_divergence(p, q, np.inf), np.log(p / q).max(), rtol=1e-13)
    bhattacharyya = -2 * np.log(np.sqrt(p * q).sum())
    assert_allclose(fastmle.renyi_divergence(p, q, 0.5), bhattacharyya, rtol=1e-12)


def test_zero_rules():
    half, left, right = [0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    inf, log2 = math.inf, math.log(2)
    assert fastmle.entropy(left) == 0
    assert_allclose(fastmle.cross_entropy(left, half), log2, rtol=1e-15)
    assert fastmle.cross_entropy(half, left) == inf
    assert_allclose(fastmle.kl_divergence(left, half), log2, rtol=1e-15)
    assert fastmle.kl_divergence(half, left) == inf
    assert fastmle.kl_divergence(left, left) == 0
    assert fastmle.expected_code_length(half, left) == inf
    assert_allclose(fastmle.js_divergence(left, right), log2, rtol=1e-15)
    assert fastmle.jeffreys_divergence(left, half) == inf
    assert fastmle.jeffreys_divergence(half, half) == 0
    assert fastmle.total_variation(left, right) == 1
    assert fastmle.hellinger(left, right) == 1
    assert fastmle.hellinger(left, left) == 0
    for alpha in (0.3, 0.7):
        assert fastmle.renyi_divergence(left, right, alpha) == inf
        assert_allclose(fastmle.renyi_divergence(half, left, alpha), alpha * log2 / (1 - alpha), rtol=1e-14)
        assert_allclose(fastmle.renyi_divergence(left, half, alpha), log2, rtol=1e-14)
    for alpha in (1, 2, inf):
        assert fastmle.renyi_divergence(half, left, alpha) == inf
        assert_allclose(fastmle.renyi_divergence(left, half, alpha), log2, rtol=1e-14)


def test_known_values_and_peers(rng):
    p, q = rng.dirichlet(np.ones(30), size=2)
    assert_allclose(fastmle.entropy(p), -(p * np.log(p)).sum(), rtol=1e-13)
    assert_allclose(fastmle.kl_divergence(p, q), (p * np.log(p / q)).sum(), rtol=1e-12)
    assert_allclose(fastmle.js_divergence(p, q, base=2), jensenshannon(p, q, base=2) ** 2, rtol=1e-12)
    assert_allclose(fastmle.hellinger(p, q) ** 2, 1 - np.sqrt(p * q).sum(), rtol=1e-12)
    assert_allclose(
        fastmle.expected_code_length(p, q), fastmle.entropy(p) + fastmle.kl_divergence(p, q), rtol=1e-14
    )
    for name in ("entropy", "cross_entropy", "kl_divergence", "js_divergence", "jeffreys_divergence"):
        function = getattr(fastmle, name)
        arguments = (p,) if name == "entropy" else (p, q)
        assert_allclose(function(*arguments, base=2) * math.log(2), function(*arguments), rtol=1e-15)


# Properties

positive = st.floats(1e-3, 1.0) | st.just(0.0)
few = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@st.composite
def distributions(draw, n_rows, n=6):
    table = draw(arrays(np.float64, (n_rows, n), elements=positive))
    table[:, 0] += 1e-3
    return table / table.sum(axis=1, keepdims=True)


@few
@given(distributions(2))
def test_divergences_are_zero_at_equality_only(pair):
    p, q = pair
    apart = np.abs(p - q).max()
    for name, divergence in DIVERGENCES.items():
        assert divergence(p, q) >= 0, name
        assert divergence(p, p) == 0, name
        assert apart < 1e-15 or divergence(p, q) > 0, name


@few
@given(distributions(2), st.permutations(range(6)))
def test_divergences_do_not_depend_on_the_order(pair, order):
    (p, q), (p_other, q_other) = pair, pair[:, order]
    for name, divergence in DIVERGENCES.items():
        assert_allclose(divergence(p_other, q_other), divergence(p, q), rtol=1e-12, err_msg=name)


@few
@given(distributions(2), arrays(np.float64, (6, 4), elements=st.floats(0.01, 1)))
def test_data_processing_only_lowers_divergences(pair, channel):
    channel = channel / channel.sum(axis=1, keepdims=True)
    p, q = pair @ channel
    for name, divergence in DIVERGENCES.items():
        before, after = divergence(*pair), divergence(p, q, normalize=True)
        assert after <= before * (1 + 1e-9) + 1e-14, name


@few
@given(distributions(2), distributions(6, 3), distributions(6, 3))
def test_chain_rule(pair, p_given, q_given):
    p, q = pair
    joint = fastmle.kl_divergence((p[:, None] * p_given).ravel(), (q[:, None] * q_given).ravel())
    inner = fastmle.kl_divergence(p_given, q_given)
    parts = fastmle.kl_divergence(p, q) + (p[p > 0] * inner[p > 0]).sum()
    assert_allclose(joint, parts, rtol=1e-9, atol=1e-15)


@few
@given(distributions(2))
def test_symmetric_divergences_and_one_that_is_not(pair):
    p, q = pair
    for name in ("js", "jeffreys", "total_variation", "hellinger"):
        assert_allclose(DIVERGENCES[name](p, q), DIVERGENCES[name](q, p), rtol=1e-13)
    assert fastmle.kl_divergence([0.5, 0.5], [0.1, 0.9]) != fastmle.kl_divergence([0.1, 0.9], [0.5, 0.5])


# All pairs of rows, and a user's generator


@pytest.mark.parametrize("log", [False, True])
def test_pairwise_kl_is_kl_of_every_pair(log, rng):
    P, Q = rng.dirichlet(np.ones(30), size=70), rng.dirichlet(np.ones(30), size=90)
    Q[:20] = P[:20] * (1 + 1e-8 * rng.normal(size=(20, 30)))  # nearly equal: digits cancel
    P[3, 4:9] = Q[5, 6:12] = Q[70:, 2] = P[:10, 2] = 0.0
    P, Q = P / P.sum(axis=1, keepdims=True), Q / Q.sum(axis=1, keepdims=True)
    expected = fastmle.kl_divergence(P[:, None], Q)
    assert np.isinf(expected).any()
    with np.errstate(divide="ignore"):
        given = (np.log(P), np.log(Q)) if log else (P, Q)
    got = fastmle.pairwise_kl(*given, log=log)
    assert_allclose(got, expected, rtol=1e-5 if log else 1e-13)
    if log:  # logarithms are rounded themselves
        assert_allclose(got, fastmle.kl_divergence(given[0][:, None], given[1], log=True), rtol=1e-13)
    assert_array_equal(fastmle.pairwise_kl(*given, log=log, n_jobs=3), got)
    square = fastmle.pairwise_kl(given[0], base=2, log=log)
    assert_array_equal(np.diag(square), 0)
    assert (square >= 0).all()


def test_pairwise_kl_of_no_rows():
    two = np.full((2, 3), 1 / 3)
    assert fastmle.pairwise_kl(two[:0]).shape == (0, 0)
    assert fastmle.pairwise_kl(two, two[:0]).shape == (2, 0)
    assert fastmle.pairwise_kl(two[:0], two, base=2).shape == (0, 2)


def test_pairwise_kl_of_single_precision(rng):
    P = rng.dirichlet(np.ones(30), size=9).astype(np.float32)
    Q = (P * (1 + 1e-3 * rng.random(30))).astype(np.float32)
    Q /= Q.sum(axis=1, keepdims=True)
    assert_allclose(fastmle.pairwise_kl(P, Q), fastmle.kl_divergence(P[:, None], Q), rtol=1e-12)


def test_pairwise_kl_refuses():
    with pytest.raises(ValueError, match=r"as many columns as each other, got \(1, 2\), \(1, 3\)"):
        fastmle.pairwise_kl([[0.5, 0.5]], [[0.5, 0.25, 0.25]])
    with pytest.raises(ValueError, match="sum to 2 at"):
        fastmle.pairwise_kl([[1.0, 1.0]])
    assert_array_equal(fastmle.pairwise_kl([[1, 1]], [[2, 6]], normalize=True).shape, (1, 1))
    assert_allclose(
        fastmle.pairwise_kl([[1, 1]], [[2, 6]], normalize=True),
        [[fastmle.kl_divergence([0.5, 0.5], [0.25, 0.75])]],
    )


def test_f_divergence_of_known_generators(rng):
    P, Q = rng.dirichlet(np.ones(40), size=(2, 7))
    P[0, 3] = Q[2, 5] = P[1, 1] = Q[1, 1] = 0.0
    P, Q = P / P.sum(axis=1, keepdims=True), Q / Q.sum(axis=1, keepdims=True)
    generators = [
        (lambda t: t * math.log(t), math.inf, fastmle.kl_divergence),
        (lambda t: abs(t - 1) / 2, 0.5, fastmle.total_variation),
        (lambda t: (math.sqrt(t) - 1) ** 2 / 2, 0.5, lambda p, q: fastmle.hellinger(p, q) ** 2),
    ]
    for f, slope, expected in generators:
        assert_allclose(fastmle.f_divergence(P, Q, f, slope=slope), expected(P, Q), rtol=1e-12)
    long_p, long_q = rng.dirichlet(np.ones(300_000), size=2)
    f = generators[1][0]
    value = fastmle.f_divergence(long_p, long_q, f)
    assert_allclose(value, fastmle.total_variation(long_p, long_q), rtol=1e-12)
    assert fastmle.f_divergence(long_p, long_q, f, n_jobs=2) == value
    with pytest.raises(ValueError, match="f must return one number"):
        fastmle.f_divergence([0.5, 0.5], [0.5, 0.5], lambda t: (t, t))
    with pytest.raises(fastmle.IntegrandError, match="Numba cannot compile f"):
        fastmle.f_divergence([0.5, 0.5], [0.5, 0.5], lambda t: {}[t])
    with pytest.raises(ValueError, match="pass slope"):
        fastmle.f_divergence([0.5, 0.5], [1.0, 0.0], f)
    missing = fastmle.f_divergence([0.5, np.nan, 0.5], [0.25, 0.25, 0.75], f, nan_policy="omit")
    assert missing == 0.25
    assert math.isnan(fastmle.f_divergence([0.5, np.nan], [0.5, 0.5], f, nan_policy="propagate"))
