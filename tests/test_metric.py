"""The solver's metric: one Cholesky factor for the problems of all columns."""

import numpy as np
import pytest

from fastmle import BitMatrix
from fastmle.metric import GramMetric, factorise


@pytest.mark.parametrize("d", [1, 5, 16, 17, 50])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_blocked_factor_is_the_cholesky_factor(rng, d, n_jobs):
    root = rng.normal(size=(d, d + 3))
    matrix = root @ root.T
    factor = np.tril(factorise(matrix.copy(), n_jobs, block=16))
    np.testing.assert_allclose(factor, np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("block", [4, 64])
def test_singular_matrices_are_factorised_nearly(rng, block):
    root = rng.normal(size=(20, 6))
    matrix = root @ root.T
    factor = np.tril(factorise(matrix.copy(), block=block))
    np.testing.assert_allclose(factor @ factor.T, matrix, atol=1e-4)


def test_solve_is_the_inverse_hessian_of_independent_columns(rng, random_bits):
    X = random_bits(300, 70, 0.3)
    bits = BitMatrix.from_array(X)
    ones = X.sum(axis=0)
    metric = GramMetric(bits.gram(), ones, 300, 2.0, n_jobs=2)
    share = ones / 300
    curvature = np.exp(np.log(share * (1 - share)).mean())
    design = np.column_stack([np.ones(300), X[:, :-1]])
    columns = np.array([0, 1, 7, 33, 64, 69])
    vectors = rng.normal(size=(6, 70)) * (np.arange(70) <= columns[:, None])
    solved = vectors.copy()
    metric.solve(columns, solved)
    for column, before, after in zip(columns, vectors, solved, strict=True):
        n = column + 1
        hessian = curvature * design[:, :n].T @ design[:, :n] + np.diag([0.0] + [2.0] * column)
        np.testing.assert_allclose(after[:n], np.linalg.solve(hessian, before[:n]), rtol=1e-5)
        assert not after[n:].any()


def test_threads_do_not_change_a_bit(rng, random_bits):
    bits = BitMatrix.from_array(random_bits(500, 600, 0.3))
    ones = bits.column_counts()
    vectors = np.tril(rng.normal(size=(600, 600)))
    results = []
    for n_jobs in (1, 3):
        solved = vectors.copy()
        GramMetric(bits.gram(), ones, 500, 1.0, n_jobs=n_jobs).solve(np.arange(600), solved)
        results.append(solved)
    np.testing.assert_array_equal(*results)


def test_equal_and_constant_columns_keep_the_metric_definite(random_bits):
    X = random_bits(100, 12)
    X[:, 5], X[:, 6], X[:, 9] = X[:, 4], 0, 1
    bits = BitMatrix.from_array(X)
    metric = GramMetric(bits.gram(), X.sum(axis=0), 100, 0.0)
    vectors = np.tril(np.ones((12, 12)))
    metric.solve(np.arange(12), vectors)
    assert np.isfinite(vectors).all()
    assert (np.tril(np.ones((12, 12))) * vectors).sum(axis=1).min() > 0
