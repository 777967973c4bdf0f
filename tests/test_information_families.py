"""Closed forms of the divergences of SciPy's distributions, against 100 digits."""

import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from fastmle.information._bregman import stirling_divergence
from fastmle.information.distributions import kl_of_distributions

mp = mpmath.mp.clone()
mp.dps = 100
inf = math.inf


def exact(x):
    return mp.mpf(float(x))


# Closed forms in 100 digits: the textbook formulas, cancellation and all


def bregman_log_gamma(a, b):
    a, b = exact(a), exact(b)
    return mp.loggamma(b) - mp.loggamma(a) - (b - a) * mp.digamma(a)


def exact_bernoulli(p, q):
    p, q = exact(p), exact(q)
    ones = p * mp.log(p / q) if p else 0
    return ones + ((1 - p) * mp.log((1 - p) / (1 - q)) if p < 1 else 0)


def exact_normal(p, q):
    (m, s), (n, t) = ([exact(x) for x in P.args] for P in (p, q))
    return mp.log(t / s) + (s**2 + (m - n) ** 2) / (2 * t**2) - mp.mpf(1) / 2


def exact_exponential(p, q):
    (k, s), (m, t) = ([exact(x) for x in P.args] for P in (p, q))
    return mp.log(t / s) + s / t - 1 + (k - m) / t


def exact_gamma(p, q):
    (a, _, s), (b, _, t) = ([exact(x) for x in P.args] for P in (p, q))
    return bregman_log_gamma(a, b) + b * mp.log(t / s) + a * (s - t) / t


def exact_beta(p, q):
    (a, c), (b, d) = ([exact(x) for x in P.args] for P in (p, q))
    moved = (b + d - a - c) * mp.digamma(a + c)
    return (
        bregman_log_gamma(a, b) + bregman_log_gamma(c, d) - (mp.loggamma(b + d) - mp.loggamma(a + c) - moved)
    )


def exact_poisson(p, q):
    m, n = exact(p.args[0]), exact(q.args[0])
    return m * mp.log(m / n) - m + n


class Pairs:
    """Parameters of p and q: nearly equal ones, by all powers of ten, and unrelated ones."""

    def __init__(self, rng):
        self.rng = rng

    def numbers(self, low, high):
        x = 10 ** self.rng.uniform(low, high)
        if self.rng.random() < 0.6:
            return x, x * (1 + 10 ** self.rng.uniform(-15, -1) * self.rng.choice([-1, 1]))
        return x, 10 ** self.rng.uniform(low, high)

    def probabilities(self):
        p, q = (min(x, 0.99) for x in self.numbers(-10, -0.01))
        return (p, q) if self.rng.random() < 0.5 else (1 - p, 1 - q)

    def normal(self):
        (s, t), (m, n) = self.numbers(-4, 4), self.numbers(-3, 3)
        return stats.norm(m, s), stats.norm(n, t), exact_normal

    def exponential(self):
        (s, t), shift = self.numbers(-4, 4), self.rng.choice([0.0, 0.25])
        return stats.expon(shift, s), stats.expon(0, t), exact_exponential

    def gamma(self):
        (a, b), (s, t) = self.numbers(-8, 8), self.numbers(-3, 3)
        if self.rng.random() < 0.3:
            t = a * s / b  # equal means
        return stats.gamma(a, 0, s), stats.gamma(b, 0, t), exact_gamma

    def beta(self):
        (a, b), (c, d) = self.numbers(-3, 5), self.numbers(-3, 5)
        return stats.beta(a, c), stats.beta(b, d), exact_beta

    def bernoulli(self):
        p, q = self.probabilities()
        return stats.bernoulli(p), stats.bernoulli(q), lambda P, Q: exact_bernoulli(p, q)

    def binomial(self):
        p, q = self.probabilities()
        return stats.binom(17, p), stats.binom(17, q), lambda P, Q: 17 * exact_bernoulli(p, q)

    def poisson(self):
        p, q = self.numbers(-8, 8)
        return stats.poisson(p), stats.poisson(q), exact_poisson

    def geometric(self):
        p, q = self.probabilities()
        return stats.geom(p), stats.geom(q), lambda P, Q: exact_bernoulli(p, q) / exact(p)


@pytest.mark.parametrize(
    "family",
    ["normal", "exponential", "gamma", "beta", "bernoulli", "binomial", "poisson", "geometric"],
)
def test_closed_forms_are_accurate(family, rng):
    draw = getattr(Pairs(rng), family)
    for _ in range(100):
        p, q, formula = draw()
        expected, value = formula(p, q), kl_of_distributions(p, q)
        assert value >= 0
        error = abs(value - expected) / expected if expected else value
        # Where means agree, but for their last places, rounding counts by the root of the shape.
        allowed = {"gamma": 1e-11, "beta": 1e-12}.get(family, 1e-13)
        assert error < allowed, (p.args, q.args, float(error))
        assert kl_of_distributions(p, p) == 0


