"""The row-wise quasi-Newton method on problems whose answers are known."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from fastmle.solvers import Stage, minimize_rows


class Quadratics:
    """Row i is 1/2 (x - c)^T A (x - c) in i + 1 variables, with conditions from 1 to 1e4."""

    def __init__(self, rng, n_rows):
        self.lengths = np.arange(1, n_rows + 1)
        self.centres = np.tril(rng.normal(size=(n_rows, n_rows)))
        self.matrices = []
        for n in self.lengths:
            axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
            self.matrices.append(axes @ np.diag(np.geomspace(1, 1e4, n)) @ axes.T)
        self.evaluated = []

    def value_and_gradient(self, rows, x):
        self.evaluated.append(rows.copy())
        gradient = np.zeros_like(x)
        value = np.zeros(len(rows))
        for k, row in enumerate(rows):
            n = self.lengths[row]
            gradient[k, :n] = self.matrices[row] @ (x[k, :n] - self.centres[row, :n])
            value[k] = 0.5 * gradient[k, :n] @ (x[k, :n] - self.centres[row, :n])
        return value, gradient


def run(problem, metric_solve, **options):
    n_rows = len(problem.lengths)
    tol = options.pop("tol", 1e-8)
    options = {"rows": np.arange(n_rows), "max_iter": 2000} | options
    stages = options.pop("stages", (Stage(problem.value_and_gradient, tol, 1e-13),))
    return minimize_rows(stages, metric_solve, np.zeros((n_rows, n_rows)), problem.lengths, **options)


def scaled_identity(scale):
    def solve(rows, vectors):
        vectors *= scale

    return solve


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e8])
def test_any_scale_of_the_metric(rng, scale):
    problem = Quadratics(rng, 8)
    result = run(problem, scaled_identity(scale))
    assert result.converged.all()
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-7)
    assert np.all(np.diff(result.curve) <= 1e-9)


def test_the_exact_metric_needs_one_step(rng):
    problem = Quadratics(rng, 8)

    def solve(rows, vectors):
        for k, row in enumerate(rows):
            n = problem.lengths[row]
            vectors[k, :n] = np.linalg.solve(problem.matrices[row], vectors[k, :n])

    result = run(problem, solve, tol=1e-7)
    assert result.n_iter == 1
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-7)


def test_converged_rows_leave_and_others_are_left_alone(rng):
    problem = Quadratics(rng, 9)
    result = run(problem, scaled_identity(1.0), rows=np.array([0, 3, 8]))
    assert set(np.concatenate(problem.evaluated)) == {0, 3, 8}
    counts = np.bincount(np.concatenate(problem.evaluated), minlength=9)
    assert counts[0] < counts[3] < counts[8]  # one variable is solved before four, and four before nine
    assert not result.x[[1, 2, 4, 5, 6, 7]].any()
    np.testing.assert_allclose(result.x[8], problem.centres[8], atol=1e-7)


def test_stages_hand_over_and_the_last_decides(rng):
    problem = Quadratics(rng, 6)
    noise = np.random.default_rng(0)

    def coarse(rows, x):
        value, gradient = problem.value_and_gradient(rows, x)
        support = np.arange(6) < problem.lengths[rows][:, None]
        return value, gradient + 1e-4 * noise.normal(size=gradient.shape) * support

    stages = (Stage(coarse, 1e-2, 1e-3), Stage(problem.value_and_gradient, 1e-9, 1e-13))
    result = run(problem, scaled_identity(1e-3), stages=stages)
    assert result.converged.all()
    assert result.gradient_norm.max() <= 1e-9
    np.testing.assert_allclose(result.x, problem.centres, atol=1e-8)


@pytest.mark.parametrize("max_iter", [1, 2, 7])
def test_max_iter_counts_all_stages(rng, max_iter):
    problem = Quadratics(rng, 6)
    stage = Stage(problem.value_and_gradient, 1e-12, 1e-13)
    seen = []
    result = run(
        problem,
        scaled_identity(1e-4),
        stages=(stage, stage),
        max_iter=max_iter,
        callback=lambda x, value, norm, n_iter: seen.append(n_iter),
    )
    assert result.n_iter == max_iter
    assert seen == list(range(1, max_iter + 1))
    assert len(result.curve) == max_iter + 1
    assert not result.converged.all()


def test_callback_stops(rng):
    problem = Quadratics(rng, 6)
    result = run(problem, scaled_identity(1e-4), callback=lambda x, value, norm, n_iter: n_iter == 3)
    assert result.n_iter == 3


def test_noise_ends_in_rest_not_in_a_loop(rng):
    # Gradients too noisy for the tolerance: the search gives up, and says that it did not converge.
    problem = Quadratics(rng, 4)
    noise = np.random.default_rng(0)

    def noisy(rows, x):
        value, gradient = problem.value_and_gradient(rows, x)
        return value, gradient * (1 + 0.1 * noise.normal(size=gradient.shape)) + 0.1 * np.sign(gradient)

    result = run(problem, scaled_identity(1e-4), stages=(Stage(noisy, 1e-10, 1e-3),))
    assert not result.converged.all()
    assert np.isfinite(result.x).all()


def test_logistic_rows_against_scipy(rng):
    X = np.column_stack([np.ones(200), rng.random((200, 3)) < 0.4])
    y = (rng.random((200, 4)) < expit(X @ rng.normal(size=(4, 4)))).astype(float)
    lengths = np.arange(1, 5)
    support = np.arange(4) < lengths[:, None]

    def value_and_gradient(rows, x):
        z = X @ x.T
        value = -(log_expit(np.where(y[:, rows] == 1, z, -z))).sum(axis=0) + 0.5 * (x**2).sum(axis=1)
        return value, ((expit(z) - y[:, rows]).T @ X + x) * support[rows]

    result = minimize_rows(
        (Stage(value_and_gradient, 1e-9, 1e-13),),
        scaled_identity(1 / 50),
        np.zeros((4, 4)),
        lengths,
        np.arange(4),
        max_iter=500,
    )
    assert result.converged.all()
    for row in range(4):

        def one(w, row=row):
            value, gradient = value_and_gradient(np.array([row]), np.pad(w, (0, 3 - row))[None])
            return value[0], gradient[0, : row + 1]

        best = minimize(one, np.zeros(row + 1), jac=True, method="BFGS", options={"gtol": 1e-9})
        np.testing.assert_allclose(result.x[row, : row + 1], best.x, atol=1e-7)
