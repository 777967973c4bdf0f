"""Mutual information of columns and tests of independence: exact tables, peers, weights, the tail."""

import itertools
import math

import mpmath
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

import fastmle
from fastmle import BitMatrix, independence_test, mutual_information

mp = mpmath.mp.clone()
mp.dps = 60
CELLS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def exact_information(counts):
    """Return the mutual information of the table of whole numbers with these cells, in 60 digits."""
    n00, n01, n10, n11 = (mp.mpf(int(count)) for count in counts)
    n, rows, columns = n00 + n01 + n10 + n11, (n00 + n01, n10 + n11), (n00 + n10, n01 + n11)
    cells = zip((n00, n01, n10, n11), itertools.product(rows, columns), strict=True)
    return mp.fsum(cell * mp.log(cell * n / (row * column)) for cell, (row, column) in cells if cell) / n


@pytest.mark.usefixtures("level")
def test_all_small_tables():
    for counts in itertools.product(range(4), repeat=4):
        if any(counts):
            information = mutual_information(np.repeat(CELLS, counts, axis=0))
            exact = float(exact_information(counts))
            assert_allclose(information[0, 1], exact, rtol=1e-14, atol=1e-60, err_msg=str(counts))
            assert information[1, 0] == information[0, 1]


@pytest.mark.usefixtures("level")
def test_columns_that_are_nearly_independent(rng):
    # The determinant of the counts is +-1 or little more, of products near 1e18.
    for _ in range(200):
        a, b = rng.integers(10**8, 10**9, size=2).tolist()
        while math.gcd(a, b) > 1:
            b += 1
        d = pow(a, -1, b)
        counts = a, (a * d - 1) // b, b, d  # n00 n11 - n01 n10 = 1
        assert counts[0] * counts[3] - counts[1] * counts[2] == 1
        counts = counts[0], counts[1], counts[2], counts[3] + int(rng.integers(3))
        information = mutual_information(CELLS, sample_weight=counts)[0, 1]
        assert_allclose(information, float(exact_information(counts)), rtol=1e-14, err_msg=str(counts))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("density", [0.01, 0.3, 0.99])
def test_tables_of_every_kind(density, random_bits, rng):
    X = random_bits(300, 40, density)
    X[:, 1], X[:, 2], X[:, 3] = X[:, 0], 1 - X[:, 0], X[:, 0] & X[:, 4]
    information = mutual_information(X)
    exact = np.empty((40, 40))
    for i, j in itertools.product(range(40), repeat=2):
        exact[i, j] = exact_information(np.bincount(2 * X[:, i] + X[:, j], minlength=4))
    assert_allclose(information, exact, rtol=1e-14, atol=1e-60)
    assert_array_equal(information, information.T)
    p = X.mean(axis=0)
    assert_allclose(np.diag(information), fastmle.entropy(np.stack([p, 1 - p]), axis=0), rtol=1e-13)


def test_peers(random_bits):
    X = random_bits(2000, 8, 0.3)
    X[:, 1] |= X[:, 0]
    test = independence_test(X)
    for i, j in itertools.combinations(range(8), 2):
        table = np.bincount(2 * X[:, i] + X[:, j], minlength=4).reshape(2, 2)
        peer = chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert_allclose(test.mutual_information[i, j], mutual_info_score(X[:, i], X[:, j]), rtol=1e-8)
        assert_allclose(test.statistic[i, j], peer.statistic, rtol=1e-9)
        assert_allclose(test.p_value[i, j], peer.pvalue, rtol=1e-9)


def test_p_values_and_their_logarithms(random_bits):
    X = random_bits(3000, 10)
    for k, n_alike in enumerate([2500, 1900, 1600, 1550]):
        X[:n_alike, 2 * k + 1] = X[:n_alike, 2 * k]
    _, statistic, p_value = test = independence_test(X)
    exact = np.array([[mp.log(mp.erfc(mp.sqrt(mp.mpf(g) / 2))) for g in row] for row in statistic.tolist()])
    assert_allclose(test.log_p_value, exact.astype(float), rtol=1e-12)
    assert (p_value[[0, 1], [1, 0]] == 0).all()
    assert test.log_p_value[0, 1] < -1000
    some = test.log_p_value > -700
    assert_allclose(p_value[some], np.exp(test.log_p_value[some]), rtol=1e-11)


def test_one_in_twenty_pairs_of_independent_columns_has_a_p_value_below_a_twentieth(random_bits):
    p_value = independence_test(random_bits(5000, 200)).p_value[np.triu_indices(200, 1)]
    for level in (0.05, 0.5):
        assert abs((p_value < level).mean() - level) < 5 * math.sqrt(level * (1 - level) / len(p_value))


