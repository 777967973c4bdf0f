"""The arguments of the kernels of random numbers, for the walk over all kernels in test_kernels.py."""

import numpy as np

from fastmle.montecarlo.alias import alias_table, categorical_parameters


class RandomCases:
    """Part of `Cases`: what is drawn comes from its generator `_rng`, of its shape."""

    def _state(self):
        return self._rng.integers(2**64, size=32, dtype=np.uint64)

    def _fill(self, parameters, dtype=np.float64):
        state, out = self._state(), np.full((self._n_rows, self._n_columns), -7, dtype=dtype)
        return (state, parameters, out), [state, out]

    def _location_and_scale(self):
        standard = np.repeat([0.0, 1.0], self._n_columns)
        return standard if self._weighted else self._normal(2 * self._n_columns)

    def start_generators(self):
        states = np.zeros((self._n_columns, 32), dtype=np.uint64)
        return (self._rng.integers(2**64, size=3, dtype=np.uint64), states), [states]

    def draw_words(self):
        state, words = self._state(), np.zeros(8 * self._n_rows, dtype=np.uint64)
        return (state, words), [state, words]

    def draw_bits(self):
        stream_columns = max(1, self._n_rows // 3)
        n_streams = -(-self._n_rows // stream_columns)
        states = self._rng.integers(2**64, size=(n_streams, 32), dtype=np.uint64)
        bits = np.zeros((self._n_columns, self._n_rows), dtype=np.int32)
        return (states, bits, stream_columns), [states, bits]

    def fill_uniform(self):
        return self._fill(self._location_and_scale())

    def fill_normal(self):
        return self._fill(self._location_and_scale())

    def fill_exponential(self):
        return self._fill(self._location_and_scale())

    def fill_bernoulli(self):
        certain = self._rng.integers(2, size=self._n_columns)
        open_interval = self._rng.random(self._n_columns)
        return self._fill(np.where(self._rng.random(self._n_columns) < 0.7, open_interval, certain), np.int64)

    def fill_categorical(self):
        dtype = np.float64 if self._weighted else np.int64
        tables = []
        for _ in range(self._n_columns):
            outcomes = self._normal(int(self._rng.integers(1, 40))).astype(dtype)
            tables.append(alias_table(self._rng.exponential(size=len(outcomes)), outcomes))
        return self._fill(categorical_parameters(tables), dtype)

    def fill_correlated(self):
        d = self._n_columns
        return self._fill(self._normal(d + d * (d + 1) // 2))

    def uniform_to_normal(self):
        uniform = self._rng.random(self._n_rows) ** self._rng.choice([0.1, 1.0, 10.0], size=self._n_rows)
        uniform[self._rng.random(self._n_rows) < 0.1] = self._rng.choice([-1.0, 0.0, 1.0, 2.0, np.nan])
        out = np.full(self._n_rows, -7.0)
        return (uniform, out), [out]
