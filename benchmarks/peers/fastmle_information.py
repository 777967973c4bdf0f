"""Divergences, mutual information and distinct rows of this library, through its public functions."""

from functools import partial

from fastmle import kl_divergence, pairwise_kl

from ._peer import Peer, same


class FastmleInformation(Peer):
    name = "fastmle"

    def divergence(self, problem, threads):
        return partial(kl_divergence, *problem.arrays, n_jobs=threads), same

    def pairwise_divergence(self, problem, threads):
        return partial(pairwise_kl, *problem.arrays, n_jobs=threads), same


PEERS = [FastmleInformation()]
