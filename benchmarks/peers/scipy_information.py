"""SciPy's relative entropies, and scikit-learn's mutual information pair by pair."""

import numpy as np
from scipy import special, stats

from ._peer import Peer, same

# Broadcasting makes a table of rows times rows times outcomes: so many of the first rows at a time.
_ROWS = 16


class ScipyEntropy(Peer):
    name = "SciPy entropy"

    def divergence(self, problem, threads):
        p, q = problem.arrays
        return lambda: stats.entropy(p, q, axis=-1), same

    def pairwise_divergence(self, problem, threads):
        p, q = problem.arrays

        def call():
            parts = [p[start : start + _ROWS] for start in range(0, len(p), _ROWS)]
            return np.concatenate([stats.entropy(part[:, None], q, axis=-1) for part in parts])

        return call, same


class ScipyRelEntr(Peer):
    name = "SciPy rel_entr"

    def divergence(self, problem, threads):
        p, q = problem.arrays
        return lambda: special.rel_entr(p, q).sum(axis=-1), same

    def pairwise_divergence(self, problem, threads):
        p, q = problem.arrays

        def call():
            parts = [p[start : start + _ROWS] for start in range(0, len(p), _ROWS)]
            return np.concatenate([special.rel_entr(part[:, None], q).sum(axis=-1) for part in parts])

        return call, same


PEERS = [ScipyEntropy(), ScipyRelEntr()]
