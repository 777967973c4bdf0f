"""Rows that repeat: the distinct rows of packed data, and the weights of their copies."""

import threading

import numpy as np

from .. import kernels
from ..engine import map_units, split_evenly

# Shares of distinct rows among the first ones, from which on a fit works on all rows, since weights make a
# row dearer; and the rows of a run, many times as many, are not merged by themselves.
_JUDGED_ROWS = 1024
_FEW_REPEAT = 0.75
_FEW_REPEAT_IN_RUN = 0.975
# Tiles in a run, divided by the words of a row: hashes, weights, words and table stay in the second cache.
_RUN_TILES = 8
# Rows in a bucket, for the same reason, unless a run has so few of them that reading would stutter.
_BUCKET_ROWS = 8192
_PIECE_ROWS = 32
_BUCKET_UNITS = 64


def count_distinct(bits, n_jobs=None):
    """Return the first row of each kind, ascending, and the weight of all rows of that kind.

    Rows are of one kind if all their bits are equal: hashes only tell where to look. Rows of weight zero do
    not count.

    Parameters
    ----------
    bits : BitMatrix
        The rows.
    n_jobs : int or None, default=None
        Number of threads; the digits do not depend on it.

    Returns
    -------
    first : ndarray of int64, shape (n_distinct,)
    weight : ndarray of float64, shape (n_distinct,)
        Numbers of rows, where these have no weights.

    Notes
    -----
    Equal rows of a run of tiles are merged first, unless few of them repeat. What is left of all runs is
    sorted by hash into buckets that fit into the cache, and each of these is merged. Beside the result that
    takes 18 bytes for every row that is left, and the row itself again if it has more than 64 columns.
    """
    n_words = -(-bits.n_groups // 8)
    step = max(1, _RUN_TILES // max(1, n_words))
    if n_words == 1:
        n_words = 0  # such rows are equal if their hashes are
    runs = [range(tile, min(tile + step, bits.n_tiles)) for tile in range(0, bits.n_tiles, step)]
    if not runs:
        return np.empty(0, dtype=np.int64), np.empty(0)
    height = bits.tile_rows(runs[0][-1]).stop
    n_buckets = 2
    while n_buckets * _BUCKET_ROWS < bits.shape[0] and n_buckets * _PIECE_ROWS < height:
        n_buckets *= 2
    bounds = np.empty((len(runs), n_buckets + 1), dtype=np.int64)
    left = _RowsLeft(bits.shape[0], n_words)

    def enter(index, scratch):
        words, hashes, weight, slots, kept = scratch
        rows = _read_rows(bits, runs[index], words, hashes)
        n_rows = rows.stop - rows.start
        words, hashes, weight = words[:n_rows], hashes[:n_rows], weight[:n_rows]
        weight[:] = 1.0 if bits.sample_weight is None else bits.sample_weight[rows]
        if _share_distinct(hashes) <= _FEW_REPEAT_IN_RUN:
            whole = np.array([[0, n_rows]])
            n_left = kernels.merge_rows(hashes, words, whole, 0, 1, slots, weight)
        else:
            n_left = np.count_nonzero(weight != 0)
        place = left.reserve(n_left)
        ordered = left.places[place], left.hashes[place], left.weight[place]
        kernels.sort_rows(hashes, weight, 65 - n_buckets.bit_length(), kept, bounds[index], *ordered)
        bounds[index] += place.start
        if n_words > 0:
            np.take(words, left.places[place], axis=0, out=left.words[place], mode="clip")

    def merge(buckets, slots):
        ends = buckets.start, buckets.stop
        kernels.merge_rows(left.hashes, left.words, bounds, *ends, slots, left.weight)

    def workspace():
        rows = np.empty((height, n_words), dtype=np.uint64), np.empty(height, dtype=np.uint64)
        return *rows, np.empty(height), _make_slots(height), np.empty(height, dtype=np.uint16)

    n_bytes = bits.shape[0] * bits.n_groups
    map_units(enter, range(len(runs)), n_jobs=n_jobs, workspace=workspace, work=n_bytes)
    largest = int(np.diff(bounds, axis=1).sum(axis=0).max())
    units = split_evenly(n_buckets, _BUCKET_UNITS)
    map_units(merge, units, n_jobs=n_jobs, workspace=lambda: _make_slots(largest), work=left.n_rows)
    starts = [bits.tile_rows(run[0]).start for run in runs]
    return left.in_order(starts, height, bounds[:, 0], bounds[:, -1], n_jobs)


def worth_merging(bits):
    """Return whether so many rows repeat, judged by the first ones, that distinct rows are less work."""
    if bits.n_tiles == 0:
        return False
    height = bits.tile_rows(0).stop
    hashes = np.empty(height, dtype=np.uint64)
    _read_rows(bits, range(1), np.empty((height, 0), dtype=np.uint64), hashes)
    return _share_distinct(hashes) <= _FEW_REPEAT


def _make_slots(n_rows):
    """Return memory for a hash table of so many rows, with as much room again."""
    return np.empty(1 << (2 * n_rows - 1).bit_length(), dtype=np.uint64)


def _read_rows(bits, run, words, hashes):
    """Write the words and hashes of a run of tiles; return which rows they are."""
    rows = slice(bits.tile_rows(run[0]).start, bits.tile_rows(run[-1]).stop)
    n_rows = rows.stop - rows.start
    height = bits.tile(run[0]).shape[1]
    kernels.hash_rows(bits.tiles(run), height, words[:n_rows], hashes[:n_rows])
    return rows


def _share_distinct(hashes):
    """Return the share of the first rows that are distinct."""
    hashes = np.sort(hashes[:_JUDGED_ROWS])
    return (1 + np.count_nonzero(hashes[1:] != hashes[:-1])) / len(hashes)


class _RowsLeft:
    """Rows that are left of the runs, one run behind the other, as they come.

    Memory is touched only as far as there are rows.
    """

    def __init__(self, n_rows, n_words):
        self.hashes = np.empty(n_rows, dtype=np.uint64)
        self.words = np.empty((n_rows, n_words), dtype=np.uint64)
        self.weight = np.empty(n_rows)
        self.places = np.empty(n_rows, dtype=np.uint16)
        self.n_rows = 0
        self._lock = threading.Lock()

    def reserve(self, n_rows):
        """Return a slice for some more rows."""
        with self._lock:
            self.n_rows += n_rows
            return slice(self.n_rows - n_rows, self.n_rows)

    def in_order(self, starts, height, first, last, n_jobs):
        """Return the numbers of all rows that have a weight, ascending, and the weights.

        The places of run k, which has at most `height` rows, are counted from ``starts[k]``, and stand
        from ``first[k]`` to ``last[k]``.
        """
        pieces = list(map(slice, first, last))

        def count(piece):
            return np.count_nonzero(self.weight[piece] != 0)

        counts = map_units(count, pieces, n_jobs=n_jobs, work=self.n_rows)
        ends = np.cumsum(counts)
        rows, weight = np.empty(ends[-1], dtype=np.int64), np.empty(ends[-1])

        def restore(index, scratch):
            piece, out = pieces[index], slice(ends[index] - counts[index], ends[index])
            given = self.places[piece], self.weight[piece], starts[index]
            kernels.restore_order(*given, *scratch, rows[out], weight[out])

        def workspace():
            return np.empty(-(-height // 64), dtype=np.uint64), np.empty(height, dtype=np.uint16)

        map_units(restore, range(len(pieces)), n_jobs=n_jobs, workspace=workspace, work=self.n_rows)
        return rows, weight
