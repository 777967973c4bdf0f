"""Passes over packed data: the FVSBN's kernels mapped over (row tile, column block) units.

Here the columns stand in autoregressive order: variable i depends on the variables j < i, through the
strict lower triangle of `coef`; where `coef` is None the variables are independent. Estimators bring
data and parameters into that order and back.
"""

import itertools
import threading

import numpy as np

from . import kernels
from .data import BitMatrix
from .data.bitmatrix import TILE_ROWS
from .engine import RandomStreams, count_threads, effective_n_jobs, map_units, split_evenly
from .lists import GRADIENT, SCORES, Choice, RowLists, cut_into_waves
from .memory import aligned_memory

# A pass is cut into about this many units, whatever the number of threads.
_TARGET_UNITS = 64
# Pairs of blocks of columns that one unit of scores takes.
_BATCH = 2
# Elementary steps after which a call of the gradient's kernel returns, if there is more to do.
_WORK_A_CALL = 2**24
# Rows that are drawn from one random stream.
_STREAM_ROWS = 1024
# Rows in a bucket of residuals, and in all buckets together, before they go on in float64.
_ALIKE, _MOST_SUMMED = 512, 4096


def _column_blocks(n_columns, lanes):
    """Cut the positions 0..n_columns-1 into slices of at most `lanes`, the widest triangle first."""
    blocks = [slice(a, min(a + lanes, n_columns)) for a in range(0, n_columns, lanes)]
    return blocks[::-1]


def _row_segments(tiles, n_blocks):
    """Cut a range of tiles into enough runs to make about `_TARGET_UNITS` units with the blocks."""
    n_parts = max(1, round(_TARGET_UNITS / n_blocks))
    return [tiles[part] for part in split_evenly(len(tiles), n_parts)]


class _Scratch:
    """Working memory of one thread: for tables or sums of a block of columns, then the lines of logits.

    A thread keeps the last memory that it made, as fresh memory costs more than a pass over few rows.
    """

    _kept = threading.local()

    def __init__(self, bits, dtype):
        self._n_lines = kernels.SCRATCH_LINES + kernels.LISTED_LINES * bits.n_groups
        lanes = kernels.LANES[np.dtype(dtype).name]
        shape = (self._n_lines + min(bits.shape[0], TILE_ROWS), lanes)
        kept = getattr(self._kept, "lines", None)
        if kept is None or kept.dtype != dtype or len(kept) < shape[0]:
            kept = self._kept.lines = aligned_memory(*shape, dtype=dtype)
        self._lines = kept

    @property
    def whole(self):
        """What the kernels take as `scratch` for whole tiles."""
        return self._lines

    def of(self, tile):
        """Return what the kernels take as `scratch` for a tile, which need not be a whole one."""
        return self._lines[: self._n_lines + tile.shape[1]]


def _weights(coef, n_features):
    """Return the weights as the kernels take them: none for independent columns."""
    return np.empty((n_features, 0)) if coef is None else coef


