"""The arguments of NADE's kernels, for the walk over all kernels in test_kernels.py."""

import numpy as np

from fastmle import kernels
from fastmle.kernels import NADE_COLUMNS

# The definitions hold all states of all rows.
_MOST_ROWS, _MOST_DRAWN = 130, 40


def frozen(array):
    array.flags.writeable = False
    return array


class NadeCases:
    """Part of `Cases`: what is drawn comes from its generator `_rng`, of its shape and precision."""

    def _rows(self, n_rows, n_columns=None):
        """Bytes of some rows, in the middle of a longer tile or a tile of their own; and their bits."""
        bits = self._bits[:n_rows].copy()
        if n_columns is not None:
            bits[:, n_columns:] = 0
        tile = np.packbits(bits, axis=1, bitorder="little").T
        if not self._weighted:
            return np.ascontiguousarray(tile)
        wide = np.full((len(tile), len(bits) + 9), 255, dtype=np.uint8)
        wide[:, 5 : 5 + len(bits)] = tile
        return wide[:, 5 : 5 + len(bits)]

    def _network(self):
        """Parameters padded to whole cache lines, and one more at times; and the length of a line."""
        lanes = 64 // self._dtype.itemsize
        n_hidden = int(self._rng.integers(1, 5 * lanes))
        line = (-(-n_hidden // lanes) + int(self._rng.integers(2))) * lanes
        weights = np.zeros((2, self._n_columns, line), dtype=self._dtype)
        weights[:, :, :n_hidden] = self._rng.normal(size=(2, self._n_columns, n_hidden))
        hidden_bias = np.zeros(line, dtype=self._dtype)
        hidden_bias[:n_hidden] = self._rng.normal(size=n_hidden)
        bias = self._normal(self._n_columns, dtype=self._dtype)
        arrays = weights[0], bias, weights[1], hidden_bias
        for array in arrays:
            array.flags.writeable = False
        return (*arrays, n_hidden, int(self._rng.integers(2))), line

    def _lines(self, n_rows, line):
        return np.full((kernels.nade_lines(n_rows), line), np.nan, dtype=self._dtype)

    def nade_log_likelihood(self):
        n_rows = min(self._n_rows, _MOST_ROWS)
        network, line = self._network()
        total = self._normal(n_rows)
        return (self._rows(n_rows), *network, self._lines(n_rows, line), total), [total]

    def nade_logits(self):
        n_rows = min(self._n_rows, _MOST_ROWS)
        network, line = self._network()
        logits = self._normal(n_rows, self._n_columns)
        return (self._rows(n_rows), *network, self._lines(n_rows, line), logits), [logits]

    def nade_represent(self):
        n_rows = min(self._n_rows, _MOST_ROWS)
        network, line = self._network()
        hidden = self._normal(n_rows, network[4])
        return (self._rows(n_rows), *network, self._lines(n_rows, line), hidden), [hidden]

    def _coarse_memory(self, n_hidden):
        line = (-(-n_hidden // 32) + int(self._rng.integers(2))) * 32
        weight = np.zeros((self._n_columns, line), dtype=np.int16)
        return weight, np.zeros((self._n_columns, 3), dtype=np.float32)

    def nade_odds(self):
        shape = self._n_rows % 200 + 1, 16 * int(self._rng.integers(1, 4))
        weight = self._rng.normal(size=shape).astype(np.float32)
        if self._weighted:
            weight *= 100.0
        odds, sums = np.zeros_like(weight), self._normal(2, shape[1], dtype=np.float32)
        return (frozen(weight), odds, sums), [odds, sums]

    def nade_coarsen(self):
        """Columns of weights of many sizes, some of which cannot be rounded."""
        (output, bias, _, _, n_hidden, _), _ = self._network()
        output = output * 10.0 ** self._rng.uniform(-3, 3, size=(self._n_columns, 1)).astype(np.float32)
        wild = [1e38, 1e-38, np.nan, np.inf, 1e3, 1e3]
        for number in self._rng.choice(wild, size=self._n_columns // 4):
            column, unit = self._rng.integers(self._n_columns), self._rng.integers(n_hidden)
            output[column, unit] = number
        output[self._rng.random(self._n_columns) < 0.1] = 0.0
        weight, terms = self._coarse_memory(n_hidden)
        return (frozen(output), bias, n_hidden, weight, terms), [weight, *terms.T]

    def nade_sample(self):
        # Of few draws none hangs on the last place of a probability.
        n_rows = min(self._n_rows, _MOST_DRAWN)
        network, line = self._network()
        n_given = int(self._rng.integers(self._n_columns + 1))
        tile = self._rows(n_rows, n_given)
        states = self._rng.integers(2**64, size=(1, 32), dtype=np.uint64)
        uniform = np.zeros((NADE_COLUMNS, n_rows), dtype=np.int32)
        output, bias, weights, hidden_bias, n_hidden, activation = network
        lanes = 128 // self._dtype.itemsize
        n_odds = lanes * int(self._rng.integers(n_hidden // lanes + 1)) if activation == 0 else 0
        coarse = None, None
        if self._weighted and activation == 0 and self._dtype == np.float32:
            coarse = self._coarse_memory(n_hidden)
            kernels.nade_coarsen(output, bias, n_hidden, *coarse)
        weights, hidden_bias = weights.copy(), hidden_bias.copy()
        for part in (weights[:, :n_odds], hidden_bias[:n_odds]):
            part[...] = np.exp(-part)
        network = output, bias, frozen(weights), frozen(hidden_bias), n_hidden, activation, n_odds
        return (tile, n_given, *network, *coarse, states, uniform, self._lines(n_rows, line)), [tile, states]

    def nade_add_gradient(self):
        n_rows = min(self._n_rows, _MOST_ROWS)
        network, line = self._network()
        weight = mask = None
        keep = 1.0
        if self._weighted:
            keep = 0.7
            weight = self._weight()[:n_rows]
            mask = (self._rng.random((n_rows, line)) < keep).astype(self._dtype) / self._dtype.type(keep)
            mask.flags.writeable = False
        smoothing = float(self._rng.choice([0.0, 0.1]))
        sums = [np.zeros(shape, dtype=self._dtype) for shape in (array.shape for array in network[:4])]
        for array in sums:
            array[...] = self._normal(*array.shape)
        value = self._normal(1)
        arguments = (self._rows(n_rows), *network, weight, mask, keep, smoothing, self._lines(n_rows, line))
        return (*arguments, value, *sums), [value, *sums]
