"""The arguments of the kernels that find equal rows, for the walk over all kernels in test_kernels.py."""

import numpy as np


class DistinctCases:
    """Part of `Cases`: what is drawn comes from its generator `_rng`, of its shape."""

    def _few_hashes(self):
        """Hashes of few kinds, whose low and high bits meet."""
        kinds = self._rng.integers(2**64, size=9, dtype=np.uint64)
        kinds[1:4] = kinds[0] ^ np.array([1, 1 << 39, 1 << 63], dtype=np.uint64)
        return kinds[self._rng.integers(len(kinds), size=self._n_rows)]

    def hash_rows(self):
        height = min(self._n_rows, 64 * int(self._rng.integers(1, 4)))
        bits = np.packbits(self._bits, axis=1, bitorder="little")
        tiles = [bits[start : start + height].T.ravel() for start in range(0, len(bits), height)]
        n_words = 0 if self._weighted else -(-bits.shape[1] // 8)
        words = np.full((len(bits), n_words), 2**64 - 1, dtype=np.uint64)
        hashes = np.full(len(bits), 2**64 - 1, dtype=np.uint64)
        return (np.concatenate(tiles), height, words, hashes), [words, hashes]

    def merge_rows(self):
        """Buckets in pieces, some of them empty; words that differ where hashes do not."""
        n_words, n_runs, n_buckets = self._rng.integers((0, 1, 1), (3, 4, 6)).tolist()
        words = self._rng.integers(2, size=(self._n_rows, n_words), dtype=np.uint64)
        ends = np.sort(self._rng.integers(self._n_rows + 1, size=n_runs * n_buckets + 1))
        ends[0], ends[-1] = 0, self._n_rows
        bounds = np.array([ends[k * n_buckets : (k + 1) * n_buckets + 1] for k in range(n_runs)])
        first, last = np.sort(self._rng.integers(n_buckets + 1, size=2)).tolist()
        slots = np.zeros(1 << (2 * self._n_rows - 1).bit_length(), dtype=np.uint64)
        weight = self._weight() if self._weighted else np.ones(self._n_rows)
        weight = weight.copy()
        return (self._few_hashes(), words, bounds, first, last, slots, weight), [weight]

    def sort_rows(self):
        weight, n_bits = self._weight(), int(self._rng.integers(1, 8))
        n_left = np.count_nonzero(weight)
        kept, bounds = np.full(len(weight), 9, np.uint16), np.full(2**n_bits + 1, -1)
        ordered = (np.full(n_left, 7, dtype=kind) for kind in (np.uint16, np.uint64, np.float64))
        places, hashes, weights = ordered
        arguments = self._few_hashes(), weight, 64 - n_bits, kept, bounds, places, hashes, weights
        return arguments, [bounds, places, hashes, weights]

    def restore_order(self):
        places = self._rng.permutation(self._n_rows).astype(np.uint16)[: int(self._rng.integers(5000))]
        weight = self._weight()[: len(places)]
        marks = np.full(-(-self._n_rows // 64), 2**64 - 1, dtype=np.uint64)
        entries = np.full(self._n_rows, 2**16 - 1, dtype=np.uint16)
        n_left = np.count_nonzero(weight)
        rows, ordered = np.full(n_left, -1), np.full(n_left, np.nan)
        start = int(self._rng.integers(2**40))
        return (places, weight, start, marks, entries, rows, ordered), [rows, ordered]
