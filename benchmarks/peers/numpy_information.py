"""NumPy: the one-liners, and in place, by blocks that stay in the cache, in threads."""

import numpy as np

from ._blocks import sum_in_threads
from ._peer import Peer, Unsuitable, same


class NumpyOneLiners(Peer):
    name = "NumPy one-liner"

    def divergence(self, problem, threads):
        p, q = problem.arrays
        return lambda: (p * np.log(p / q)).sum(axis=-1), same

    def pairwise_divergence(self, problem, threads):
        p, q = problem.arrays
        return lambda: (p * np.log(p)).sum(axis=1)[:, None] - p @ np.log(q).T, same

    def mutual_information(self, problem, threads):
        X, n = problem.X, problem.n_samples

        def call():
            x = X.astype(np.float32)
            both = (x.T @ x).astype(np.float64)
            one = np.diagonal(both).copy()
            rest, total = n - one, np.zeros(both.shape)
            for cell, row, column in (
                (both, one, one),
                (one[:, None] - both, one, rest),
                (one - both, rest, one),
                (n - one[:, None] - one + both, rest, rest),
            ):
                with np.errstate(divide="ignore", invalid="ignore"):
                    terms = cell / n * np.log(cell * n / np.multiply.outer(row, column))
                total += np.where(cell > 0, terms, 0.0)
            return total

        return call, same

    def distinct_rows(self, problem, threads):
        packed = problem.packed
        return lambda: np.unique(packed, axis=0, return_counts=True)[1], same


class NumpyBlocks(Peer):
    name = "NumPy blocks, threads"

    def divergence(self, problem, threads):
        def sum_rows(p, q, room):
            np.log(np.divide(p, q, out=room), out=room)
            return np.einsum("ij,ij->i", p, room)

        return sum_in_threads(sum_rows, *problem.arrays, threads), same


class NumpyWords(Peer):
    """Rows of 64 columns as one number each."""

    name = "NumPy unique of words"

    def distinct_rows(self, problem, threads):
        if problem.n_features != 64:
            raise Unsuitable("a row is no word")
        words = problem.packed.view(np.uint64).ravel()
        return lambda: np.unique(words, return_counts=True)[1], same


class SumsOnly(Peer):
    """The time that it takes to add up both arrays, and nothing else: a bound, and no answer."""

    name = "sums of both arrays"

    def divergence(self, problem, threads):
        def sum_rows(p, q, room):
            return p.sum(axis=1) + q.sum(axis=1)

        return sum_in_threads(sum_rows, *problem.arrays, threads), lambda answer: None


PEERS = [NumpyOneLiners(), NumpyBlocks(), NumpyWords(), SumsOnly()]
