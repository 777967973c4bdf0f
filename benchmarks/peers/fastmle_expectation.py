"""Monte Carlo expectations of this library, through its public function."""

import math
from functools import partial

import numpy as np
from scipy import stats

from fastmle import expectation

from ._averages import FreshProcess
from ._peer import Peer
from .fastmle_fvsbn import make_model

_FIRST = """
result = expectation(lambda x: math.exp(-x * x), stats.norm(), n_samples={n_samples}, rng=0, n_jobs={threads})
print(result.mean, result.standard_error)
"""


class FastmleExpectation(Peer):
    name = "fastmle"

    def normal_expectation(self, problem, threads):
        return _average(lambda x: math.exp(-x * x), stats.norm(), problem, threads)

    def first_expectation(self, problem, threads):
        imports = "import math\nimport numba\nfrom scipy import stats\nfrom fastmle import expectation"
        call = FreshProcess(imports, _FIRST.format(n_samples=problem.n_samples, threads=threads))
        return call, lambda line: tuple(map(float, line.split()))

    def circle_expectation(self, problem, threads):
        return _average(lambda x: x[0] * x[0] + x[1] * x[1] < 1, stats.uniform([0, 0], 1), problem, threads)

    def cube_expectation(self, problem, threads):
        d, rate = problem.n_features, problem.rate

        def peak(x):
            total = 0.0
            for i in range(d):
                total += (x[i] - 0.5) * (x[i] - 0.5)
            return math.exp(-rate * total)

        return _average(peak, stats.uniform(np.zeros(d), 1), problem, threads)

    def correlated_expectation(self, problem, threads):
        d = problem.n_features

        def peak(x):
            total = 0.0
            for i in range(d):
                total += x[i] * x[i]
            return math.exp(-0.5 * total)

        P = stats.multivariate_normal(np.zeros(d), problem.covariance)
        return _average(peak, P, problem, threads)

    def model_expectation(self, problem, threads):
        return _average(lambda x: x[3] and not x[7], make_model(problem, threads), problem, threads)


def _average(g, P, problem, threads):
    call = partial(expectation, g, P, n_samples=problem.n_samples, rng=0, n_jobs=threads)
    return call, lambda result: (result.mean, result.standard_error)


PEERS = [FastmleExpectation()]
