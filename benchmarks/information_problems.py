"""Divergences of arrays, dependence between columns, distinct rows: the arrays, the answer, and how far one
is off.

As the other problems, they know nothing of the peers. All numbers are float64.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from problems import random_table
from scipy import special

# Rows of the first argument at a time in the answers of pairs.
_CHUNK = 64


def _relative(answer, right):
    return float(np.max(np.abs(answer - right) / np.maximum(np.abs(right), 1e-300)))


@dataclass(frozen=True, eq=False)
class Divergence:
    """Kullback-Leibler divergences of the rows of two arrays."""

    n_rows: int
    n_outcomes: int

    kind: ClassVar[str] = "divergence"
    # Arguments that sum to one up to rounding leave that much of freedom.
    tolerance: ClassVar[dict] = {"relative": 1e-10}
    flops: ClassVar[None] = None

    @property
    def name(self):
        shape = f"{self.n_rows:,} x {self.n_outcomes:,}" if self.n_rows > 1 else f"{self.n_outcomes:,}"
        return f"KL divergence {shape}"

    @cached_property
    def arrays(self):
        """Two arrays of shape (n_rows, n_outcomes), or (n_outcomes,) where there is one row."""
        rng = np.random.default_rng(0)
        shape = (self.n_rows, self.n_outcomes) if self.n_rows > 1 else (self.n_outcomes,)
        p, q = rng.exponential(size=(2, *shape))
        p /= p.sum(axis=-1, keepdims=True)
        q /= q.sum(axis=-1, keepdims=True)
        return p, q

    @property
    def n_bytes(self):
        return 2 * 8 * self.n_rows * self.n_outcomes

    @cached_property
    def answer(self):
        return special.kl_div(*self.arrays).sum(axis=-1)

    def errors(self, answer):
        return {"relative": _relative(answer, self.answer)}


@dataclass(frozen=True, eq=False)
class PairwiseDivergence:
    """Kullback-Leibler divergences of all rows of one array from all of another."""

    n_rows: int
    n_outcomes: int

    kind: ClassVar[str] = "pairwise_divergence"
    tolerance: ClassVar[dict] = {"relative": 1e-10}
    n_bytes: ClassVar[None] = None

    @property
    def name(self):
        return f"pairwise KL {self.n_rows} x {self.n_rows} rows of {self.n_outcomes}"

    @property
    def flops(self):
        return 2 * self.n_rows**2 * self.n_outcomes

    @cached_property
    def arrays(self):
        return Divergence(self.n_rows, self.n_outcomes).arrays

    @cached_property
    def answer(self):
        p, q = self.arrays
        parts = [p[a : a + _CHUNK] for a in range(0, len(p), _CHUNK)]
        return np.concatenate([special.kl_div(part[:, None], q).sum(axis=-1) for part in parts])

    def errors(self, answer):
        return {"relative": _relative(answer, self.answer)}


@dataclass(frozen=True, eq=False)
class MutualInformation:
    """Mutual information of all pairs of columns of a table of bits."""

    n_samples: int
    n_features: int
    density: float = 0.13

    kind: ClassVar[str] = "mutual_information"
    # Of independent columns it is some 1e-5 nats, a difference of numbers near one in the plain formula.
    tolerance: ClassVar[dict] = {"absolute": 1e-12}
    n_bytes: ClassVar[None] = None

    @property
    def name(self):
        return f"mutual information {self.n_samples} x {self.n_features}"

    @property
    def flops(self):
        return 2 * self.n_samples * self.n_features**2

    @cached_property
    def X(self):
        return random_table(self.n_samples, self.n_features, self.density)

    @cached_property
    def answer(self):
        n, both = self.n_samples, self.X.T.astype(np.float32) @ self.X.astype(np.float32)
        both, one = both.astype(np.float64), np.diagonal(both).astype(np.float64)
        total = np.zeros(both.shape)
        cells = both, one[:, None] - both, one[None] - both, n - one[:, None] - one[None] + both
        sides = [(one, one), (one, n - one), (n - one, one), (n - one, n - one)]
        for cell, (row, column) in zip(cells, sides, strict=True):
            total += special.kl_div(cell / n, np.multiply.outer(row, column) / n**2)
        return total

    def errors(self, answer):
        return {"absolute": float(np.abs(answer - self.answer).max())}


@dataclass(frozen=True, eq=False)
class DistinctRows:
    """How often each distinct row of a table of bits occurs; a share of the rows is drawn from few kinds.

    Parameters
    ----------
    n_features : int
        A multiple of 8.
    n_kinds : int
        Kinds of rows that repeat.
    """

    n_samples: int
    n_features: int
    n_kinds: int

    kind: ClassVar[str] = "distinct_rows"
    tolerance: ClassVar[dict] = {"rows of a wrong count": 0}
    flops: ClassVar[None] = None

    @property
    def name(self):
        return f"distinct rows {self.n_samples:,} x {self.n_features}, {self.n_kinds:,} kinds"

    @property
    def n_bytes(self):
        return self.n_samples * self.n_features // 8

    @cached_property
    def packed(self):
        """The rows as ``numpy.packbits(bitorder="little")`` gives them, (n_samples, n_features / 8)."""
        rng = np.random.default_rng(0)
        kinds = rng.integers(256, size=(self.n_kinds, self.n_features // 8), dtype=np.uint8)
        return kinds[rng.integers(self.n_kinds, size=self.n_samples)]

    @cached_property
    def answer(self):
        words = self.packed.view(f"V{self.packed.shape[1]}").ravel()
        if self.packed.shape[1] == 8:  # the same order of magnitude quicker
            words = words.view(np.uint64)
        return np.sort(np.unique(words, return_counts=True)[1])

    def errors(self, answer):
        counts = np.sort(answer)
        if len(counts) != len(self.answer):
            return {"rows of a wrong count": abs(len(counts) - len(self.answer))}
        return {"rows of a wrong count": int((counts != self.answer).sum())}
