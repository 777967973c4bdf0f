"""Passes over packed data: NADE's kernels mapped over runs of rows.

Here the columns stand in autoregressive order, as in :mod:`fastmle.likelihood`: the hidden units before
column i hear of the columns j < i. A row has a state from column to column, so the unit of work is a run of
rows, all columns of it.
"""

import threading
from typing import NamedTuple

import numpy as np
from scipy.special import log_expit

from . import kernels
from .engine import map_units, split_evenly
from .memory import aligned_memory

# Rows of a run: their states stay in the second cache, beside the weights of a block of columns. A small
# batch is cut into two, but not below the rows that the kernels take together.
_RUN_ROWS, _LEAST_RUN_ROWS = 64, 8
# Sums of gradients that are taken side by side: each is as large as the parameters.
_MOST_SUMS = 8
# Rows whose gradients add up in the precision of the parameters before they go on in float64.
_WAVE_ROWS = 4096


class Shape(NamedTuple):
    """How many parameters there are, and where they lie in one flat array.

    Lines of hidden units are padded with zeros to an odd number of cache lines, so that rows one below the
    other do not compete for the same places of the first cache. The array begins with the biases of columns
    and of hidden units, which no penalty touches.
    """

    n_features: int
    n_hidden: int
    dtype: type = np.float32

    @property
    def line(self):
        """Numbers in a line of hidden units."""
        lanes = 64 // np.dtype(self.dtype).itemsize
        return ((self.n_hidden + lanes - 1) // lanes | 1) * lanes

    @property
    def _first_line(self):
        lanes = 64 // np.dtype(self.dtype).itemsize
        return -(-self.n_features // lanes) * lanes

    @property
    def first_weight(self):
        """Where the weights begin, which reach to the end."""
        return self._first_line + self.line

    @property
    def size(self):
        """Length of the flat array."""
        return self.first_weight + 2 * self.n_features * self.line

    def empty(self):
        """Return a flat array of zeros that begins where a cache line does."""
        flat = aligned_memory(self.size, dtype=self.dtype)
        flat[:] = 0
        return flat

    def views(self, flat):
        """Return the output weights, biases, input weights and hidden biases as views, with their padding."""
        weights = flat[self.first_weight :].reshape(2, self.n_features, self.line)
        return weights[1], flat[: self.n_features], weights[0], flat[self._first_line : self.first_weight]

    def pack(self, output_weight, bias, input_weight, hidden_bias):
        """Return parameters without padding as a flat array; what it cannot hold becomes infinite."""
        flat = aligned_memory(self.size, dtype=self.dtype)
        flat[: self.first_weight] = 0
        with np.errstate(over="ignore"):
            for view, own in zip(
                self.views(flat), (output_weight, bias, input_weight, hidden_bias), strict=True
            ):
                view[..., : own.shape[-1]] = own
                view[..., own.shape[-1] :] = 0
        return flat

    def unpack(self, flat):
        """Return copies of the four parameters without padding, float64."""
        V, b, W, c = self.views(flat)
        h = self.n_hidden
        return tuple(part.astype(np.float64) for part in (V[:, :h], b, W[:, :h], c[:h]))


class Network:
    """Parameters of NADE, as the kernels take them.

    Parameters
    ----------
    shape : Shape
        Sizes and precision.
    flat : ndarray of that precision, shape (shape.size,)
        The parameters; not copied.
    activation : {"sigmoid", "relu"}
        Of the hidden units.
    """

    _kept = threading.local()

    def __init__(self, shape, flat, activation):
        self.shape = shape
        self.arguments = (*shape.views(flat), shape.n_hidden, kernels.NADE_ACTIVATIONS[activation])

    def scratch(self):
        """Return working memory of one thread for a run of rows; a thread keeps what it made last."""
        wanted = kernels.nade_lines(_RUN_ROWS), self.shape.line
        kept = getattr(self._kept, "lines", None)
        if kept is None or kept.dtype != self.shape.dtype or kept.shape != wanted:
            kept = self._kept.lines = aligned_memory(*wanted, dtype=self.shape.dtype)
        return kept

    def work(self, n_rows):
        """Return a rough number of elementary steps for so many rows."""
        return n_rows * self.shape.n_features * self.shape.line


class Run(NamedTuple):
    """Some rows that follow each other in a tile."""

    tile: np.ndarray  # their bytes, group-major
    rows: slice  # in the whole table
    weight: np.ndarray | None


def cut_into_runs(bits, n_rows=_RUN_ROWS):
    """Cut a table into runs of so many rows."""
    runs = []
    for index in range(bits.n_tiles):
        tile, rows, weight = bits.tile(index), bits.tile_rows(index), bits.tile_weight(index)
        for first in range(0, tile.shape[1], n_rows):
            own = slice(first, min(first + n_rows, tile.shape[1]))
            place = slice(rows.start + own.start, rows.start + own.stop)
            runs.append(Run(tile[:, own], place, None if weight is None else weight[own]))
    return runs


def log_likelihood(bits, network, *, n_jobs=None):
    """Return the log-likelihood of every row, nats, float64 of shape (n_samples,)."""
    total = np.zeros(bits.shape[0])

    def add(run, scratch):
        kernels.nade_log_likelihood(run.tile, *network.arguments, scratch, total[run.rows])

    work = network.work(len(total))
    map_units(add, cut_into_runs(bits), n_jobs=n_jobs, workspace=network.scratch, work=work)
    return total


def feature_terms(bits, network, *, logits=False, n_jobs=None):
    """Return log p(x_i | x_<i) of every row and column, nats, or with `logits` the logits of x_i = 1.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_features)
    """
    terms = np.empty(bits.shape)

    def fill(run, scratch):
        own = terms[run.rows]
        kernels.nade_logits(run.tile, *network.arguments, scratch, own)
        if not logits:
            ones = np.unpackbits(run.tile.T, axis=1, count=own.shape[1], bitorder="little")
            log_expit(np.where(ones, own, -own), out=own)

    work = network.work(len(terms))
    map_units(fill, cut_into_runs(bits), n_jobs=n_jobs, workspace=network.scratch, work=work)
    return terms


def represent(bits, network, *, n_jobs=None):
    """Return the hidden units of every row after its last column, float64 of shape (n_samples, n_hidden)."""
    hidden = np.empty((bits.shape[0], network.shape.n_hidden))

    def fill(run, scratch):
        kernels.nade_represent(run.tile, *network.arguments, scratch, hidden[run.rows])

    work = hidden.size * network.shape.n_features
    map_units(fill, cut_into_runs(bits), n_jobs=n_jobs, workspace=network.scratch, work=work)
    return hidden


class Gradient:
    """The summed log-likelihood of rows and its gradient, in memory that is kept from call to call.

    Parameters
    ----------
    shape : Shape
        Sizes and precision of the parameters.
    activation : {"sigmoid", "relu"}
        Of the hidden units.
    dropout : float, default=0.0
        Share of the hidden units of a row that are left out, in all of its conditionals alike; the others
        are multiplied by 1 / (1 - dropout).
    label_smoothing : float, default=0.0
        Share of every outcome that the gradient replaces by half of each.
    streams : RandomStreams or None, default=None
        What draws the units to leave out.
    n_jobs : int or None, default=None
        Number of threads; the result is the same bits for any.
    """

    def __init__(self, shape, activation, *, dropout=0.0, label_smoothing=0.0, streams=None, n_jobs=None):
        self._shape = shape
        self._activation = activation
        self._keep = 1.0 - dropout
        self._label_smoothing = label_smoothing
        self._streams = streams
        self._n_jobs = n_jobs
        self._sums = []

    def __call__(self, bits, flat, place=()):
        """Return the value and the gradient.

        Parameters
        ----------
        bits : BitMatrix of shape (n_samples, n_features)
            The rows; their weights count.
        flat : ndarray, shape (shape.size,)
            The parameters.
        place : tuple of int, default=()
            Index of the streams of this call; every run of rows has one of them.

        Returns
        -------
        value : float
            Nats.
        gradient : ndarray like `flat`
            Overwritten by the next call.
        """
        network = Network(self._shape, flat, self._activation)
        half = -(-len(bits) // (2 * _LEAST_RUN_ROWS)) * _LEAST_RUN_ROWS
        runs = list(enumerate(cut_into_runs(bits, min(half, _RUN_ROWS))))
        runs_a_wave = _WAVE_ROWS // _RUN_ROWS
        waves = [runs[first : first + runs_a_wave] for first in range(0, len(runs), runs_a_wave)]
        value, gradient = self._add_up(waves[0], network, place)
        if len(waves) > 1:
            total = gradient.astype(np.float64)
            for wave in waves[1:]:
                more, gradient = self._add_up(wave, network, place)
                value += more
                total += gradient
            gradient = self._sums[0]
            gradient[:] = total
        return value, gradient

    def _add_up(self, runs, network, place):
        n_rows = sum(run.tile.shape[1] for _, run in runs)
        parts = split_evenly(len(runs), _MOST_SUMS)
        while len(self._sums) < len(parts):
            self._sums.append(self._shape.empty())

        def add(part, scratch):
            number, own = part
            value, sums = np.zeros(1), self._sums[number]
            sums[:] = 0
            into = self._shape.views(sums)
            for index, run in runs[own]:
                mask = None if self._keep == 1.0 else self._mask(run, (*place, index))
                settings = run.weight, mask, self._keep, self._label_smoothing
                kernels.nade_add_gradient(run.tile, *network.arguments, *settings, scratch, value, *into)
            return value[0]

        values = map_units(
            add,
            list(enumerate(parts)),
            n_jobs=self._n_jobs,
            workspace=network.scratch,
            work=3 * network.work(n_rows),
        )
        self._fold(len(parts))
        return float(np.sum(values)), self._sums[0]

    def _mask(self, run, place):
        """Return the factors of the hidden units, a line a row."""
        shape = run.tile.shape[1], self._shape.line
        words = np.empty(shape, dtype=np.uint64)
        kernels.draw_words(self._streams.state(*place), words.reshape(-1))
        return np.where(words < self._keep * 2.0**64, 1.0 / self._keep, 0.0).astype(self._shape.dtype)

    def _fold(self, n_parts):
        """Add the sums to the first one."""
        if n_parts == 1:
            return

        def add(piece):
            for other in self._sums[1:n_parts]:
                self._sums[0][piece] += other[piece]

        pieces = split_evenly(self._shape.size, max(1, self._shape.size // 2**15))
        map_units(add, pieces, n_jobs=self._n_jobs, work=n_parts * self._shape.size)
