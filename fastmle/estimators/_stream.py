"""Fits along a stream of rows whose length nobody knows."""

import math
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import _is_fitted

from ..data import Minibatches
from ..engine import RandomStreams
from ..exceptions import DivergenceError
from ._base import in_order
from ._stochastic import BATCHES, OWN, StochasticFits

WEIGHTS_OF_STREAMS = (
    "sample_weight and X_val do not go with an iterator of batches; make each batch a BitMatrix with the "
    "weights of its rows"
)
# Rows of a step where batch_size="auto": more and shorter steps than along a table, as each row comes once.
_BATCH_ROWS = 64
# Rows for which the models' own learning rates are meant.
_RATE_ROWS = 256


class Columns(NamedTuple):
    """Number and names of the columns that a stream began with."""

    shape: tuple[int, int]
    feature_names: np.ndarray | None

    def attributes(self):
        """Return them as fitted attributes."""
        names = {"n_features_in_": self.shape[1]}
        return names if self.feature_names is None else names | {"feature_names_in_": self.feature_names}


class Stream:
    """What a fit along a stream knows between two chunks of rows.

    Every chunk is shuffled, and goes in steps of `batch_size` rows; a step along fewer has a learning rate
    that is smaller by the root of their share, as its noise is larger. So has every step where the model
    chose the rate, which is meant for 256 rows. Weights are divided by the mean of
    those that were seen so far, this chunk included, so that a row counts the same in whatever chunk it
    comes.

    Parameters
    ----------
    model : StochasticFits
        Its parameters hold as long as the stream lasts.
    bits : BitMatrix
        The first chunk, columns as they stand.
    columns : Columns
        What the fitted columns are called.
    order : ndarray of int64, shape (n_features,)
        The autoregressive order.
    warm : bool
        Whether to go on from the model's earlier fit.
    """

    def __init__(self, model, bits, columns, order, *, warm):
        self.order = order
        self.columns = columns
        self.n_jobs = model.n_jobs
        self._alpha = model.alpha
        self._streams = RandomStreams(model.random_state)
        self._batch_size = _BATCH_ROWS if model.batch_size == "auto" else model.batch_size
        self._batch_size *= model.accumulate
        self._full_rows = _RATE_ROWS if model.learning_rate is None else self._batch_size
        self.n_chunks = 0
        self.n_rows, self.weight = 0, 0.0
        if warm:
            self.n_rows, self.weight = model.n_samples_seen_, model.total_weight_
        self._problem = model._make_problem(
            in_order(bits, order, self.n_jobs),
            order,
            self._streams.sequence(OWN),
            warm=warm,
            streaming=True,
        )
        # An earlier fit counts as the steps that its rows would have made.
        n_averaged = math.ceil(self.n_rows / self._batch_size)
        self._descent = model._make_descent(self._problem, n_averaged=n_averaged)
        self._losses = []
        self._value, self._n_since = 0.0, 0

    def feed(self, bits):
        """Take the steps of a chunk.

        Raises
        ------
        DivergenceError
            If a log-likelihood or gradient is not finite; the stream is of no use then.
        """
        bits = in_order(bits, self.order, self.n_jobs)
        self.n_rows += len(bits)
        self.weight += bits.total_weight
        self._problem.total_weight = self.weight
        self._descent.penalty = self._alpha / self.weight
        size = min(self._batch_size, len(bits))
        batches = Minibatches(
            bits,
            size,
            random_state=self._streams.sequence(BATCHES, self.n_chunks),
            mean_weight=self.weight / self.n_rows,
        )
        try:
            for number, batch in enumerate(batches(0)):  # noqa: B007 (named in the error)
                slope = self._descent.evaluate([batch])
                self._descent.move(slope, math.sqrt(len(batch) / self._full_rows))
                self._count(slope)
            self._descent.check_parameters()
        except DivergenceError as error:
            raise DivergenceError(
                f"the fit diverged in chunk {self.n_chunks}, batch {number} (counted from 0): {error}",
                epoch=self.n_chunks,
                batch=number,
                learning_rate=error.learning_rate,
            ) from None
        self.n_chunks += 1

    def _count(self, slope):
        self._value += slope.value
        self._n_since += slope.n_rows
        if self._n_since >= self._batch_size:
            self._losses.append(-self._value / self._n_since)
            self._value, self._n_since = 0.0, 0

    def all_attributes(self):
        """Return the fitted attributes as they are now, number and names of the columns among them."""
        return self.columns.attributes() | self.attributes()

    def attributes(self):
        """Return the fitted attributes as they are now."""
        return self._problem.attributes(self._descent.point) | {
            "order_": self.order,
            "n_iter_": self.n_chunks,
            "converged_": False,
            "stopped_": "stream",
            "best_epoch_": None,
            "loss_curve_": np.array(self._losses),
            "validation_curve_": np.empty(0),
            "seconds_curve_": np.empty(0),
            "n_samples_seen_": self.n_rows,
            "total_weight_": self.weight,
        }


