"""Co-occurrence counts of all pairs of columns of packed data."""

import itertools

import numpy as np

from .. import kernels
from ..engine import map_units, split_evenly

# Tiles whose columns are counted in one go: so many that what every pair of columns costs at its end
# does not matter, so few that three columns fit into the first-level cache.
RUN_TILES = 16
# Size of the column words that are held at a time.
MAX_WORD_BYTES = 64_000_000
# Units of work in a pass over all pairs, whatever the number of threads.
N_UNITS = 32


def count_pairs(bits, n_jobs):
    """Return X^T X, int64 of shape (n_features, n_features).

    The bits of a run of tiles are gathered column by column into words; a pair of columns is then the
    number of set bits in the bitwise and of their words.
    """
    n_samples, n_features = bits.shape
    runs = [range(first, min(first + RUN_TILES, bits.n_tiles)) for first in range(0, bits.n_tiles, RUN_TILES)]
    # Rows of the triangle grow: equal areas, not equal heights. Where they make few units, the runs are
    # dealt out to several counts, which are added at the end.
    n_parts = min(N_UNITS, -(-n_features // 16))
    edges = [round(n_features * (part / n_parts) ** 0.5) for part in range(n_parts + 1)]
    n_counts = min(len(runs), -(-N_UNITS // n_parts))
    counts = np.zeros((n_counts, n_features, n_features), dtype=np.int64)
    units = list(itertools.product(itertools.pairwise(edges), range(n_counts)))

    def gather(unit):
        words, index, first_word = unit
        tile = bits.tile(index)
        kernels.column_words(tile, words[:, first_word : first_word + -(-tile.shape[1] // 64)])

    def count(unit):
        (first, last), which = unit
        for words in batch[which::n_counts]:
            kernels.count_pairs(words, first, last, counts[which])

    n_together = max(1, MAX_WORD_BYTES // _make_words(bits, runs[0]).nbytes)
    for start in range(0, len(runs), n_together):
        chosen = runs[start : start + n_together]
        batch = [_make_words(bits, run) for run in chosen]
        tiles = [
            (words, index, (bits.tile_rows(index).start - bits.tile_rows(run[0]).start) // 64)
            for words, run in zip(batch, chosen, strict=True)
            for index in run
        ]
        map_units(gather, tiles, n_jobs=n_jobs, work=n_samples * n_features // 8)
        map_units(count, units, n_jobs=n_jobs, work=n_samples * n_features**2 // 64)
    return _add_up(counts)


def _make_words(bits, run):
    """Return memory for the column words of a run of tiles, filled up with zeros to whole cache lines."""
    n_words = -(-(bits.tile_rows(run[-1]).stop - bits.tile_rows(run[0]).start) // 64)
    words = np.empty((bits.shape[1], -(-n_words // 8) * 8), dtype=np.uint64)
    words[:, n_words:] = 0
    return words


def weigh_pairs(bits, n_jobs):
    """Return X^T diag(weight) X, float64 of shape (n_features, n_features)."""
    n_samples, n_features = bits.shape
    runs = split_evenly(bits.n_tiles, -(-N_UNITS // bits.n_groups))
    sums = np.zeros((len(runs), n_features, n_features))

    def weigh(unit, scratch):
        group, run = unit
        for index in range(runs[run].start, runs[run].stop):
            kernels.weigh_pairs(bits.tile(index), bits.tile_weight(index), group, *scratch, sums[run])

    # The last groups have the most partners and come first, so that the threads end together.
    units = list(itertools.product(reversed(range(bits.n_groups)), range(len(runs))))
    n_rows = bits.tile(0).shape[1]
    map_units(
        weigh,
        units,
        n_jobs=n_jobs,
        workspace=lambda: (np.empty(n_rows, np.int32), np.empty((n_rows, 8)), np.empty((256, 8))),
        work=n_samples * n_features,
    )
    return _add_up(sums)


def _add_up(parts):
    return parts[0] if len(parts) == 1 else parts.sum(axis=0)
