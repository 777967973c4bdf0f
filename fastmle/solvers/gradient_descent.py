"""Full-batch gradient descent with a line search, for comparison with the quasi-Newton method."""

import math
from dataclasses import dataclass

import numpy as np

from ._checks import check_count, check_number

# A step is good when the value has fallen by this share of what the first slope promises, and the slope to
# this share of the first one (the strong Wolfe conditions).
_FALL, _SLOPE = 1e-4, 0.9
# Smaller differences of values, relative to them, are rounding.
_VALUE_ERROR = 1e-14
_MAX_TRIALS = 40


@dataclass
class DescentResult:
    """What :func:`gradient_descent` found.

    Attributes
    ----------
    x : ndarray
        The point reached.
    value : float
        Objective there.
    gradient_norm : float
        Largest absolute gradient entry there.
    converged : bool
        Whether that is at most `tol`.
    n_iter : int
        Number of steps.
    n_evaluations : int
        Number of evaluations of the objective, those of the line searches among them.
    curve : list of float
        Values before the first step and after each.
    """

    x: np.ndarray
    value: float
    gradient_norm: float
    converged: bool
    n_iter: int
    n_evaluations: int
    curve: list


def gradient_descent(value_and_gradient, x, *, tol=1e-6, max_iter=1000, callback=None):
    r"""Minimise a smooth function along its negative gradient, with a line search.

    Parameters
    ----------
    value_and_gradient : callable
        ``value_and_gradient(x)`` returns the objective and its gradient, an array like `x` that is not
        written to by later calls.
    x : ndarray of float64
        Where to start; left as it is.
    tol : float, default=1e-6
        Done when the largest absolute gradient entry is at most this.
    max_iter : int, default=1000
        Largest number of steps.
    callback : callable or None, default=None
        ``callback(x, value, gradient_norm, n_iter)`` after every step; a true result stops.

    Returns
    -------
    DescentResult

    Raises
    ------
    ValueError
        If a number makes no sense, or value or gradient are not finite at the start.

    Notes
    -----
    A step fulfils the strong Wolfe conditions with constants 1e-4 and 0.9 [1]_. The search begins with the
    step that would gain as much as the last one did, if the function were a parabola along it. Where it finds
    no step the descent ends: that is the limit of the arithmetic.

    References
    ----------
    .. [1] Nocedal, J. and Wright, S. J. Numerical Optimization, 2nd ed., chapter 3. Springer, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.solvers import gradient_descent
    >>> curvature = np.array([1.0, 10.0])
    >>> result = gradient_descent(lambda x: (0.5 * x @ (curvature * x), curvature * x), np.array([3.0, 2.0]))
    >>> result.converged, bool(np.abs(result.x).max() < 1e-6)
    (True, True)
    """
    tol = check_number("tol", tol, closed=True)
    max_iter = check_count("max_iter", max_iter)
    value, gradient = value_and_gradient(x)
    if not (math.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(f"the objective or its gradient is not finite at the start: the value is {value}")
    x, curve, n_evaluations = np.array(x), [float(value)], 1
    norm = float(np.abs(gradient).max())
    step = 1.0 / max(norm, 1e-300)
    stopped = False
    while norm > tol and len(curve) <= max_iter and not stopped:
        found, n_trials = _search(value_and_gradient, x, value, gradient, step)
        n_evaluations += n_trials
        if found is None:
            break
        last = value
        x, value, gradient = found
        norm = float(np.abs(gradient).max())
        curve.append(float(value))
        if last > value:
            step = 2.02 * (last - value) / max(float(np.vdot(gradient, gradient)), 1e-300)
        stopped = callback is not None and callback(x, value, norm, len(curve) - 1)
    return DescentResult(x, float(value), norm, norm <= tol, len(curve) - 1, n_evaluations, curve)


def _search(value_and_gradient, x, value, gradient, step):
    """Return a point downhill, its value and gradient, or None; and the number of trials."""
    first = -float(np.vdot(gradient, gradient))
    low, low_slope, high = 0.0, first, math.inf
    for n_trials in range(1, _MAX_TRIALS + 1):
        trial = x - step * gradient
        trial_value, trial_gradient = value_and_gradient(trial)
        slope = -float(np.vdot(trial_gradient, gradient))
        fallen = trial_value <= value + _FALL * step * first + _VALUE_ERROR * abs(value)
        if fallen and abs(slope) <= -_SLOPE * first:
            return (trial, trial_value, trial_gradient), n_trials
        if fallen and slope < 0:
            low, low_slope = step, slope
        else:
            high = step
        if high == math.inf:
            step = 4.0 * step
        else:
            # The secant's step, kept off the ends of the bracket; the middle where slopes tell nothing.
            share = low_slope / (low_slope - slope) if slope > 0 else 0.5
            step = low + min(max(share, 0.1), 0.9) * (high - low)
    return None, _MAX_TRIALS
