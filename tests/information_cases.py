"""The arguments of the kernel of divergences, for the walk over all kernels in test_kernels.py."""

import math

import numpy as np

from fastmle import kernels


class InformationCases:
    """Part of `Cases`: what is drawn comes from its generator `_rng`, of its shape."""

    def sum_probabilities(self):
        """Rows of every kind of entries, in every layout; a NaN only where it is left out."""
        draw, shape = self._rng.random, (self._n_rows % 7 + 1, self._n_columns)
        p, q = draw(shape) ** self._rng.choice([1, 30]), draw(shape)
        q = p * (1 + 1e-9 * q) if draw() < 0.2 else q
        p[draw(shape) < 0.1], q[(draw(shape) < 0.1) & (p == 0)] = 0.0, 0.0
        omit = bool(draw() < 0.3)
        if omit:
            p[draw(shape) < 0.1] = np.nan
        settings = np.zeros((len(p), kernels.SUM_SETTINGS))
        settings[:, :2], settings[:, 2] = 0.5 + draw((len(p), 2)), self._rng.choice([0.5, 0.999, 2.0])
        for n in range(kernels.SUM_SETTINGS - 4):
            settings[:, 4 + n] = sum(settings[0, 2] ** k for k in range(n + 1)) / math.factorial(n + 2)
        if self._weighted:
            with np.errstate(divide="ignore"):
                p, q = np.log(p), np.log(q)
        if draw() < 0.3:
            p = np.asfortranarray(p).astype(np.float32 if draw() < 0.5 else np.float64)
        p.flags.writeable = q.flags.writeable = False
        results = np.full((len(p), kernels.SUM_RESULTS), np.nan)
        kind = int(self._rng.integers(len(kernels.SUM_KINDS)))
        return (kind, self._weighted, omit, p, q, settings, results), [results]

    def inform_pairs(self):
        """Counts of tables of zeros and ones, some columns constant, in a unit of a power of two."""
        bits = self._bits.astype(np.float64)
        bits[:, self._rng.random(self._n_columns) < 0.1] = 1.0
        both, unit = bits.T @ bits, 2.0**-13
        ones, first = np.diagonal(both) * unit, int(self._rng.integers(self._n_columns))
        values = both[first:] * unit
        return (ones[first:].copy(), ones, self._n_rows * unit, values), [values]
