"""Epochs of stochastic descent: history, validation, early stopping, stopping and going on."""

import itertools
import math
import time

import numpy as np

from ..exceptions import DivergenceError
from ._checks import check_count, check_number

_COLUMNS = ("loss", "validation", "seconds", "learning_rate")
_NUMBERS = ("epoch", "batch", "value", "n_rows", "best_epoch", "seconds")


def minimize_batches(
    descent,
    batches,
    *,
    max_epochs,
    max_time=None,
    accumulate=1,
    validate=None,
    patience=None,
    tol=0.0,
    callback=None,
    key=None,
    resume=None,
):
    """Take a descent through epochs of minibatches.

    Parameters
    ----------
    descent : StochasticDescent
        What takes the steps, from where its parameters are; these are overwritten.
    batches : callable
        ``batches(epoch, first)`` yields the batches of an epoch, from number `first` on; both count from 0.
        The length of a batch is its number of rows.
    max_epochs : int
        Largest number of epochs, with those before a resumption.
    max_time : float or None, default=None
        Seconds after which no step begins, save the first one. A run that has stopped inside an epoch can
        be resumed there.
    accumulate : int, default=1
        Number of batches a step, as if they were one; at the end of an epoch those that are left.
    validate : callable or None, default=None
        ``validate(parameters)`` returns the mean negative log-likelihood of rows held out, after every epoch.
        The best parameters are kept.
    patience : int or None, default=None
        Stop when so many epochs in turn have not lowered the best validation by more than `tol`.
    tol : float, default=0.0
        Nats a row.
    callback : callable or None, default=None
        ``callback(run)`` after every epoch, with the :class:`StochasticRun`; a true result stops.
    key : array-like of uint64 or None, default=None
        Tells these batches from others, such as ``Minibatches.key``; a state of others is refused.
    resume : dict of str to ndarray or None, default=None
        State to go on from, as :meth:`StochasticRun.state` returns it.

    Returns
    -------
    StochasticRun

    Raises
    ------
    DivergenceError
        If a log-likelihood, a gradient or a validation is not finite (a validation may be infinite). It names
        epoch, batch and learning rate and carries the last state that was seen to be finite, that of
        the beginning of an epoch, to which the descent has gone back.
    ValueError
        If a number makes no sense, or the state to resume is of another run; nothing has changed then.

    Notes
    -----
    A run that was stopped and resumed, after an epoch or within one, gives the same bits as one that was not.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import BitMatrix
    >>> from fastmle.data import Minibatches
    >>> from fastmle.solvers import Adam, StochasticDescent, minimize_batches
    >>> bits = BitMatrix.from_array(np.arange(8)[:, None] < 6)
    >>> def value_and_gradient(batch, log_odds):
    ...     p, n_ones = 1 / (1 + np.exp(-log_odds)), batch.column_counts()
    ...     value = n_ones * np.log(p) + (len(batch) - n_ones) * np.log(1 - p)
    ...     return value.sum(), n_ones - len(batch) * p
    >>> descent = StochasticDescent(value_and_gradient, np.zeros(1), Adam(), learning_rate=0.1)
    >>> run = minimize_batches(descent, Minibatches(bits, 8, random_state=0), max_epochs=300)
    >>> run.parameters.round(3), run.stopped  # log(3)
    (array([1.099]), 'max_epochs')
    """
    max_epochs = check_count("max_epochs", max_epochs)
    deadline = math.inf
    if max_time is not None:
        deadline = time.monotonic() + check_number("max_time", max_time, closed=True)
    accumulate = check_count("accumulate", accumulate)
    tol = check_number("tol", tol, closed=True)
    if patience is not None:
        check_count("patience", patience)
        if validate is None:
            raise ValueError("patience needs validate: without rows held out there is nothing to wait for")
    run = StochasticRun(descent, key)
    if resume is not None:
        run.restore(resume)
    safe = None
    has_moved = False
    while run.stopped is None:
        if run.epoch >= max_epochs:
            run.stopped = "max_epochs"
        elif patience is not None and run.epoch - (run.best_epoch or 0) >= patience:
            run.stopped = "patience"
        else:
            groups = _groups(batches(run.epoch, run.batch), accumulate)
            try:
                for group in groups:
                    if has_moved and time.monotonic() >= deadline:
                        descent.check_parameters()
                        run.stopped = "max_time"
                        return run
                    slope = descent.evaluate(group)
                    if safe is None or run.batch == 0:
                        safe = run.state()
                    descent.move(slope)
                    run._count(group, slope)
                    has_moved = True
                run._end_epoch(validate, tol)
            except DivergenceError as error:
                raise _place(error, run, safe) from None
            if callback is not None and callback(run):
                run.stopped = "callback"
    return run