def test_stirling_divergence_is_accurate_for_all_shapes(rng):
    for _ in range(100):
        a, b = Pairs(rng).numbers(-8, 8)
        x, y = exact(a), exact(b)
        expected = bregman_log_gamma(a, b) - (y * mp.log(y / x) - (y - x))
        assert_allclose(stirling_divergence(np.float64(a), np.float64(b), b - a), float(expected), rtol=1e-14)


def test_scales_that_are_far_apart():
    expected = 400 * math.log(10) - 0.5
    assert_allclose(kl_of_distributions(stats.norm(0, 1e-200), stats.norm(0, 1e200)), expected, rtol=1e-14)


@pytest.mark.parametrize("size", [1e-12, 1e-6, 1e-2, 1.0])
def test_multivariate_normal(size, rng):
    A, B, mean = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)
    C = A @ A.T + np.eye(4)
    D, other = C + size * (B @ B.T), mean + size * rng.normal(size=4)
    P, Q, d = mp.matrix(C.tolist()), mp.matrix(D.tolist()), mp.matrix((mean - other).tolist())
    moved = (d.T * Q**-1 * d)[0]
    spread = sum((Q**-1 * P)[i, i] for i in range(4)) - 4 - mp.log(mp.det(P) / mp.det(Q))
    value = kl_of_distributions(stats.multivariate_normal(mean, C), stats.multivariate_normal(other, D))
    # The difference of means is rounded before.
    assert_allclose(value, float((spread + moved) / 2), rtol=1e-11)


def test_normal_distributions_of_all_kinds_meet():
    rows, other = stats.norm([0, 1], [1, 2]), stats.norm([1, 1], [3, 2])
    expected = kl_of_distributions(stats.norm(0, 1), stats.norm(1, 3))
    matrices = [stats.multivariate_normal(P.mean(), np.diag(P.var())) for P in (rows, other)]
    for p in (rows, matrices[0]):
        for q in (other, matrices[1]):
            assert_allclose(kl_of_distributions(p, q), expected, rtol=1e-14)
    line = stats.multivariate_normal(0, 1), stats.norm(1, 3)
    assert_allclose(kl_of_distributions(*line), expected, rtol=1e-14)


def test_singular_normal_distributions():
    def on_a_line(mean, variance):
        return stats.multivariate_normal(mean, variance * np.ones((2, 2)), allow_singular=True)

    p = on_a_line([0, 0], 1.0)
    # Along the line, a coordinate is the mean times the root of two.
    expected = kl_of_distributions(stats.norm(0, 1), stats.norm(0.5, 2))
    assert_allclose(kl_of_distributions(p, on_a_line([0.5, 0.5], 4.0)), expected, rtol=1e-14)
    assert kl_of_distributions(p, on_a_line([0.5, 0.6], 4.0)) == inf
    assert kl_of_distributions(p, stats.multivariate_normal([0, 0])) == inf
    assert kl_of_distributions(stats.multivariate_normal([0, 0]), p) == inf


def table(*probabilities, outcomes=None):
    return stats.rv_discrete(
        values=(range(len(probabilities)) if outcomes is None else outcomes, probabilities)
    )


def test_tables_and_multinomials():
    p, q = [0.2, 0.3, 0.5], [0.25, 0.25, 0.5]
    expected = sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))
    assert_allclose(kl_of_distributions(table(*p), table(*q)), expected, rtol=1e-14)
    values = kl_of_distributions(stats.multinomial(7, p), stats.multinomial(7, q))
    assert_allclose(values, 7 * expected, rtol=1e-14)
    assert kl_of_distributions(stats.multinomial(7, p), stats.multinomial(8, q)) == inf
    # Outcomes are told apart by their values, and by the location.
    assert_allclose(
        kl_of_distributions(table(0.5, 0.5), table(0.25, 0.5, 0.25)), 0.5 * math.log(2), rtol=1e-14
    )
    assert kl_of_distributions(table(0.5, 0.5), table(0.5, 0.5, outcomes=[0, 1.5])) == inf
    assert kl_of_distributions(table(0.5, 0.5)(loc=0.5), table(0.5, 0.5, outcomes=[0.5, 1.5])) == 0
    # SciPy admits sums that are a little off.
    assert_allclose(kl_of_distributions(table(0.5, 0.5 + 1e-6), table(0.5, 0.5)), 0, atol=1e-12)


def test_dirichlet_distributions():
    a, b = np.array([0.5, 2.0, 7.0]), np.array([1.0, 2.5, 4.0])
    total = a.sum(), b.sum()
    moved = (total[1] - total[0]) * mp.digamma(total[0])
    expected = sum(map(bregman_log_gamma, a, b)) - (mp.loggamma(total[1]) - mp.loggamma(total[0]) - moved)
    assert_allclose(kl_of_distributions(stats.dirichlet(a), stats.dirichlet(b)), float(expected), rtol=1e-13)