class StreamFits(StochasticFits):
    """Models that can also be fitted along a stream: by :meth:`partial_fit`, or `fit` on an iterator."""

    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on fitting with some more rows, of a stream of unknown length.

        Parameters
        ----------
        X : BitMatrix or array-like of shape (n_samples, n_features)
            Rows of zeros and ones, as few as one; the columns of the calls before.
        y : None
            Ignored, for scikit-learn's interfaces.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows; None uses those of a BitMatrix, or one each.

        Returns
        -------
        object
            Itself, fitted to all rows so far.

        Raises
        ------
        ValueError
            For rows, weights or parameters that make no sense, for other columns than before or parameters
            of another shape than those fitted, or with a `schedule` that needs to know how many steps there
            will be, or `early_stopping`.
        DivergenceError
            If the likelihood or its gradient is not finite any more.

        Notes
        -----
        The rows are shuffled and gone through once, in steps of `batch_size` ("auto": 64). A step along
        fewer rows than that has a smaller learning rate. The first call, after which the order of the
        columns and all parameters of the estimator hold until the next `fit`, starts at the smoothed
        marginals of its rows, or from an earlier fit, which then counts as so many steps as its rows would
        have made. The penalty is that of the weight of all rows so far.

        The state of the optimiser is kept, also in a pickle, but not in a file of :meth:`save`. After an
        error the estimator has the parameters of the last call that went well, and goes on from them with a
        new optimiser.
        """
        bits = self._pack_for_fit(X, sample_weight)
        stream = getattr(self, "_stream", None)
        fitted = _is_fitted(self, "order_")
        if fitted:
            self._check_columns(bits)
        if stream is None:
            order = self.order_ if fitted else self._make_order(bits.shape[1])
            if fitted and not self._can_go_on(order):
                raise ValueError(
                    f"the parameters of this {type(self).__name__} have been changed since it was fitted, to "
                    "those of a model of another shape; set them back to go on with it, or fit anew"
                )
            names = getattr(self, "feature_names_in_", None) if fitted else bits.feature_names
            columns = Columns(bits.shape, names)
            stream = self._open_stream(bits, columns, order, warm=fitted)
        self.__dict__.pop("_stream", None)  # until all has gone well
        stream.feed(bits)
        self._set_fitted(stream.columns, **stream.attributes())
        self._stream = stream
        return self

    def _open_stream(self, bits, columns, order, *, warm):
        for name, told in (("early_stopping", self.early_stopping), ("checkpoint", self.checkpoint)):
            if told:
                raise ValueError(
                    f"{name}={told!r} is for fit on a table, not for a stream, which is gone through once; "
                    "leave it out"
                )
        return Stream(self, bits, columns, order, warm=warm)

    def _fit_stream(self, X, batches, sample_weight, X_val):
        """Fit along an iterator of tables, once; each is a chunk."""
        if sample_weight is not None or X_val is not None:
            raise ValueError(WEIGHTS_OF_STREAMS)
        stream = None
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X)
        for bits in batches:
            if stream is None:
                order = self._make_order(bits.shape[1])
                warm = self.warm_start and self._can_go_on(order)
                columns = Columns(bits.shape, bits.feature_names)
                stream = self._open_stream(bits, columns, order, warm=warm)
            step = context.subcontext(task_name="chunk")
            step.call_on_fit_task_begin(estimator=self, X=X)
            stream.feed(bits)
            if self.verbose:
                print(f"[{type(self).__name__}] chunk {stream.n_chunks}: {stream.n_rows} rows so far")
            stopped = step.call_on_fit_task_end(
                estimator=self,
                X=X,
                reconstruction_attributes=stream.all_attributes,
            )
            if stopped:
                break
        context.call_on_fit_task_end(estimator=self, X=X)
        self._set_fitted(stream.columns, **stream.attributes())
        self._stream = stream

    def _pack_batches(self, iterator):
        """Yield the batches of an iterator, packed; all must have the columns of the first."""
        first = None
        for number, X in enumerate(iterator):
            bits = self._pack_for_fit(X, None)
            first = bits if first is None else first
            if bits.shape[1] != first.shape[1]:
                raise ValueError(
                    f"batch {number} of the iterator has {bits.shape[1]} columns, "
                    f"batch 0 has {first.shape[1]}"
                )
            if not _same_names(bits.feature_names, first.feature_names):
                raise ValueError(
                    f"the column names of batch {number} of the iterator are not those of batch 0"
                )
            yield bits
        if first is None:
            raise ValueError("the iterator has no batches (it may have been gone through before)")

    def _set_fitted(self, bits, **attributes):
        self.__dict__.pop("_stream", None)
        super()._set_fitted(bits, **attributes)


def _same_names(names, others):
    return np.array_equal(names, others) if names is not None and others is not None else names is others
