"""Stochastic fits, the same for every model: parameters, validation, epochs, checkpoints.

A model hands in a :class:`Problem`, by its method ``_make_problem``, and gets back fitted attributes. Streams
are in :mod:`._stream`.
"""

import os
from numbers import Integral, Real
from typing import ClassVar, Protocol

import numpy as np
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _is_fitted

from ..data import Minibatches
from ..engine import RandomStreams
from ..outputs import check_writable
from ..persistence import read_checkpoint, write_checkpoint
from ..solvers import SGD, Adam, AdamW, Layout, Momentum, StochasticDescent, make_schedule, minimize_batches
from ._base import in_order, plain

# Where the order of batches, the problem's own numbers and the rows held out come from: streams of one seed.
BATCHES, OWN, HELD_OUT = range(3)
# Rows of a batch at most, and batches of an epoch at least, where batch_size="auto". Fewer rows than that are
# one batch, in which weights are exactly repetitions.
_MOST_ROWS, _FEWEST_BATCHES = 256, 64
# Power of the number of steps with which iterates are averaged: the last ninth of them counts most.
_AVERAGE_POWER = 8.0
# Steps after which schedule="inverse_sqrt" has fallen to 0.7.
_HALVING_STEPS = 100
# Drops of schedule="step" in a whole run, less one.
_STAGES = 3

STOCHASTIC_SOLVERS = ("sgd", "momentum", "nesterov", "adam", "adamw")


class Problem(Protocol):
    """What a model hands to the driver: a likelihood over flat parameters.

    Attributes
    ----------
    parameters : ndarray of float32 or float64, one-dimensional
        Where to start; overwritten by the steps.
    layout : Layout
        Which entries are parameters, and which of these weights.
    total_weight : float
        Weight of the training rows. The driver sets it anew as a stream goes on.
    learning_rates : dict of str to float
        By solver: what ``learning_rate=None`` stands for.
    """

    parameters: np.ndarray
    layout: Layout
    total_weight: float
    learning_rates: dict[str, float]

    def value_and_gradient(self, batch, parameters, place):
        """Return the summed log-likelihood of a batch, nats, and its gradient.

        Parameters
        ----------
        batch : BitMatrix
            Rows, columns in autoregressive order; their weights count.
        parameters : ndarray
            Like `parameters`.
        place : tuple of int
            Number of the step, and of the batch in it: the same after a resumption, and so a key for random
            streams.

        Returns
        -------
        value : float
            Without penalties, of the outcomes as they are.
        gradient : ndarray
            Like `parameters`, of what is maximised: pseudo-observations belong to it, by the batch's share
            of the rows, and the penalty does not. It is not used beyond the next call.
        """

    def log_likelihood(self, bits, parameters):
        """Return the mean log-likelihood of rows, by their weights, nats."""

    def attributes(self, parameters):
        """Return a dict of the fitted attributes that belong to parameters, in original columns."""


