"""Rows that repeat: the distinct rows of packed data, and the weights of their copies."""

import numpy as np

# Odd multipliers for the bytes of a row; a row's sum of products, modulo 2^64, is its hash.
_MULTIPLIER_SEED = 0x9E3779B97F4A7C15
# A fit works on distinct rows if they are at most this share of all: weights make a row dearer.
_WORTHWHILE = 0.75
_JUDGED_ROWS = 1024


def _hashes(tile):
    """Return a hash of each row of a tile, uint64: equal rows have equal ones."""
    rng = np.random.Generator(np.random.SFC64(_MULTIPLIER_SEED))
    multipliers = rng.integers(2**64, size=len(tile), dtype=np.uint64) | np.uint64(1)
    hashes = np.zeros(tile.shape[1], dtype=np.uint64)
    for multiplier, group in zip(multipliers, tile, strict=True):
        # The high bits of a product depend on all bits below them: they go down once a group.
        hashes = (hashes ^ (hashes >> np.uint64(29))) + multiplier * (group.astype(np.uint64) + np.uint64(1))
    return hashes


def find_distinct(bits):
    """Return the first row of each kind, ascending, and for every row the place of its kind among them.

    Returns
    -------
    first : ndarray of int64, shape (n_distinct,)
    kind : ndarray of int64, shape (n_samples,)
        Row r equals row ``first[kind[r]]``.
    """
    hashes = np.concatenate([_hashes(bits.tile(index)) for index in range(bits.n_tiles)])
    _, first, kind = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[kind]


def worth_merging(bits):
    """Return whether so many rows repeat, judged by the first ones, that distinct rows are less work."""
    if bits.n_tiles == 0:
        return False
    hashes = _hashes(bits.tile(0)[:, :_JUDGED_ROWS])
    return len(np.unique(hashes)) <= _WORTHWHILE * len(hashes)
