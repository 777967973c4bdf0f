"""A limited-memory quasi-Newton method for many separate convex problems at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import kernels


@dataclass
class RowsResult:
    """What :func:`minimize_rows` found.

    Attributes
    ----------
    x : ndarray of shape (n_rows, n)
        The points reached.
    value : ndarray of shape (n_rows,)
        Objective values there; 0 in rows that were left alone, as are their gradients.
    gradient_norm : ndarray of shape (n_rows,)
        Largest absolute gradient entries there.
    converged : ndarray of bool, shape (n_rows,)
        Whether ``gradient_norm`` is at most the last stage's tolerance.
    n_iter : int
        Number of evaluations of the objective after the first.
    curve : list of float
        Sum of the values after each evaluation.
    """

    x: np.ndarray
    value: np.ndarray
    gradient_norm: np.ndarray
    converged: np.ndarray
    n_iter: int
    curve: list


@dataclass(frozen=True)
class Stage:
    """One way to evaluate the objectives, and how far it is good for.

    Attributes
    ----------
    value_and_gradient : callable
        ``value_and_gradient(rows, x)`` takes k ascending row indices and their points, (k, n), and
        returns the values, (k,), and the gradients, (k, n), zero behind each row's variables. Neither
        its arguments nor its results are used beyond the next call, and the arguments are overwritten.
    tol : float
        A row has converged when its largest absolute gradient entry is at most `tol`.
    value_error : float
        Relative error of a value: smaller differences carry no information.
    aim : float, default=1.0
        A row leaves the stage at `aim` times `tol`.
    """

    value_and_gradient: Callable
    tol: float
    value_error: float
    aim: float = 1.0

    @property
    def target(self):
        """Largest gradient entry at which a row leaves the stage."""
        return self.aim * self.tol


def minimize_rows(
    stages,
    metric_solve,
    x,
    lengths,
    rows,
    *,
    max_iter,
    memory=16,
    callback=None,
):
    """Minimise separate smooth convex functions, one a row of `x`, all in the same evaluations.

    Parameters
    ----------
    stages : sequence of Stage
        Evaluations of growing precision and falling tolerance; each goes on from where the one before
        has come to, and keeps its memory of the curvature. The last one decides.
    metric_solve : callable
        ``metric_solve(rows, vectors)`` multiplies each vector by an approximate inverse Hessian of
        its row, in place; called once an evaluation.
    x : ndarray of float64, shape (n_rows, n), C-contiguous
        Where to start; overwritten.
    lengths : ndarray of int64, shape (n_rows,)
        Row i has ``lengths[i]`` variables; the entries behind them are and stay zero.
    rows : ndarray of int64, ascending
        The rows to work on; the others count as solved.
    max_iter : int
        Largest number of evaluations after the first; one goes to the opening of each later stage.
    memory : int, default=16
        Number of curvature pairs kept for each row, at least 1.
    callback : callable or None, default=None
        ``callback(x, value, gradient_norm, n_iter)`` after every evaluation; a true result stops.

    Returns
    -------
    RowsResult

    Notes
    -----
    L-BFGS (Nocedal 1980) with the metric, scaled to the last step, as initial inverse Hessian. Each row
    has its own memory, step length and stopping test; a row that has converged leaves the evaluations.
    The line search accepts where the slope has fallen (Wolfe) and the value has not risen, as far as it is
    known, and short of the lowest point by the slopes alone (Hager & Zhang 2005), so that it works where
    differences of values have drowned in rounding.

    References
    ----------
    Nocedal, J. Updating quasi-Newton matrices with limited storage. Math. Comp. 35 (1980).
    Hager, W. W. and Zhang, H. A new conjugate gradient method with guaranteed descent and an efficient
    line search. SIAM J. Optim. 16 (2005).
    """
    lengths = np.ascontiguousarray(lengths, dtype=np.int64)
    gradient = np.zeros_like(x)
    value, norm = np.zeros(len(x)), np.zeros(len(x))
    state = (lengths, *_state(x, lengths, value, gradient, norm, memory))
    # Row k of these belongs to the k-th of the rows still at work.
    points, products = np.empty_like(x), np.empty_like(x)
    curve = []
    stopped = False

    def advance(stage, active, trial, opening):
        """Evaluate at the trial points; return the rows that go on and their next points."""
        trial_value, trial_gradient = stage.value_and_gradient(active, trial)
        product = products[: len(active)]
        np.copyto(product, trial_gradient)
        metric_solve(active, product)
        left = kernels.advance_rows(
            active,
            *state,
            trial,
            np.ascontiguousarray(trial_value, dtype=np.float64),
            np.ascontiguousarray(trial_gradient, dtype=np.float64),
            product,
            stage.value_error,
            stage.target,
            opening,
        )
        return active[:left], trial[:left]

    def record():
        curve.append(float(value.sum()))
        n_iter = len(curve) - 1
        return n_iter > 0 and callback is not None and callback(x, value, norm, n_iter)

    for number, stage in enumerate(stages):
        stages_left = len(stages) - 1 - number  # each opens with an evaluation
        active, trial = np.array(rows, dtype=np.int64), points[: len(rows)]
        trial[:] = x[rows]
        if len(active):
            active, trial = advance(stage, active, trial, opening=True)
        stopped = record() or stopped
        while len(active) and len(curve) + stages_left <= max_iter and not stopped:
            active, trial = advance(stage, active, trial, opening=False)
            stopped = record()
    return RowsResult(x, value, norm, norm <= stages[-1].tol, len(curve) - 1, curve)


def _state(x, lengths, value, gradient, norm, memory):
    """Return what :func:`kernels.advance_rows` keeps of every row between evaluations."""
    offsets = 3 * memory * (np.cumsum(lengths) - lengths)
    return (
        offsets,
        x,
        value,
        gradient,
        norm,
        np.zeros_like(x),  # the metric times the gradient
        np.zeros_like(x),  # the direction
        np.zeros((len(x), 6)),  # the line search
        np.zeros(3 * memory * int(lengths.sum())),  # the ring: steps, changes, metric times changes
        np.ones((len(x), memory)),  # their curvatures, step times change
        np.zeros(len(x), dtype=np.int64),  # the number of pairs ever stored
        np.ones(len(x)),  # the scale of the metric
        np.empty(memory),  # scratch
    )
