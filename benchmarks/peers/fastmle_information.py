"""Divergences, mutual information and distinct rows of this library, through its public functions."""

from functools import partial

from fastmle import BitMatrix, kl_divergence, mutual_information, pairwise_kl

from ._peer import Peer, same


class FastmleInformation(Peer):
    name = "fastmle"

    def divergence(self, problem, threads):
        return partial(kl_divergence, *problem.arrays, n_jobs=threads), same

    def pairwise_divergence(self, problem, threads):
        return partial(pairwise_kl, *problem.arrays, n_jobs=threads), same

    def mutual_information(self, problem, threads):
        return partial(mutual_information, problem.X, n_jobs=threads), same

    def distinct_rows(self, problem, threads):
        bits = BitMatrix.from_packed(problem.packed, problem.n_features)
        return partial(bits.distinct_rows, n_jobs=threads), lambda distinct: distinct.sample_weight


PEERS = [FastmleInformation()]
