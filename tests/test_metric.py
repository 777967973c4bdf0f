"""The solver's metric: one Cholesky factor for the problems of all columns."""

import numpy as np
import pytest
from scipy.special import expit

from fastmle import BitMatrix
from fastmle.metric import GramMetric, SampledMetric, factorise


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
        hessian *= (share[column] * (1 - share[column]) / curvature) ** 0.75
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


def own_hessian(X, weight, column, parameters, alpha, pseudo):
    """The Hessian of a column's problem, in plain NumPy."""
    design = np.column_stack([np.ones(len(X)), X[:, :column]])
    p = expit(design @ parameters[: column + 1])
    hessian = design.T @ (design * (weight * p * (1 - p))[:, None]) + np.diag([0.0] + [alpha] * column)
    hessian[0, 0] += pseudo * expit(parameters[0]) * expit(-parameters[0])
    return hessian


def sampled(X, weight=None, alpha=1.0, pseudo=1.0, n_jobs=None):
    bits = BitMatrix.from_array(X, sample_weight=weight)
    ones = bits.column_counts().astype(float)
    common = GramMetric(bits.gram(), ones, bits.total_weight, alpha, pseudo)
    return SampledMetric(common, bits, alpha, pseudo, n_jobs=n_jobs)


@pytest.mark.parametrize("n_rows", [3000, 9000])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_refined_column_has_its_own_hessian_nearly(rng, random_bits, n_rows, weighted):
    X = random_bits(n_rows, 40, 0.3)
    weight = rng.integers(1, 9, size=n_rows).astype(float) if weighted else None
    metric = sampled(X, weight)
    columns = np.array([3, 20, 39])
    theta = rng.normal(size=(3, 40)) * (np.arange(40) <= columns[:, None])
    assert metric.refine(columns, theta, np.full(3, 1e3)).all()
    for column, parameters in zip(columns, theta, strict=True):
        n = column + 1
        every = np.ones(n_rows) if weight is None else weight
        hessian = own_hessian(X, every, column, parameters, 1.0, 1.0)
        inverse = np.zeros((n, 40))
        inverse[:, :n] = np.eye(n)
        for row in inverse:
            metric.solve(np.array([column]), row[None])
        # The metric times the Hessian is the identity but for the sampling.
        eigenvalues = np.linalg.eigvals(inverse[:, :n] @ hessian).real
        assert eigenvalues.min() > 0.5
        assert eigenvalues.max() < 2.0


def test_other_columns_keep_the_common_metric(rng, random_bits):
    X = random_bits(5000, 30, 0.3)
    metric = sampled(X)
    columns = np.arange(30)
    vectors = np.tril(rng.normal(size=(30, 30)))
    before, after = vectors.copy(), vectors.copy()
    metric.solve(columns, before)
    n_left = np.where(columns % 3 == 0, 1e3, 0.0)
    chosen = metric.refine(columns, np.tril(rng.normal(size=(30, 30))), n_left)
    np.testing.assert_array_equal(chosen, columns % 3 == 0)
    metric.solve(columns, after)
    np.testing.assert_array_equal(np.any(before != after, axis=1), chosen)
    assert not np.triu(after, k=1).any()


def test_what_saves_nothing_is_not_refined(rng, random_bits):
    columns, theta = np.arange(30), np.tril(rng.normal(size=(30, 30)))
    assert not sampled(random_bits(5000, 30, 0.3)).refine(columns, theta, np.full(30, 5.0)).any()
    assert not sampled(random_bits(50, 30, 0.3)).refine(columns, theta, np.full(30, 30.0)).any()


def test_own_metrics_have_a_bound(random_bits, monkeypatch):
    monkeypatch.setattr("fastmle.metric._MOST_NUMBERS", 2000)
    metric = sampled(random_bits(5000, 40, 0.3))
    columns, theta = np.arange(30, 40), np.zeros((10, 40))
    chosen = metric.refine(columns, theta, np.linspace(100, 1000, 10))
    np.testing.assert_array_equal(np.flatnonzero(chosen), [9])  # the slowest; a second has no room
    np.testing.assert_array_equal(metric.refine(columns, theta, np.full(10, 1e3)), chosen)  # its own again


def test_separated_columns_are_not_refined(random_bits):
    metric = sampled(random_bits(5000, 20, 0.3), alpha=0.0, pseudo=0.0)
    theta = np.zeros((2, 20))
    theta[1, 0] = 800.0
    np.testing.assert_array_equal(metric.refine(np.array([18, 19]), theta, np.full(2, 1e3)), [True, False])


def test_own_metrics_are_the_same_for_any_number_of_threads(rng, random_bits):
    X = random_bits(6000, 50, 0.3)
    theta, results = np.tril(rng.normal(size=(50, 50))), []
    vectors = np.tril(rng.normal(size=(50, 50)))
    for n_jobs in (1, 3):
        metric = sampled(X, n_jobs=n_jobs)
        metric.refine(np.arange(50), theta, np.full(50, 1e3))
        solved = vectors.copy()
        metric.solve(np.arange(50), solved)
        results.append(solved)
    np.testing.assert_array_equal(*results)
