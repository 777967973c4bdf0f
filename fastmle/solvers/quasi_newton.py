"""A limited-memory quasi-Newton method for many separate convex problems at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import kernels

# Line search: a step is long enough when the slope has fallen to this share of the first one, and
# decreases enough when the value falls by that share of what the first slope promises (Wolfe).
_SLOPE_SHARE = 0.9
_DECREASE_SHARE = 1e-4
_MAX_TRIALS = 30


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
        returns the values, (k,), and the gradients, (k, n).
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
    memory=8,
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
    x : ndarray of float64, shape (n_rows, n)
        Where to start; overwritten.
    lengths : ndarray of int64, shape (n_rows,)
        Row i has ``lengths[i]`` variables; the entries behind them are and stay zero.
    rows : ndarray of int64, ascending
        The rows to work on; the others count as solved.
    max_iter : int
        Largest number of evaluations after the first; one goes to the opening of each later stage.
    memory : int, default=8
        Number of curvature pairs kept for each row.
    callback : callable or None, default=None
        ``callback(x, value, gradient_norm, n_iter)`` after every evaluation; a true result stops.

    Returns
    -------
    RowsResult

    Notes
    -----
    L-BFGS (Nocedal 1980) with the metric, scaled to the last step, as initial inverse Hessian. Each row
    has its own memory, step length and stopping test; a row that has converged leaves the evaluations.
    The line search accepts by the Wolfe conditions, and near the optimum by the slopes alone (Hager &
    Zhang 2005), so that it works where differences of values have drowned in rounding.

    References
    ----------
    Nocedal, J. Updating quasi-Newton matrices with limited storage. Math. Comp. 35 (1980).
    Hager, W. W. and Zhang, H. A new conjugate gradient method with guaranteed descent and an efficient
    line search. SIAM J. Optim. 16 (2005).
    """
    rings = _Rings(lengths, memory)
    search = _LineSearch(len(x))
    direction = np.zeros_like(x)
    gradient = np.zeros_like(x)
    solved = np.zeros_like(x)  # the metric times the gradient
    value, norm = np.zeros(len(x)), np.zeros(len(x))
    curve = []
    stopped = False

    def record():
        curve.append(float(value.sum()))
        n_iter = len(curve) - 1
        return n_iter > 0 and callback is not None and callback(x, value, norm, n_iter)

    for number, stage in enumerate(stages):
        stages_left = len(stages) - 1 - number  # each opens with an evaluation
        if len(rows):
            value[rows], gradient[rows] = stage.value_and_gradient(rows, x[rows])
        norm[rows] = np.abs(gradient[rows]).max(axis=1, initial=0.0)
        solved[rows] = _product(metric_solve, rows, gradient[rows])
        stopped = record() or stopped
        active = fresh = rows[norm[rows] > stage.target]
        while len(active) and len(curve) + stages_left <= max_iter and not stopped:
            _set_directions(fresh, gradient, solved, direction, rings, search)
            trial = x[active] + search.step[active, None] * direction[active]
            trial_value, trial_gradient = stage.value_and_gradient(active, trial)
            slope = np.einsum("ij,ij->i", trial_gradient, direction[active])
            accepted, failed = search.judge(active, value, trial_value, slope, stage.value_error)
            moved = active[accepted]
            moved_solved = _product(metric_solve, moved, trial_gradient[accepted])
            rings.store(
                moved,
                trial[accepted] - x[moved],
                trial_gradient[accepted] - gradient[moved],
                moved_solved - solved[moved],
            )
            solved[moved] = moved_solved
            x[moved], value[moved] = trial[accepted], trial_value[accepted]
            gradient[moved] = trial_gradient[accepted]
            norm[moved] = np.abs(gradient[moved]).max(axis=1)
            # A failed search starts again without memory; one that had none has met the limit of the
            # arithmetic, and its row rests where it is.
            failed = active[failed]
            stuck = failed[rings.counts[failed] == 0]
            rings.counts[failed] = 0
            active = np.setdiff1d(active, np.union1d(moved[norm[moved] <= stage.target], stuck))
            fresh = np.intersect1d(active, np.union1d(moved, failed))
            stopped = record()
    return RowsResult(x, value, norm, norm <= stages[-1].tol, len(curve) - 1, curve)


def _product(metric_solve, rows, vectors):
    """Return the metric times vectors that are a copy already."""
    vectors = np.ascontiguousarray(vectors)
    metric_solve(rows, vectors)
    return vectors