def _groups(batches, size):
    batches = iter(batches)
    while group := list(itertools.islice(batches, size)):
        yield group


def _place(error, run, safe):
    """Return the error with its place, and go back to the last state that was seen to be finite."""
    epoch, batch = run.epoch, run.batch
    if safe is not None:
        run.restore(safe)
    return DivergenceError(
        f"the fit diverged in epoch {epoch}, batch {batch} (counted from 0): {error}",
        epoch=epoch,
        batch=batch,
        learning_rate=error.learning_rate,
        state=run.state(),
    )


class StochasticRun:
    """A run of :func:`minimize_batches`: where it is, and what it has found.

    Attributes
    ----------
    descent : StochasticDescent
        What takes the steps.
    epoch : int
        Number of whole epochs behind it.
    batch : int
        Number of batches behind it in the epoch that has begun.
    history : dict of str to list of float
        For each whole epoch: ``"loss"``, the mean negative log-likelihood of the rows of its batches, each
        at the parameters where its turn came, without the penalty; ``"validation"``, what `validate`
        returned, NaN without it; ``"seconds"`` since the beginning; ``"learning_rate"`` of the last step.
    best_epoch : int or None
        Number of epochs behind it when the validation was best.
    stopped : str or None
        Why it stopped: ``"max_epochs"``, ``"max_time"``, ``"patience"`` or ``"callback"``.
    """

    def __init__(self, descent, key=None):
        self.descent = descent
        self.epoch = self.batch = 0
        self.history = {column: [] for column in _COLUMNS}
        self.best_epoch = None
        self.stopped = None
        self._key = np.array([] if key is None else key, dtype=np.uint64)
        self._best = None
        self._value = 0.0  # of the rows of the epoch that has begun
        self._n_rows = 0
        self._began = time.monotonic()

    @property
    def parameters(self):
        """What has been found: the best by validation, or else where the descent is."""
        return self.descent.point if self._best is None else self._best

    @property
    def seconds(self):
        """Time since the beginning, without that between a state and its resumption."""
        return time.monotonic() - self._began

    def _count(self, batches, slope):
        self.batch += len(batches)
        self._value += slope.value
        self._n_rows += slope.n_rows

    def _end_epoch(self, validate, tol):
        if self._n_rows == 0:
            raise ValueError(f"epoch {self.epoch} has no batches")
        self.descent.check_parameters()
        learning_rate = self.descent.rate_at(self.descent.n_steps - 1)
        validation = math.nan if validate is None else float(validate(self.descent.point))
        if validate is not None and math.isnan(validation):
            raise DivergenceError(
                f"the validation is NaN after a step of learning rate {learning_rate:g}; lower it, or set "
                "clip_norm",
                learning_rate=learning_rate,
            )
        best = math.inf if self.best_epoch is None else self.history["validation"][self.best_epoch - 1]
        row = -self._value / self._n_rows, validation, self.seconds, learning_rate
        for column, entry in zip(_COLUMNS, row, strict=True):
            self.history[column].append(entry)
        self.epoch += 1
        self.batch, self._value, self._n_rows = 0, 0.0, 0
        if validation < best - tol:
            self.best_epoch = self.epoch
            self._best = self.descent.point.copy()

    def state(self):
        """Return a copy of all that the run depends on: a flat dict of arrays, fit for a safetensors file."""
        best_epoch = self.best_epoch or 0
        numbers = self.epoch, self.batch, self._value, self._n_rows, best_epoch, self.seconds
        state = self.descent.state()
        state |= {name: np.array(number) for name, number in zip(_NUMBERS, numbers, strict=True)}
        state |= {f"history.{column}": np.array(entries) for column, entries in self.history.items()}
        state["key"] = self._key.copy()
        if self._best is not None:
            state["best"] = self._best.copy()
        return state

    def restore(self, state):
        """Take over a state.

        Raises
        ------
        ValueError
            If it is of another model, other batches or another optimiser; nothing has changed then.
        """
        missing = {*_NUMBERS, "key", *(f"history.{column}" for column in _COLUMNS)} - set(state)
        if missing:
            raise ValueError(f"this is no state of a stochastic run: {', '.join(sorted(missing))} is missing")
        if not np.array_equal(state["key"], self._key):
            raise ValueError(
                "the state is of a run with other batches: seed, number of rows and batch size must be those "
                "of that run"
            )
        self.descent.restore(state)
        numbers = (state[name].item() for name in _NUMBERS)
        self.epoch, self.batch, self._value, self._n_rows, best_epoch, seconds = numbers
        self.best_epoch = best_epoch or None
        self.history = {column: state[f"history.{column}"].tolist() for column in _COLUMNS}
        self._best = np.array(state["best"]) if "best" in state else None
        self._began = time.monotonic() - seconds
