"""Full-batch gradient descent with a line search."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize, rosen, rosen_der

from fastmle.solvers import gradient_descent


class Counted:
    """A function that counts its evaluations and keeps the points."""

    def __init__(self, value, gradient):
        self.value, self.gradient = value, gradient
        self.points = []

    def __call__(self, x):
        self.points.append(x.copy())
        with np.errstate(over="ignore", invalid="ignore"):
            return self.value(x), self.gradient(x)


def quadratic(condition, scale=1.0):
    curvature = scale * np.geomspace(1, condition, 5)
    return Counted(lambda x: 0.5 * (x - 1) @ (curvature * (x - 1)), lambda x: curvature * (x - 1))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e8])
def test_quadratics_of_any_scale(scale):
    function = quadratic(50, scale)
    result = gradient_descent(function, np.zeros(5), tol=1e-7 * scale)
    assert result.converged
    assert_allclose(result.x, 1.0, atol=2e-7)
    assert result.gradient_norm <= 1e-7 * scale
    assert result.n_evaluations == len(function.points) < 3 * result.n_iter
    assert len(result.curve) == result.n_iter + 1
    assert np.all(np.diff(result.curve) < 0)
    assert result.curve[-1] == result.value == function.value(result.x)


def test_steps_fulfil_the_conditions_of_wolfe():
    steps = [np.array([-1.2, 1.0])]
    result = gradient_descent(
        Counted(rosen, rosen_der),
        steps[0],
        max_iter=200,
        callback=lambda x, value, norm, n_iter: steps.append(x.copy()),
    )
    assert result.n_iter == 200
    assert not result.converged
    assert_array_equal(steps[0], [-1.2, 1.0])  # left as it was
    for before, after in itertools.pairwise(steps):
        move, slope = after - before, rosen_der(before)
        assert_allclose(move @ slope, -np.linalg.norm(move) * np.linalg.norm(slope))  # straight downhill
        assert rosen(after) <= rosen(before) + 1e-4 * move @ slope + 1e-12
        assert abs(move @ rosen_der(after)) <= 0.9 * abs(move @ slope)


def test_a_logistic_regression_against_scipy(rng):
    X, y = rng.normal(size=(200, 4)), np.where(rng.random(200) < 0.5, 1.0, -1.0)

    def value_and_gradient(w):
        margin = y * (X @ w)
        value = np.logaddexp(0, -margin).mean() + 0.005 * w @ w
        return value, -X.T @ (y / (1 + np.exp(margin))) / 200 + 0.01 * w

    result = gradient_descent(value_and_gradient, np.zeros(4), tol=1e-8)
    best = minimize(value_and_gradient, np.zeros(4), jac=True, method="BFGS", options={"gtol": 1e-9})
    assert result.converged
    assert_allclose(result.x, best.x, atol=1e-6)


def test_it_ends_at_the_limit_of_the_arithmetic():
    result = gradient_descent(quadratic(3), np.zeros(5), tol=0.0, max_iter=10_000)
    assert result.n_iter < 10_000
    assert_allclose(result.x, 1.0, atol=1e-7)


def test_a_wall_of_infinite_values_is_not_stepped_over():
    barrier = Counted(lambda x: x[0] - np.log(x[0]) if x[0] > 0 else np.inf, lambda x: 1 - 1 / x)
    result = gradient_descent(barrier, np.array([30.0]), tol=1e-9)
    assert result.converged
    assert min(point[0] for point in barrier.points) <= 0  # the first step was too long
    assert_allclose(result.x, 1.0)


def test_a_callback_stops_and_a_start_may_be_the_end():
    function = quadratic(50)
    result = gradient_descent(function, np.zeros(5), callback=lambda x, value, norm, n_iter: n_iter == 3)
    assert (result.n_iter, result.converged) == (3, False)
    result = gradient_descent(function, np.ones(5))
    assert (result.n_iter, result.n_evaluations, result.converged) == (0, 1, True)


def test_bad_input():
    with pytest.raises(ValueError, match="not finite at the start: the value is inf"):
        gradient_descent(lambda x: (np.inf, x), np.zeros(2))
    with pytest.raises(ValueError, match="gradient is not finite at the start"):
        gradient_descent(lambda x: (0.0, x), np.array([np.nan]))
    with pytest.raises(ValueError, match="tol must be a number >= 0"):
        gradient_descent(quadratic(2), np.zeros(5), tol=-1.0)
    with pytest.raises(ValueError, match="max_iter must be an integer of at least 1"):
        gradient_descent(quadratic(2), np.zeros(5), max_iter=0)
