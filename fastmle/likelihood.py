"""Passes over packed data: the FVSBN's kernels mapped over (row tile, column block) units.

Here the columns stand in autoregressive order: variable i depends on the variables j < i, through the
strict lower triangle of `coef`; where `coef` is None the variables are independent. Estimators bring
data and parameters into that order and back.
"""

import numpy as np

from . import kernels
from .data import BitMatrix
from .data.bitmatrix import TILE_ROWS
from .engine import map_units, split_evenly, tile_streams

# A pass is cut into about this many units, whatever the number of threads.
_TARGET_UNITS = 64
# Partial sums of a row over the column blocks take at most this many numbers at a time.
_WAVE_SIZE = 2**22


def _column_blocks(n_columns, lanes):
    """Cut the positions 0..n_columns-1 into slices of at most `lanes`, the widest triangle first."""
    blocks = [slice(a, min(a + lanes, n_columns)) for a in range(0, n_columns, lanes)]
    return blocks[::-1]


def _row_segments(tiles, n_blocks):
    """Cut a range of tiles into enough runs to make `_TARGET_UNITS` units with the blocks."""
    n_parts = -(-_TARGET_UNITS // n_blocks)
    return [tiles[part] for part in split_evenly(len(tiles), n_parts)]


class _Scratch:
    """Working memory of one thread: the tables of a block, a tile's logits, buckets."""

    def __init__(self, coef, n_groups, dtype=np.float64):
        lanes = kernels.LANES[np.dtype(dtype).name]
        self._coef = coef
        self._tables = np.empty((0 if coef is None else n_groups, 256, lanes), dtype=dtype)
        self.z = np.empty((TILE_ROWS, lanes), dtype=dtype)
        self.buckets = np.empty((256, lanes), dtype=dtype)

    def load(self, block, columns):
        """Build the tables of the rows of `coef` in a block, and return them."""
        tables = self._tables[: (int(columns[-1]) + 7) // 8]
        if len(tables):
            kernels.build_tables(self._coef[block], columns, tables)
        return tables


def _work(n_rows, n_columns):
    return n_rows * n_columns * (16 + n_columns // 8)


def value_and_gradient(bits, columns, coef, intercept, *, dtype=np.float64, n_jobs=None):
    """Return each column's summed log-likelihood and its gradient.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        The data; its weights count.
    columns : ndarray of int32, shape (n_columns,), ascending
        The columns wanted.
    coef : ndarray of float64, shape (n_columns, m), unit stride in the last axis
        Row k holds the weights of column ``columns[k]``; of them the first ``columns[k]`` are read.
    intercept : ndarray of float64, shape (n_columns,)
        Intercepts.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Precision inside a tile; across tiles sums are float64.
    n_jobs : int or None, default=None
        Number of threads.

    Returns
    -------
    value : ndarray of float64, shape (n_columns,)
        Nats.
    grad_coef : ndarray of float64, shape (n_columns, m)
        Zero where `coef` is not read.
    grad_intercept : ndarray of float64, shape (n_columns,)
    """
    columns = np.ascontiguousarray(columns, dtype=np.int32)
    n_columns = len(columns)
    blocks = _column_blocks(n_columns, kernels.LANES[np.dtype(dtype).name])
    segments = _row_segments(range(bits.n_tiles), len(blocks))
    value = np.zeros((len(segments), n_columns))
    grad_coef = np.zeros((len(segments), *coef.shape))
    grad_intercept = np.zeros((len(segments), n_columns))

    def accumulate(unit, scratch):
        segment, block = unit
        tables = scratch.load(block, columns[block])
        for index in segments[segment]:
            tile = bits.tile(index)
            z = scratch.z[: tile.shape[1]]
            kernels.compute_logits(tile, tables, intercept[block], z)
            kernels.logits_to_residuals(
                tile, columns[block], bits.tile_weight(index), z, value[segment, block]
            )
            kernels.scatter_gradient(
                tile,
                z,
                columns[block],
                len(tables),
                scratch.buckets,
                grad_coef[segment, block],
                grad_intercept[segment, block],
            )

    map_units(
        accumulate,
        [(segment, block) for block in blocks for segment in range(len(segments))],
        n_jobs=n_jobs,
        workspace=lambda: _Scratch(coef, bits.n_groups, dtype),
        work=_work(bits.shape[0], n_columns),
    )
    return value.sum(axis=0), _add_up(grad_coef), grad_intercept.sum(axis=0)


def _add_up(parts):
    """Sum over the first axis without a copy where there is one part."""
    return parts[0] if len(parts) == 1 else parts.sum(axis=0)


def log_likelihood(bits, coef, intercept, *, n_jobs=None):
    """Return the log-likelihood of every row, nats, shape (n_samples,).

    A row's terms are added in a fixed order, so the result is the same in any company.
    """
    n_samples, n_features = bits.shape
    all_columns = np.arange(n_features, dtype=np.int32)
    blocks = _column_blocks(n_features, kernels.LANES["float64"])
    total = np.zeros(n_samples)
    wave = max(1, _WAVE_SIZE // (len(blocks) * TILE_ROWS))
    for first in range(0, bits.n_tiles, wave):
        tiles = range(first, min(first + wave, bits.n_tiles))
        start, stop = tiles.start * TILE_ROWS, bits.tile_rows(tiles[-1]).stop
        sums = np.zeros((len(blocks), stop - start))

        def add(unit, scratch, sums=sums, start=start):
            segment, number = unit
            columns = all_columns[blocks[number]]
            tables = scratch.load(blocks[number], columns)
            for index in segment:
                tile, rows = bits.tile(index), bits.tile_rows(index)
                z = scratch.z[: tile.shape[1]]
                kernels.compute_logits(tile, tables, intercept[blocks[number]], z)
                kernels.logits_to_terms(tile, columns, z)
                kernels.add_terms(z, len(columns), sums[number, rows.start - start : rows.stop - start])

        segments = _row_segments(tiles, len(blocks))
        map_units(
            add,
            [(segment, number) for number in range(len(blocks)) for segment in segments],
            n_jobs=n_jobs,
            workspace=lambda: _Scratch(coef, bits.n_groups),
            work=_work(stop - start, n_features),
        )
        for part in sums:  # not sums.sum(axis=0): its order of additions depends on the shape
            total[start:stop] += part
    return total


def feature_terms(bits, coef, intercept, *, logits=False, n_jobs=None):
    """Return log p(x_i | x_<i) of every row and column, nats, or with `logits` the logits of x_i = 1.

    Returns
    -------
    ndarray of float64, shape (n_samples, n_features)
    """
    n_samples, n_features = bits.shape
    all_columns = np.arange(n_features, dtype=np.int32)
    blocks = _column_blocks(n_features, kernels.LANES["float64"])
    segments = _row_segments(range(bits.n_tiles), len(blocks))
    terms = np.empty((n_samples, n_features))

    def fill(unit, scratch):
        segment, block = unit
        columns = all_columns[block]
        tables = scratch.load(block, columns)
        for index in segment:
            tile = bits.tile(index)
            z = scratch.z[: tile.shape[1]]
            kernels.compute_logits(tile, tables, intercept[block], z)
            if not logits:
                kernels.logits_to_terms(tile, columns, z)
            terms[bits.tile_rows(index), block] = z[:, : len(columns)]

    map_units(
        fill,
        [(segment, block) for block in blocks for segment in segments],
        n_jobs=n_jobs,
        workspace=lambda: _Scratch(coef, bits.n_groups),
        work=_work(n_samples, n_features),
    )
    return terms


def sample(n_samples, coef, intercept, *, random_state=None, prefix=None, n_jobs=None):
    """Draw rows variable by variable.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    coef : ndarray of float64, shape (n_features, n_features), or None
        Weights; the strict lower triangle is read.
    intercept : ndarray of float64, shape (n_features,)
        Intercepts.
    random_state : None, int, RandomState or Generator, default=None
        Seed of the streams, one a tile.
    prefix : BitMatrix of shape (n_samples, k) or None, default=None
        The first k variables of every row, where they are given.
    n_jobs : int or None, default=None
        Number of threads.

    Returns
    -------
    BitMatrix of shape (n_samples, n_features)
    """
    n_features = len(intercept)
    n_groups = (n_features + 7) // 8
    n_given = 0 if prefix is None else prefix.shape[1]
    drawn = BitMatrix(np.zeros(n_samples * n_groups, dtype=np.uint8), (n_samples, n_features))
    streams = tile_streams(random_state, drawn.n_tiles)

    def draw(index, scratch):
        tile, stream = drawn.tile(index), streams[index]
        z = scratch.z[: tile.shape[1]]
        if prefix is not None:
            tile[: prefix.n_groups] = prefix.tile(index)
        uniform = np.empty((tile.shape[1], 8))
        inner = np.zeros((8, 8))
        for group in range(n_given // 8, n_groups):
            block = slice(8 * group, min(8 * group + 8, n_features))
            # Tables of the groups before this one; what its own bits add follows bit by bit.
            columns = np.full(block.stop - block.start, block.start, dtype=np.int32)
            tables = scratch.load(block, columns)
            kernels.compute_logits(tile, tables, intercept[block], z)
            if coef is not None:
                inner[: len(columns), : len(columns)] = np.tril(coef[block, block], k=-1)
            stream.random(out=uniform)
            first_bit = max(0, n_given - block.start)
            kernels.sample_group(z, inner, uniform, first_bit, len(columns), tile[group])

    map_units(
        draw,
        range(drawn.n_tiles),
        n_jobs=n_jobs,
        workspace=lambda: _Scratch(coef, n_groups),
        work=_work(n_samples, n_features),
    )
    return drawn
