"""Numba: parallel loops over the entries, or over the rows."""

import math

import numba
import numpy as np

from ._peer import Peer, same

_fast = {"parallel": True, "fastmath": True, "cache": True}


@numba.njit(**_fast)
def _vector(p, q):
    total = 0.0
    for i in numba.prange(len(p)):
        total += p[i] * math.log(p[i] / q[i])
    return total


@numba.njit(**_fast)
def _rows(p, q, out):
    for row in numba.prange(len(p)):
        total = 0.0
        for i in range(p.shape[1]):
            total += p[row, i] * math.log(p[row, i] / q[row, i])
        out[row] = total


class NumbaParallel(Peer):
    name = "Numba parallel loops"

    def divergence(self, problem, threads):
        p, q = problem.arrays
        out = np.empty(problem.n_rows)

        def call():
            numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
            if p.ndim == 1:
                return _vector(p, q)
            _rows(p, q, out)
            return out

        return call, same


PEERS = [NumbaParallel()]