def test_information_of_independent_columns_is_small_on_average(random_bits):
    information = mutual_information(random_bits(5000, 200))[np.triu_indices(200, 1)]
    assert abs(2 * 5000 * information.mean() - 1) < 5 * math.sqrt(2 / len(information))


def test_weights_are_repetitions(rng, random_bits):
    X, weight = random_bits(400, 30), rng.integers(4, size=400)
    weight[0] = 1
    repeated, weighted = (
        independence_test(np.repeat(X, weight, axis=0)),
        independence_test(X, sample_weight=weight),
    )
    for a, b in zip(repeated, weighted, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(mutual_information(BitMatrix.from_array(X, sample_weight=weight)), weighted[0])
    for power in (-1030, -400, 900):
        scaled = mutual_information(X, sample_weight=weight * 2.0**power)
        assert_allclose(scaled, weighted.mutual_information, rtol=1e-14, atol=1e-60)


def test_weights_that_are_rounded(random_bits, weights):
    X, weight = random_bits(5000, 20, 0.3), weights(5000)
    X[:, 1] = X[:, 0]
    test = independence_test(X, sample_weight=weight)
    assert (test.mutual_information >= 0).all()
    assert_allclose(test.statistic, 2 * weight.sum() * test.mutual_information, rtol=1e-14)
    for i, j in itertools.product(range(20), repeat=2):
        table = np.bincount(2 * X[:, i] + X[:, j], weights=weight, minlength=4) / weight.sum()
        outer = np.outer(table.reshape(2, 2).sum(axis=1), table.reshape(2, 2).sum(axis=0))
        expected = fastmle.kl_divergence(table, outer.ravel())
        assert_allclose(test.mutual_information[i, j], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_constant_columns(weighted, random_bits, weights):
    X = random_bits(5000, 12)
    X[:, [0, 3, 9]], X[:, [1, 10]] = 1, 0
    weight = weights(len(X)) if weighted else None
    if weighted:
        X[weight == 0, 3] = 0  # constant where it counts
    test = independence_test(X, sample_weight=weight)
    for k in (0, 1, 3, 9, 10):
        for array, value in zip(test, (0, 0, 1), strict=True):
            assert_array_equal(array[k], value)
            assert_array_equal(array[:, k], value)
        assert_array_equal(test.log_p_value[k], 0)
    assert (test.statistic[np.ix_([2, 4], [2, 4])] > 0).all()


def test_every_kind_of_table_and_any_number_of_threads(random_bits, monkeypatch):
    X = random_bits(600, 50, 0.2)
    expected = mutual_information(X)
    frame = pd.DataFrame(X, columns=[f"x{k}" for k in range(50)])
    for table in (X.astype(bool), X.astype(float), scipy.sparse.csc_array(X), frame, BitMatrix.from_array(X)):
        assert_array_equal(mutual_information(table), expected)
    assert_allclose(mutual_information(X, base=2) * math.log(2), expected, rtol=1e-15)
    monkeypatch.setattr("fastmle.information.dependence._UNIT_PAIRS", 100)
    monkeypatch.setattr("fastmle.engine.MIN_PARALLEL_WORK", 1)
    for n_jobs in (1, 3):
        for a, b in zip(independence_test(X, n_jobs=n_jobs), independence_test(X), strict=True):
            assert_array_equal(a, b)
        assert_array_equal(mutual_information(X, n_jobs=n_jobs), expected)


def test_one_row_and_one_column():
    assert_array_equal(mutual_information([[1, 0]]), np.zeros((2, 2)))
    assert_allclose(mutual_information([[1], [0]], base=2), [[1.0]])


@pytest.mark.parametrize("function", [mutual_information, independence_test])
def test_bad_input(function, random_bits):
    X = random_bits(5, 2)
    with pytest.raises(ValueError, match=r"X\[1, 0\] is 2"):
        function([[0, 1], [2, 0]])
    with pytest.raises(ValueError, match="0 sample"):
        function(X[:0])
    with pytest.raises(ValueError, match="0 sample"):
        function(BitMatrix.from_array(X)[:0])
    with pytest.raises(ValueError, match="zero for every row"):
        function(X, sample_weight=np.zeros(5))
    with pytest.raises(ValueError, match="zero for every row"):
        function(BitMatrix.from_array(X, sample_weight=[0, 0, 0, 0, 1])[:4])
    with pytest.raises(ValueError, match=r"sample_weight\[2\] is -1"):
        function(X, sample_weight=[1, 1, -1, 1, 1])
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        function(X, n_jobs=0)


def test_a_base_that_is_none():
    with pytest.raises(ValueError, match="base must be positive and not 1"):
        mutual_information([[0, 1]], base=1)