class StochasticFits(CallbackSupportMixin):
    """What models that can be fitted along minibatches share.

    A subclass has the parameters of `_stochastic_constraints`, `alpha`, `order`, `random_state`, `n_jobs`,
    `verbose` and `warm_start`, and defines ``_make_problem(bits, order, seed, *, warm, streaming)``, which
    returns a :class:`Problem` for rows with columns in autoregressive order: `seed` is a SeedSequence for
    random starts and the like; with `warm`, the start is the earlier fit, which had as many columns in the
    same order; with `streaming`, more rows will come.
    """

    _stochastic_constraints: ClassVar[dict] = {
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "schedule": [StrOptions({"constant", "inverse_sqrt", "step", "cosine"}), callable],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "average": ["boolean"],
        "accumulate": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
    }
    # Fitted attributes of every fit, for `_file_arrays` and `_file_scalars`.
    _curve_arrays: ClassVar = {"loss_curve_": 0, "validation_curve_": 0, "seconds_curve_": 0}
    _curve_scalars = (
        "n_iter_",
        "converged_",
        "stopped_",
        "best_epoch_",
        "n_samples_seen_",
        "total_weight_",
    )

    def _make_order(self, n_features):
        if self.order is None:
            return np.arange(n_features)
        if isinstance(self.order, str):
            return check_random_state(self.random_state).permutation(n_features).astype(np.int64)
        order = np.asarray(self.order)
        if not is_permutation(order, n_features):
            raise ValueError(
                f"order must be a permutation of range({n_features}), the indices of the columns; got "
                f"{np.array2string(order, threshold=8)}"
            )
        return order.astype(np.int64)

    def _can_go_on(self, order):
        """Whether there is an earlier fit of as many columns in the same order."""
        return _is_fitted(self, "order_") and np.array_equal(self.order_, order)

    def _make_descent(self, problem, *, n_steps=None, n_averaged=0):
        """Return what takes the steps; without a number of steps where that is not known."""
        solver = self._stochastic_solver()
        schedule = make_schedule(
            self.schedule, length=_length(self.schedule, n_steps, self.warm_up), warm_up=self.warm_up
        )
        rate = problem.learning_rates[solver] if self.learning_rate is None else self.learning_rate
        gradient = _PlacedGradient(problem)
        gradient.descent = StochasticDescent(
            gradient,
            problem.parameters,
            _make_optimizer(solver, self.weight_decay),
            learning_rate=rate,
            schedule=schedule,
            penalty=self.alpha / problem.total_weight,
            clip_norm=self.clip_norm,
            average_from=0 if self.average else None,
            average_power=_AVERAGE_POWER,
            n_averaged=n_averaged if self.average else 0,
            layout=problem.layout,
            n_jobs=self.n_jobs,
        )
        return gradient.descent

    def _stochastic_solver(self):
        """Return the solver that takes steps along minibatches."""
        return self.solver

    def _fit_stochastic(self, X, bits, X_val):
        """Fit along minibatches, and return the fitted attributes."""
        held_out = None if X_val is None else self._pack_held_out(X_val, bits)
        order = self._make_order(bits.shape[1])
        streams = self._streams()
        train = bits
        if held_out is None and self.early_stopping:
            train, held_out = _split(bits, self.validation_fraction, streams.generator(HELD_OUT))
        train, held_out = (in_order(part, order, self.n_jobs) for part in (train, held_out))
        warm = self.warm_start and self._can_go_on(order)
        problem = self._make_problem(train, order, streams.sequence(OWN), warm=warm, streaming=False)
        n_rows = train.shape[0]
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = min(n_rows // _FEWEST_BATCHES, _MOST_ROWS) or n_rows
        batches = Minibatches(train, batch_size, random_state=streams.sequence(BATCHES))
        n_steps = self.max_epochs * -(-batches.n_batches // self.accumulate)
        descent = self._make_descent(problem, n_steps=n_steps)
        description = {k: plain(v) for k, v in self._describe(order, batch_size, train, held_out).items()}
        resumed = self._read_checkpoint(description)

        names = {"n_features_in_": bits.shape[1]}
        if bits.feature_names is not None:
            names["feature_names_in_"] = bits.feature_names
        context = self._init_callback_context(max_subtasks=self.max_epochs)
        context.call_on_fit_task_begin(estimator=self, X=X)

        def report(run):
            if self.checkpoint is not None:
                write_checkpoint(self.checkpoint, run.state(), description)
            self._print_epoch(run)
            step = context.subcontext(task_name="epoch")
            step.call_on_fit_task_begin(estimator=self, X=X)
            return step.call_on_fit_task_end(
                estimator=self,
                X=X,
                reconstruction_attributes=lambda: (
                    names | problem.attributes(run.parameters) | {"order_": order}
                ),
            )

        run = minimize_batches(
            descent,
            batches,
            max_epochs=self.max_epochs,
            max_time=self.max_time,
            accumulate=self.accumulate,
            validate=None if held_out is None else lambda found: -problem.log_likelihood(held_out, found),
            patience=self.patience if self.early_stopping else None,
            callback=report,
            key=batches.key,
            resume=resumed,
        )
        if self.checkpoint is not None and run.batch:  # stopped inside an epoch
            write_checkpoint(self.checkpoint, run.state(), description)
        context.call_on_fit_task_end(estimator=self, X=X)
        validated = [] if held_out is None else run.history["validation"]
        return problem.attributes(run.parameters) | {
            "order_": order,
            "n_iter_": run.epoch,
            "converged_": run.stopped == "patience",
            "stopped_": run.stopped,
            "best_epoch_": run.best_epoch,
            "loss_curve_": np.array(run.history["loss"]),
            "validation_curve_": np.array(validated, dtype=float),
            "seconds_curve_": np.array(run.history["seconds"]),
            "n_samples_seen_": n_rows,
            "total_weight_": train.total_weight,
        }

    def _streams(self):
        if self.checkpoint is not None and not isinstance(self.random_state, Integral):
            raise ValueError(
                "checkpoint needs an integer as random_state, from which a resumed fit draws the same "
                f"batches; it is {self.random_state!r}"
            )
        return RandomStreams(self.random_state)

    def _pack_held_out(self, X_val, bits):
        """Return rows to validate with, which must have the columns of the training data."""
        held_out = self._pack(X_val)
        if held_out.shape[1] != bits.shape[1]:
            raise ValueError(f"X_val has {held_out.shape[1]} columns, but X has {bits.shape[1]}")
        names = held_out.feature_names, bits.feature_names
        if all(name is not None for name in names) and not np.array_equal(*names):
            raise ValueError("X_val must have the column names of X, in the same order")
        return held_out

    def _describe(self, order, batch_size, train, held_out):
        """Return what a checkpoint must agree with: what it is a fit of.

        That is all but what steers the steps: who met a divergence may go on with a lower learning rate.
        """
        return {
            "estimator": type(self).__name__,
            "solver": self.solver,
            "alpha": self.alpha,
            "weight_decay": self.weight_decay,
            "label_smoothing": self.label_smoothing,
            "columns": train.shape[1],
            "order": order,
            "rows": train.shape[0],
            "batch_size": batch_size,
            "accumulate": self.accumulate,
            "random_state": self.random_state if self.checkpoint is not None else None,
            "average": self.average,
            "ones": train.column_counts(n_jobs=self.n_jobs),
            "held_out": 0 if held_out is None else held_out.shape[0],
            "held_out_ones": [] if held_out is None else held_out.column_counts(n_jobs=self.n_jobs),
        }

    def _read_checkpoint(self, description):
        """Return the state to go on from, None where there is no file."""
        if self.checkpoint is None:
            return None
        check_writable(self.checkpoint)  # now, not after the first epoch
        if not os.path.exists(self.checkpoint):
            return None
        state, found = read_checkpoint(self.checkpoint)
        other = [name for name in description if found.get(name) != description[name]]
        if other:
            shown = [
                f"{name} {found[name]!r} instead of {description[name]!r}"
                if name in found and np.ndim(found[name]) == 0
                else f"other {name}"
                for name in other
            ]
            raise ValueError(
                f"the state in {self.checkpoint} is of another fit: {', '.join(shown)}. Name another file as "
                "checkpoint, or remove this one to begin anew"
            )
        return state

    def _print_epoch(self, run):
        if self.verbose:
            validation = run.history["validation"][-1]
            held_out = "" if np.isnan(validation) else f", held out {validation:.6g}"
            print(
                f"[{type(self).__name__}] epoch {run.epoch}: {run.history['loss'][-1]:.6g} nats a row"
                f"{held_out}, learning rate {run.history['learning_rate'][-1]:.3g}, "
                f"{run.history['seconds'][-1]:.1f} s"
            )


class _PlacedGradient:
    """A problem's gradient as a descent calls it, told the place of the batch."""

    descent = None

    def __init__(self, problem):
        self._problem = problem

    def __call__(self, batch, parameters):
        return self._problem.value_and_gradient(batch, parameters, self.descent.place)


def is_permutation(order, n_features):
    """Whether an array has the indices of all columns."""
    right_kind = order.dtype.kind in "iu" and order.ndim == 1
    return right_kind and np.array_equal(np.sort(order), np.arange(n_features))


def _make_optimizer(solver, weight_decay):
    if solver == "adam":
        if weight_decay:
            raise ValueError("solver='adam' knows no weight_decay; take solver='adamw'")
        return Adam()
    if solver == "adamw":
        return AdamW(weight_decay=weight_decay)
    if solver == "sgd":
        return SGD(weight_decay=weight_decay)
    return Momentum(nesterov=solver == "nesterov", weight_decay=weight_decay)


def _length(schedule, n_steps, warm_up):
    """Return the length of a schedule by name, None where it has none."""
    if schedule == "inverse_sqrt":
        return _HALVING_STEPS
    if n_steps is None or schedule not in ("step", "cosine"):
        return None
    left = max(1, n_steps - warm_up)
    return left if schedule == "cosine" else -(-left // _STAGES)


def _split(bits, fraction, generator):
    """Return rows to train with and rows to validate with."""
    n_rows = bits.shape[0]
    n_held_out = max(1, round(fraction * n_rows))
    if n_held_out >= n_rows:
        raise ValueError(
            f"early stopping would hold out {n_held_out} of {n_rows} rows (validation_fraction={fraction:g}) "
            "and leave none to fit; give X_val, or set early_stopping=False"
        )
    order = generator.permutation(n_rows)
    return bits[np.sort(order[n_held_out:])], bits[np.sort(order[:n_held_out])]
