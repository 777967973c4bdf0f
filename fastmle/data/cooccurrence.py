"""Co-occurrence counts of all pairs of columns of packed data."""

import itertools

import numpy as np

from .. import kernels
from ..engine import map_units


def count_pairs(bits, n_jobs):
    """Return X^T X in its lower triangle, int64 of shape (n_features, n_features).

    A tile's bits are gathered column by column into words; a pair of columns is then the number of set
    bits in the bitwise and of their words.
    """
    n_features = bits.shape[1]
    counts = np.zeros((n_features, n_features), dtype=np.int64)
    # Rows of the triangle grow: equal areas, not equal heights.
    edges = np.unique(np.sqrt(np.linspace(0, n_features**2, 33)).round().astype(int))
    parts = [(int(first), int(last)) for first, last in itertools.pairwise(edges)]
    for index in range(bits.n_tiles):
        tile = bits.tile(index)
        words = np.empty((n_features, -(-tile.shape[1] // 64)), dtype=np.uint64)
        kernels.column_words(tile, words)

        def count(part, words=words):
            kernels.count_pairs(words, part[0], part[1], counts)

        map_units(count, parts, n_jobs=n_jobs, work=n_features**2 * words.shape[1])
    return counts


def weigh_pairs(bits, n_jobs):
    """Return X^T diag(weight) X, lower triangle at least, float64 of shape (n_features, n_features).

    The gradient kernel serves, with the weighted bits of a block of columns in place of residuals.
    """
    n_samples, n_features = bits.shape
    lanes = kernels.LANES["float64"]
    sums = np.zeros((n_features, n_features))

    def weigh(block, buckets):
        columns = np.full(block.stop - block.start, block.stop, dtype=np.int32)
        totals = np.zeros(len(columns))
        for index in range(bits.n_tiles):
            tile = bits.tile(index)
            weighted = np.zeros((tile.shape[1], lanes))
            group = np.unpackbits(tile[block.start // 8], bitorder="little").reshape(-1, 8)
            weighted[:, : len(columns)] = group[:, : len(columns)]
            weighted *= bits.tile_weight(index)[:, None]
            n_groups = -(-block.stop // 8)
            kernels.scatter_gradient(tile, weighted, columns, n_groups, buckets, sums[block], totals)

    blocks = [slice(start, min(start + 8, n_features)) for start in range(0, n_features, 8)]
    map_units(
        weigh,
        blocks,
        n_jobs=n_jobs,
        workspace=lambda: np.empty((256, lanes)),
        work=n_samples * n_features,
    )
    return sums
