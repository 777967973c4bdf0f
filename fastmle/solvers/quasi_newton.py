"""A limited-memory quasi-Newton method for many separate convex problems at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..engine import map_units, split_evenly

# Rows are asked for their progress after so many evaluations; what they seem to need beyond that many
# times all evaluations so far is not believed; and their metric is improved so many times at most.
_ROUND = 8
_TRUSTED = 2
_MOST_REFINEMENTS = 3
# The arithmetic between evaluations is cut into parts of about so many remembered numbers.
_PART_SIZE = 500_000


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
    excess : ndarray of shape (n_rows,)
        What the values still expect to fall, see :class:`Stage`.
    converged : ndarray of bool, shape (n_rows,)
        Whether the row meets the last stage's tolerances.
    n_iter : int
        Number of evaluations of the objective after the first.
    curve : list of float
        Sum of the values after each evaluation.
    """

    x: np.ndarray
    value: np.ndarray
    gradient_norm: np.ndarray
    excess: np.ndarray
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
        A row has converged when its largest absolute gradient entry is at most `tol`, and its excess at
        most `gap` times its value.
    value_error : float
        Relative error of a value: smaller differences carry no information.
    aim : float, default=1.0
        A row leaves the stage at `aim` times `tol`.
    gap : float, default=inf
        Bound on the excess: what the row still expects to gain, half of its squared Newton decrement
        as far as metric and memory know the curvature. Relative to the value.
    least_value : float, default=0.0
        A smaller value counts as this one in `gap`.
    max_trials : int, default=30
        A search along a direction is given up after so many evaluations.
    """

    value_and_gradient: Callable
    tol: float
    value_error: float
    aim: float = 1.0
    gap: float = np.inf
    least_value: float = 0.0
    max_trials: int = 30

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
    refine=None,
    callback=None,
    n_jobs=None,
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
    refine : callable or None, default=None
        ``refine(rows, x, n_left)`` is asked now and then for a better metric: `x` are the rows' points,
        and `n_left` the numbers of evaluations that they are expected to need. It returns the mask of
        those whose metric is another one from now on; they begin a new memory.
    callback : callable or None, default=None
        ``callback(x, value, gradient_norm, n_iter)`` after every evaluation; a true result stops.
    n_jobs : int or None, default=None
        Number of threads for the steps between evaluations; the result is the same bits for any.

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
    state = _State(x, lengths, memory)
    # Row k of these belongs to the k-th of the rows still at work.
    points, products = np.empty_like(x), np.empty_like(x)
    curve = []
    stopped = False

    def take_in(stage, active, trial, value, gradient, opening):
        """Take in an evaluation; return the rows that go on and their next points."""
        product = products[: len(active)]
        np.copyto(product, gradient)
        metric_solve(active, product)
        value = np.ascontiguousarray(value, dtype=np.float64)
        gradient = np.ascontiguousarray(gradient, dtype=np.float64)

        def advance(part, scratch):
            return kernels.advance_rows(
                active[part],
                *state.arrays(),
                scratch,
                trial[part],
                value[part],
                gradient[part],
                product[part],
                stage.value_error,
                stage.target,
                stage.gap,
                stage.least_value,
                stage.max_trials,
                opening,
            )

        n_parts = 1 + memory * int(state.lengths[active].sum()) // _PART_SIZE
        parts = split_evenly(len(active), n_parts)[::-1]  # the longest rows first
        lefts = map_units(
            advance,
            parts,
            n_jobs=n_jobs,
            workspace=lambda: np.empty(memory + x.shape[1]),
        )
        end = 0
        for part, left in zip(parts[::-1], lefts[::-1], strict=True):
            if part.start > end:
                active[end : end + left] = active[part.start : part.start + left]
                trial[end : end + left] = trial[part.start : part.start + left]
            end += left
        return active[:end], trial[:end]

    def improve(stage, active, trial, excess_before):
        """Ask for a better metric of the slow rows; those go on from where they are, with new steps."""
        excess = state.excess[active]
        with np.errstate(divide="ignore", invalid="ignore"):
            # The logarithm of the gradient falls with half that of the excess, but less smoothly.
            rate = np.log(excess_before[active] / excess) / (2 * _ROUND)
            way = np.log(state.norm[active] / stage.target)
            way = np.fmax(way, np.log(excess / state.allowed(stage)[active]) / 2)
            n_left = np.where(rate > 0, way / rate, np.inf)
        n_left = np.minimum(n_left, _TRUSTED * len(curve))
        slow = np.flatnonzero(state.n_refined[active] < _MOST_REFINEMENTS)
        if len(slow):
            slow = slow[refine(active[slow], x[active[slow]], n_left[slow])]
        if len(slow):
            rows = active[slow]
            state.forget(rows)
            here = x[rows]
            take_in(stage, rows.copy(), here, state.value[rows], state.gradient[rows], opening=True)
            trial[slow] = here

    def record():
        curve.append(float(state.value.sum()))
        n_iter = len(curve) - 1
        return n_iter > 0 and callback is not None and callback(x, state.value, state.norm, n_iter)

    for number, stage in enumerate(stages):
        stages_left = len(stages) - 1 - number  # each opens with an evaluation
        active, trial = np.array(rows, dtype=np.int64), points[: len(rows)]
        trial[:] = x[rows]
        if len(active):
            active, trial = take_in(stage, active, trial, *stage.value_and_gradient(active, trial), True)
        stopped = record() or stopped
        n_done, excess_before = 0, state.excess.copy()
        while len(active) and len(curve) + stages_left <= max_iter and not stopped:
            active, trial = take_in(stage, active, trial, *stage.value_and_gradient(active, trial), False)
            stopped = record()
            n_done += 1
            if n_done % _ROUND == 0 and refine is not None:
                improve(stage, active, trial, excess_before)
                excess_before = state.excess.copy()
    converged = state.converged(stages[-1])
    return RowsResult(x, state.value, state.norm, state.excess, converged, len(curve) - 1, curve)


class _State:
    """What :func:`kernels.advance_rows` keeps of every row between evaluations."""

    def __init__(self, x, lengths, memory):
        self.x = x
        self.lengths = np.ascontiguousarray(lengths, dtype=np.int64)
        self.offsets = 3 * memory * (np.cumsum(self.lengths) - self.lengths)
        self.value, self.norm, self.excess = np.zeros((3, len(x)))
        self.gradient = np.zeros_like(x)
        self.solved = np.zeros_like(x)  # the metric times the gradient
        self.direction = np.zeros_like(x)
        self.search = np.zeros((len(x), 6))
        # The ring: steps, changes, metric times changes; their curvatures; the number of pairs ever stored.
        self.pairs = np.zeros(3 * memory * int(self.lengths.sum()))
        self.curvatures = np.ones((len(x), memory))
        self.counts = np.zeros(len(x), dtype=np.int64)
        self.scale = np.ones(len(x))  # of the metric
        self.n_refined = np.zeros(len(x), dtype=np.int64)

    def arrays(self):
        """Return the arrays in the kernel's order."""
        return (
            *(self.lengths, self.offsets, self.x, self.value, self.gradient, self.norm, self.solved),
            *(self.direction, self.search, self.pairs, self.curvatures, self.counts, self.scale),
            self.excess,
        )

    def forget(self, rows):
        """Forget the memory of rows whose metric is a new one."""
        self.counts[rows] = 0
        self.scale[rows] = 1.0
        self.n_refined[rows] += 1

    def allowed(self, stage):
        """Return the excess that a stage allows each row."""
        with np.errstate(invalid="ignore"):  # no bound times no value bounds nothing
            return stage.gap * np.maximum(np.abs(self.value), stage.least_value)

    def converged(self, stage):
        """Return which rows meet the tolerances of a stage."""
        return (self.norm <= stage.tol) & ~(self.excess > self.allowed(stage))
