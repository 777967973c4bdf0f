"""Rounds of work: how many samples, in which units, and when to stop.

Whether the answer is exact enough is looked at after a first thousands of samples and then at numbers that
follow from what is still missing, a few times in all: an interval that is tested after every sample stops too
early too often. Nothing that depends on time influences the digits, only where a run with `max_time` ends.
"""

import contextlib
import math
import threading
import time
from typing import NamedTuple

import numpy as np

from ..engine import effective_n_jobs, map_units, single_threaded_blas
from .diagnostics import mean_interval, wilson_interval
from .summaries import PairwiseSum

# Values before the first look at the error, and the most that a next look multiplies them by.
_FIRST_VALUES = 2**13
_MOST_GROWTH = 16.0
# More than the error calls for, as it is itself an estimate.
_RESERVE = 1.1
# Units that are handed to the threads in one go: their states are held until they are merged.
_MOST_UNITS = 256
_BATCH_SECONDS = 0.1


class Goal(NamedTuple):
    """When to stop: after `n_values`, or when the half-width of every interval is small enough."""

    n_values: int | None
    rtol: float
    atol: float
    confidence_level: float
    max_values: int
    deadline: float | None
    samples_a_value: int

    def shortfall(self, state):
        """Return the largest ratio of a half-width to what is allowed; 1 or less is exact enough."""
        low, high = interval(state, self.confidence_level, self.samples_a_value)
        half_width = (high - low) / 2
        allowed = np.maximum(self.atol, self.rtol * np.abs(state.estimate().mean))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(half_width == 0, 0.0, half_width / allowed)
        return float(np.max(np.where(np.isnan(ratio), np.inf, ratio)))


def interval(state, level, samples_a_value=1):
    """Return the bounds of the confidence intervals of a state's estimate, two arrays of shape (c,).

    Wilson's interval where every value was 0 or 1, Student's otherwise.
    """
    mean, _, freedom = estimate = state.estimate()
    low, high = mean_interval(mean, estimate.standard_error, freedom, level)
    binary = state.all_binary
    if binary.any():
        n = state.count * samples_a_value  # a mean of 0 or 1 is one of so many samples
        wilson_low, wilson_high = wilson_interval(mean * n, n, level)
        low, high = np.where(binary, wilson_low, low), np.where(binary, wilson_high, high)
    return low, high


class Watch:
    """What long units look at: whether an interrupt has come, and whether the time is over."""

    def __init__(self, deadline):
        self.interrupted, self._deadline = threading.Event(), deadline
        self.is_set = self.interrupted.is_set
        self.has_deadline = deadline is not None

    def is_late(self):
        """Whether the deadline, a time of the monotonic clock, has passed."""
        return self.has_deadline and time.monotonic() >= self._deadline


class Run:
    """Units of a source, run in threads and merged in order.

    Parameters
    ----------
    source : Blocks, Pairs, Replicates or Rows
        What adds values to a state.
    empty : state
        The state to start from.
    n_jobs : int or None
        Number of threads.
    deadline : float or None
        Time of the monotonic clock at which to stop.
    report : callable
        Called with the number of samples so far.
    """

    def __init__(self, source, empty, n_jobs, deadline, report):
        self._source, self._n_jobs, self._report = source, n_jobs, report
        self._watch = Watch(deadline)
        self._tree, self._empty = PairwiseSum(), empty
        self._n_units, self.n_values = 0, 0
        self._batch = None
        self.trace = []
        self.state = empty

    def advance(self, n_values):
        """Go on until so many values have been taken up, or the time is over.

        Returns
        -------
        bool
            Whether they have been.
        """
        size = self._source.unit_values
        while self.n_values < n_values and not (self.n_values and self._watch.is_late()):
            if self._batch is None:
                self._batch = max(2, 2 * effective_n_jobs(self._n_jobs)) if n_values > size else 1
            first = self._n_units
            last = min(first + self._batch, -(-n_values // size))
            units = [(index, min(size, n_values - index * size)) for index in range(first, last)]
            before = time.monotonic()
            self._take(units)
            if time.monotonic() - before < _BATCH_SECONDS:
                self._batch = min(2 * self._batch, _MOST_UNITS)
            self._report(self.n_values * self._source.samples_a_value)
        return self.n_values >= n_values

    def _take(self, units):
        observe = None if self._n_units else lambda state: self.trace.append(state.copy())
        empty = self.state.fresh()

        def run(unit):
            index, n = unit
            state = empty.copy()
            if self._watch.is_late() and index > 0:
                return 0, state
            return self._source.add(index, n, state, self._watch, observe if index == 0 else None), state

        done = map_units(run, units, n_jobs=self._n_jobs, interrupted=self._watch.interrupted)
        for n_taken, state in done:
            if n_taken == 0:
                continue
            self._tree.push(state)
            self._n_units += 1
            self.n_values += n_taken
            if self._n_units > 1 and self._n_units.bit_count() == 1:
                self.trace.append(self._tree.total())
        self.state = self._tree.total()


def run(source, empty, goal, n_jobs=None, progress=False):
    """Run a source until its goal is reached.

    Returns
    -------
    state
        The merged state of all units.
    converged : bool
        Whether the goal was reached, rather than the largest number of samples or the time.
    trace : list of states
        States of the first values, at numbers that double.
    """
    each = source.samples_a_value
    one_thread = single_threaded_blas() if source.uses_numpy else contextlib.nullcontext()
    with one_thread, _progress_bar(progress, goal, each) as report:
        going = Run(source, empty, n_jobs, goal.deadline, report)
        if goal.n_values is not None:
            converged = going.advance(goal.n_values)
            return going.state, converged, going.trace
        size, n_values = source.unit_values, min(goal.max_values, _FIRST_VALUES)
        while going.advance(n_values):
            shortfall = goal.shortfall(going.state)
            if shortfall <= 1:
                return going.state, True, going.trace
            if n_values >= goal.max_values:
                return going.state, False, going.trace
            growth = min(max(_RESERVE * shortfall**2, 1.25), _MOST_GROWTH)
            if n_values < size:
                # A unit that was cut short cannot go on: a longer one begins with the same samples.
                going = Run(source, empty, n_jobs, goal.deadline, report)
                growth = max(growth, 2.0)
            n_values = math.ceil(n_values * growth)
            if n_values > size:
                n_values = -(-n_values // size) * size
            n_values = min(goal.max_values, n_values)
        return going.state, goal.shortfall(going.state) <= 1, going.trace


@contextlib.contextmanager
def _progress_bar(wanted, goal, samples_a_value):
    """Yield a function that reports the number of samples; it draws a bar where one is wanted."""
    if not wanted:
        yield lambda n_samples: None
        return
    try:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        raise ImportError("progress=True needs rich; install it with: pip install rich") from None
    total = None if goal.n_values is None else goal.n_values * samples_a_value
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("0 samples", total=total)
        yield lambda n: bar.update(task, completed=n, description=f"{n:,} samples")