def _set_directions(rows, gradient, solved, direction, rings, search):
    """Set the directions of rows that begin a line search, and their slopes."""
    downhill = rings.direction(rows, gradient[rows], solved[rows])
    slope = np.einsum("ij,ij->i", downhill, gradient[rows])
    uphill = ~(slope < 0)
    if uphill.any():  # only by rounding: the metric is positive definite
        astray = rows[uphill]
        rings.counts[astray] = 0
        downhill[uphill] = rings.direction(astray, gradient[astray], solved[astray])
        slope[uphill] = np.einsum("ij,ij->i", downhill[uphill], gradient[astray])
    direction[rows] = downhill
    search.begin(rows, slope)


class _Rings:
    """The last steps and changes of every row, in one flat array of each kind."""

    def __init__(self, lengths, memory):
        self.lengths = lengths
        self.offsets = memory * (np.cumsum(lengths) - lengths)
        self.steps = np.zeros(memory * int(lengths.sum()))
        self.changes = np.zeros_like(self.steps)
        self.solved = np.zeros_like(self.steps)
        self.curvatures = np.ones((len(lengths), memory))
        self.counts = np.zeros(len(lengths), dtype=np.int64)
        self._scale = np.ones(len(lengths))

    def store(self, rows, steps, changes, solved):
        """Take over a step of each row, and scale its metric to the curvature along the step."""
        along = np.einsum("ij,ij->i", steps, changes)
        across = np.einsum("ij,ij->i", solved, changes)
        good = (along > 0) & (across > 0)
        self._scale[rows[good]] = along[good] / across[good]
        kernels.store_pairs(
            rows,
            self.lengths,
            self.offsets,
            steps,
            changes,
            solved,
            self.steps,
            self.changes,
            self.solved,
            self.curvatures,
            self.counts,
        )

    def direction(self, rows, gradient, solved):
        """Return minus the inverse Hessian, as metric and rings describe it, times the gradient."""
        vectors, directions = -gradient, -solved
        coefficients = np.zeros((len(rows), self.curvatures.shape[1]))
        shape = (rows, self.lengths, self.offsets)
        held = (self.curvatures, self.counts)
        kernels.first_loop(
            *shape, self.steps, self.changes, self.solved, *held, vectors, directions, coefficients
        )
        directions *= self._scale[rows, None]
        kernels.second_loop(*shape, self.steps, self.changes, *held, directions, coefficients)
        return directions


class _LineSearch:
    """Step lengths of all rows: every row brackets and shrinks on its own."""

    def __init__(self, n_rows):
        self.step = np.ones(n_rows)
        self._first_slope = np.zeros(n_rows)
        self._low = np.zeros(n_rows)
        self._low_slope = np.zeros(n_rows)
        self._high = np.full(n_rows, np.inf)
        self._n_trials = np.zeros(n_rows, dtype=int)

    def begin(self, rows, slope):
        self.step[rows] = 1.0
        self._first_slope[rows] = self._low_slope[rows] = slope
        self._low[rows] = 0.0
        self._high[rows] = np.inf
        self._n_trials[rows] = 0

    def judge(self, rows, value, trial_value, slope, value_error):
        """Return which steps are good and which searches have failed; set the others' next steps."""
        first = self._first_slope[rows]
        before = value[rows]
        step = self.step[rows]
        self._n_trials[rows] += 1
        decreased = (
            (slope <= 0)  # a convex function cannot have risen before its lowest point
            | (trial_value <= before + _DECREASE_SHARE * step * first)
            | (trial_value <= before + value_error * np.abs(before))
        )
        with np.errstate(invalid="ignore"):
            accepted = decreased & (np.abs(slope) <= _SLOPE_SHARE * np.abs(first))
        failed = ~accepted & (self._n_trials[rows] >= _MAX_TRIALS)

        too_short = ~accepted & (slope < 0)
        short = rows[too_short]
        self._low[short], self._low_slope[short] = step[too_short], slope[too_short]
        too_long = ~accepted & ~(slope < 0)
        self._high[rows[too_long]] = step[too_long]
        bracketed = rows[~accepted & np.isfinite(self._high[rows])]
        high_slope = np.full(len(self.step), np.nan)
        high_slope[rows[too_long]] = slope[too_long]
        self._shrink(bracketed, high_slope[bracketed])
        open_ended = short[np.isinf(self._high[short])]
        self.step[open_ended] *= 4.0
        return accepted, failed

    def _shrink(self, rows, high_slope):
        """Set steps inside the brackets: the secant's, kept off the ends, or the middle."""
        low, width = self._low[rows], self._high[rows] - self._low[rows]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self._low_slope[rows] / (self._low_slope[rows] - high_slope)
        share = np.where(np.isfinite(share), np.clip(share, 0.1, 0.9), 0.5)
        self.step[rows] = low + share * width
