"""The decomposition of the expected log-likelihood, against loops over states."""

import itertools
import math

import numpy as np
import pytest
from information_models import Foreign, coins, network, states
from numpy.testing import assert_allclose

import fastmle


def terms(table_p, table_q, order):
    """Return entropy, divergence and cross entropy of every variable given those before, by dictionaries."""
    d = len(order)
    X = states(d)

    def marginal(table, columns):
        sums = {}
        for row, probability in zip(X[:, columns], table, strict=True):
            sums[tuple(row)] = sums.get(tuple(row), 0.0) + probability
        return sums

    found = np.zeros((3, d))
    for place, j in enumerate(order):
        p, q = (marginal(table, order[: place + 1]) for table in (table_p, table_q))
        before_p, before_q = (marginal(table, order[:place]) for table in (table_p, table_q))
        for row in itertools.product([0, 1], repeat=place + 1):
            if p[row] > 0:
                of_p, of_q = p[row] / before_p[row[:-1]], q[row] / before_q[row[:-1]]
                found[:, j] += p[row] * np.array([-math.log(of_p), math.log(of_p / of_q), -math.log(of_q)])
    return found


@pytest.mark.parametrize("order", [None, [2, 0, 3, 1]])
def test_densities_term_by_term(order, random_fvsbn, rng):
    p, q = network(*random_fvsbn(4)), network(*random_fvsbn(4), rng.permutation(4))
    tables = [np.exp(m.score_features(states(4)).sum(axis=1)) for m in (p, q)]
    result = fastmle.decompose(p, q, order=order)
    expected = terms(*tables, q.order_ if order is None else order)
    got = result.entropy_terms, result.kl_terms, result.cross_entropy_terms
    assert_allclose(got, expected, rtol=1e-11, atol=1e-13)
    assert_allclose(result.order, q.order_ if order is None else order)
    assert_allclose(result.entropy, fastmle.entropy(p).mean, rtol=1e-12)
    assert_allclose(result.kl, fastmle.kl_divergence(p, q).mean, rtol=1e-12)
    assert_allclose(result.cross_entropy, fastmle.cross_entropy(p, q).mean, rtol=1e-12)
    in_bits = fastmle.decompose(p, q, order=order, base=2)
    assert_allclose(in_bits.kl_terms, result.kl_terms / math.log(2), rtol=1e-14)


def test_data_term_by_term(random_fvsbn, random_bits, rng):
    X, weights = random_bits(40, 4), rng.integers(0, 3, 40)
    q = network(*random_fvsbn(4))
    table_q = np.exp(q.score_features(states(4)).sum(axis=1))
    counts = np.bincount(X @ 2 ** np.arange(4), weights=weights, minlength=16)
    for result in (
        fastmle.decompose(X, q, sample_weight=weights),
        fastmle.decompose(fastmle.BitMatrix.from_array(X, sample_weight=weights), q),
    ):
        expected = terms(counts / counts.sum(), table_q, np.arange(4))
        assert_allclose([result.entropy_terms, result.kl_terms], expected[:2], rtol=1e-11, atol=1e-13)
        expected = fastmle.kl_divergence(X, q, sample_weight=weights).mean
        assert_allclose(result.kl, expected, rtol=1e-12)


def test_maximum_likelihood_minimises_the_divergence(random_bits):
    """The first column's conditional is that of the data exactly, so that it has no divergence."""
    X = random_bits(200, 3, density=0.3)
    fitted = fastmle.decompose(X, fastmle.BernoulliMLE().fit(X))
    other = fastmle.decompose(X, coins([0.312, 0.4, 0.2]))  # no share of 200 rows
    assert_allclose(fitted.entropy_terms, other.entropy_terms, rtol=1e-12)
    assert 0 <= fitted.kl_terms[0] < 1e-15 < other.kl_terms[0]
    assert fitted.kl < other.kl
    assert_allclose(fitted.cross_entropy, fitted.entropy + fitted.kl, rtol=1e-14)


def test_what_q_excludes(random_fvsbn):
    p, q = network(*random_fvsbn(3)), coins([0.5, 0.0, 0.5])
    result = fastmle.decompose(p, q)
    assert np.isfinite(result.kl_terms).tolist() == [True, False, True]
    assert result.kl == result.cross_entropy == math.inf
    assert "inf" in str(result)
    back = fastmle.decompose(q, p)
    assert math.isfinite(back.kl)
    assert back.entropy_terms[1] == 0


def test_the_table(random_fvsbn):
    parameters = random_fvsbn(3)
    p, q = network(*parameters, names=["rain", "wind", "snow"]), network(*parameters, order=[2, 1, 0])
    lines = str(fastmle.decompose(p, q, base=2)).splitlines()
    assert " ".join(lines[0].split()) == "bits -E_p[log q] = H(p) + KL(p || q)"
    assert [line.split()[0] for line in lines[1:]] == ["snow", "wind", "rain", "all"]
    result = fastmle.decompose(q, q)
    assert result.feature_names.tolist() == ["x0", "x1", "x2"]
    assert result.kl == 0
    assert repr(result).startswith("<Decomposition ")


def test_arguments_that_are_refused(random_fvsbn, random_bits, rng):
    p, wide = network(*random_fvsbn(3)), network(*random_fvsbn(21))
    with pytest.raises(ValueError, match=r"21 variables have 2\^21"):
        fastmle.decompose(wide, wide)
    with pytest.raises(ValueError, match="has 3 variables"):
        fastmle.decompose(p, network(*random_fvsbn(4)))
    for order in ([0, 1], [0, 1, 1], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match=r"order must be a permutation of range\(3\)"):
            fastmle.decompose(p, p, order=order)
    with pytest.raises(TypeError, match="sample_weight belongs to data"):
        fastmle.decompose(p, p, sample_weight=np.ones(8))
    with pytest.raises(ValueError, match="model_data has 4 columns"):
        fastmle.decompose(random_bits(9, 4), Foreign(rng.dirichlet(np.ones(8))))
