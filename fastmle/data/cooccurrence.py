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
    """Return X^T diag(weight) X, lower triangle at least, float64 of shape (n_features, n_features)."""
    n_features = bits.shape[1]
    sums = np.zeros((n_features, n_features))
    for index in range(bits.n_tiles):
        rows = np.unpackbits(bits.tile(index).T, axis=1, count=n_features, bitorder="little").astype(
            np.float64
        )
        sums += rows.T @ (rows * bits.tile_weight(index)[:, None])
    return sums
