"""Numba: the plain loop over draws, with one of NumPy's generators in each thread."""

import math

import numba
import numpy as np

from ._averages import FreshProcess, average_in_threads, only_mean
from ._peer import Peer

_fast = {"nogil": True, "fastmath": True, "cache": True}

_IMPORTS = "import math\nimport numba\nimport numpy as np"
_FIRST = """
@numba.njit
def average(rng, n):
    total = 0.0
    for _ in range(n):
        x = rng.standard_normal()
        total += math.exp(-x * x)
    return total / n


print(average(np.random.default_rng(0), {n_samples}))
"""


@numba.njit(**_fast)
def _normal(rng, n):
    total = 0.0
    for _ in range(n):
        x = rng.standard_normal()
        total += math.exp(-x * x)
    return total


@numba.njit(**_fast)
def _circle(rng, n):
    inside = 0
    for _ in range(n):
        x, y = rng.random(), rng.random()
        inside += x * x + y * y < 1
    return inside


@numba.njit(**_fast)
def _cube(rng, n, d, rate):
    total = 0.0
    for _ in range(n):
        square = 0.0
        for _ in range(d):
            square += (rng.random() - 0.5) ** 2
        total += math.exp(-rate * square)
    return total


@numba.njit(**_fast)
def _correlated(rng, n, factor):
    d = len(factor)
    normal = np.empty(d)
    total = 0.0
    for _ in range(n):
        square = 0.0
        for i in range(d):
            normal[i] = rng.standard_normal()
            x = 0.0
            for j in range(i + 1):
                x += factor[i, j] * normal[j]
            square += x * x
        total += math.exp(-0.5 * square)
    return total


@numba.njit(**_fast)
def _model(rng, n, W, b):
    d = len(b)
    x = np.empty(d, dtype=np.float32)
    count = 0
    for _ in range(n):
        for i in range(d):
            z = b[i]
            for j in range(i):
                z += W[i, j] * x[j]
            x[i] = rng.random(dtype=np.float32) * (np.float32(1) + math.exp(-z)) < np.float32(1)
        count += x[3] > x[7]
    return count


class NumbaAverages(Peer):
    name = "Numba loops"

    def normal_expectation(self, problem, threads):
        return _in_threads(_normal, problem, threads)

    def first_expectation(self, problem, threads):
        return FreshProcess(_IMPORTS, _FIRST.format(n_samples=problem.n_samples)), only_mean

    def circle_expectation(self, problem, threads):
        return _in_threads(_circle, problem, threads)

    def cube_expectation(self, problem, threads):
        return _in_threads(_cube, problem, threads, problem.n_features, problem.rate)

    def correlated_expectation(self, problem, threads):
        return _in_threads(_correlated, problem, threads, np.linalg.cholesky(problem.covariance))

    def model_expectation(self, problem, threads):
        arguments = (part.astype(np.float32) for part in (problem.coef, problem.intercept))
        return _in_threads(_model, problem, threads, *arguments)


def _in_threads(loop, problem, threads, *arguments):
    def make(rng):
        return lambda n: loop(rng, n, *arguments)

    workers = [make(np.random.Generator(np.random.SFC64(k))) for k in range(threads)]
    return average_in_threads(workers, problem.n_samples), only_mean


PEERS = [NumbaAverages()]