def _work(n_rows, n_columns):
    return n_rows * n_columns * (16 + n_columns // 8)


def value_and_gradient(bits, columns, coef, intercept, *, dtype=np.float64, lists=None, n_jobs=None):
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
    lists : RowLists or None, default=None
        Keeps lists of set bits for the next pass over the same data. Where they need not be made, more
        blocks take lists, so the last digits may differ.
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
    lanes = kernels.LANES[np.dtype(dtype).name]
    n_groups, n_blocks = (int(columns[-1]) + 7) // 8, -(-n_columns // lanes)
    choice = Choice(bits, n_groups, n_blocks, GRADIENT, listed=lists is not None and lists.are_kept)
    blocks = _column_blocks(n_columns, 2 * lanes if choice.lists else lanes)
    lists = RowLists(bits) if lists is None else lists
    waves = cut_into_waves(bits, lists=choice.lists)
    n_parts = len(_row_segments(waves[0], len(blocks)))
    # Residuals that are alike round the same way, one after the other: no bucket should add up many.
    n_summed = int(np.clip(_ALIKE / max(bits.heaviest_byte, 1e-9), _ALIKE, _MOST_SUMMED))
    value = np.zeros((n_parts, n_columns))
    grad_coef = np.empty((n_parts, *coef.shape))
    grad_intercept = np.zeros((n_parts, n_columns))

    for wave in waves:
        listed = lists.make(wave, n_jobs) if choice.lists else ()
        segments = _row_segments(wave, len(blocks))
        fresh = wave is waves[0]
        by_lists = [choice.serve(columns[block.stop - 1]) for block in blocks]
        units = [
            (part, tiles.start, tiles.stop, block.start, block.stop, is_listed, fresh)
            for block, is_listed in zip(blocks[::-1], by_lists[::-1], strict=True)
            for part, tiles in enumerate(segments)
        ]
        units = np.array(units, dtype=np.int64)
        n_left = np.array([len(units)])
        work = _work(len(wave) * min(TILE_ROWS, bits.shape[0]), n_columns)
        # Threads share the units, which may be shorter than a call from Python. A long call would not answer
        # Ctrl-C.
        n_threads = count_threads(n_jobs, work)
        n_calls = min(len(units), max(n_threads, work // _WORK_A_CALL))
        n_taken = len(units) if n_calls == n_threads else -(-len(units) // n_calls)

        def accumulate(_, scratch, wave=wave, listed=listed, units=units, n_left=n_left, n_taken=n_taken):
            kernels.add_gradient(
                *(bits.tiles(range(bits.n_tiles)), TILE_ROWS, len(bits), columns, coef, intercept),
                *(bits.sample_weight, scratch.whole, units, n_left, n_taken),
                *(value, grad_coef, grad_intercept, *listed),
                first_listed=wave.start,
                n_summed=n_summed,
            )

        map_units(accumulate, range(n_calls), n_jobs=n_threads, workspace=lambda: _Scratch(bits, dtype))
    return value.sum(axis=0), _add_up(grad_coef), grad_intercept.sum(axis=0)


def _add_up(parts):
    """Sum over the first axis without a copy where there is one part."""
    return parts[0] if len(parts) == 1 else parts.sum(axis=0)


def log_likelihood(bits, coef, intercept, *, dtype=np.float32, n_jobs=None):
    """Return the log-likelihood of every row, nats, float64 of shape (n_samples,).

    The terms are computed in `dtype` and added in float64, in a fixed order, so that the result is the
    same in any company.
    """
    n_samples, n_features = bits.shape
    coef = _weights(coef, n_features)
    all_columns = np.arange(n_features, dtype=np.int32)
    blocks = _column_blocks(n_features, 2 * kernels.LANES[np.dtype(dtype).name])
    choice = Choice(bits, bits.n_groups if coef.size else 0, 2 * len(blocks), SCORES)
    lists = RowLists(bits)
    # A row's terms are added up over the blocks of a batch, then over the batches: an order of its own.
    batches = [blocks[first : first + _BATCH] for first in range(0, len(blocks), _BATCH)]
    total = np.zeros(n_samples)
    for wave in cut_into_waves(bits, len(batches) * TILE_ROWS, lists=choice.lists):
        start, stop = wave.start * TILE_ROWS, bits.tile_rows(wave[-1]).stop
        sums = np.zeros((len(batches), stop - start))
        starts, listed = lists.make(wave, n_jobs) if choice.lists else (None, None)

        def add(unit, scratch, sums=sums, start=start, wave=wave, starts=starts, listed=listed):
            tiles, number = unit
            for index, block in itertools.product(tiles, batches[number]):
                tile, rows = bits.tile(index), bits.tile_rows(index)
                own = ()
                if choice.serve(block.stop - 1):
                    own = starts[index - wave.start, : tile.shape[1] + 1], listed
                kernels.add_log_likelihood(
                    tile,
                    all_columns[block],
                    coef[block],
                    intercept[block],
                    scratch.of(tile),
                    sums[number, rows.start - start : rows.stop - start],
                    *own,
                )

        segments = _row_segments(wave, len(batches))
        map_units(
            add,
            [(tiles, number) for number in range(len(batches)) for tiles in segments],
            n_jobs=n_jobs,
            workspace=lambda: _Scratch(bits, dtype),
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
    coef = _weights(coef, n_features)
    all_columns = np.arange(n_features, dtype=np.int32)
    blocks = _column_blocks(n_features, kernels.LANES["float64"])
    segments = _row_segments(range(bits.n_tiles), len(blocks))
    terms = np.empty((n_samples, n_features))

    def fill(unit, scratch):
        segment, block = unit
        columns = all_columns[block]
        for index in segment:
            tile = bits.tile(index)
            own = scratch.of(tile)
            kernels.compute_logits(tile, columns, coef[block], intercept[block], own)
            if not logits:
                kernels.logits_to_terms(tile, columns, own)
            terms[bits.tile_rows(index), block] = own[len(own) - tile.shape[1] :, : len(columns)]

    map_units(
        fill,
        [(segment, block) for block in blocks for segment in segments],
        n_jobs=n_jobs,
        workspace=lambda: _Scratch(bits, np.float64),
        work=_work(n_samples, n_features),
    )
    return terms


def _stream_runs(n_streams, n_jobs):
    """Cut 0..n_streams-1 into runs of a tile's rows at most, which keep all threads busy; long ones first."""
    n_runs = -(-n_streams * _STREAM_ROWS // TILE_ROWS)
    n_threads = effective_n_jobs(n_jobs)
    runs = split_evenly(n_streams, -(-n_runs // n_threads) * n_threads)
    return sorted((range(run.start, run.stop) for run in runs), key=len, reverse=True)


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
        Seed of the streams, one for every 1024 rows.
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
    coef = _weights(coef, n_features)
    drawn = BitMatrix(np.zeros(n_samples * n_groups, dtype=np.uint8), (n_samples, n_features))
    n_streams = -(-n_samples // _STREAM_ROWS)
    states = RandomStreams(random_state).states(n_streams)

    def rows_of(number, bits):
        """Return the rows of a stream, as bytes of a tile."""
        index, first = divmod(number * _STREAM_ROWS, TILE_ROWS)
        return bits.tile(index)[:, first : first + _STREAM_ROWS]

    def draw(run, scratch):
        # The streams of a run share the tables.
        parts = [slice(k * _STREAM_ROWS, (k + 1) * _STREAM_ROWS) for k in range(len(run))]
        n_rows = min(len(run) * _STREAM_ROWS, n_samples - run.start * _STREAM_ROWS)
        tile = np.zeros((n_groups, n_rows), dtype=np.uint8)
        random = np.empty((kernels.LANES["float32"], n_rows), dtype=np.int32)
        if prefix is not None:
            for number, part in zip(run, parts, strict=True):
                tile[: prefix.n_groups, part] = rows_of(number, prefix)
        own = states[run.start : run.stop]
        kernels.sample_rows(tile, n_given, coef, intercept, own, _STREAM_ROWS, random, scratch.of(tile))
        for number, part in zip(run, parts, strict=True):
            rows_of(number, drawn)[:] = tile[:, part]

    map_units(
        draw,
        _stream_runs(n_streams, n_jobs),
        n_jobs=n_jobs,
        workspace=lambda: _Scratch(drawn, np.float32),
        work=_work(n_samples, n_features),
    )
    return drawn
