"""vegas without its adaption: samples in equal cells of the unit cube, in one thread.

Its processes (`nproc`) take longer than one alone, as all points travel to them and back.
"""

import numpy as np
import vegas

from ._averages import only_mean
from ._peer import Peer, Unsuitable


class VegasIntegrator(Peer):
    name = "vegas"

    def cube_expectation(self, problem, threads):
        d, rate = problem.n_features, problem.rate
        # Two cells an axis: with one, vegas draws all in one go, which takes longer.
        if problem.n_samples % 2 ** (d + 1):
            raise Unsuitable("the cells would not have as many samples each, two or more")

        @vegas.rbatchintegrand
        def peak(x):
            x = x - 0.5
            y = np.einsum("ij,ij->j", x, x)
            y *= -rate
            return np.exp(y, out=y)

        integrator = vegas.Integrator(
            d * [[0, 1]],
            nstrat=d * [2],
            neval=problem.n_samples,
            nitn=1,
            alpha=0,
            beta=0,
            adapt=False,
            min_neval_batch=20_000,  # whose points stay in the cache
            max_neval_hcube=5000,
            ran_array_generator=np.random.Generator(np.random.SFC64(0)).random,
        )

        def call():
            result = integrator(peak)
            if result.sum_neval != problem.n_samples:
                raise AssertionError(f"vegas took {result.sum_neval} samples, not {problem.n_samples}")
            return result

        return call, lambda result: only_mean(result.mean)


PEERS = [VegasIntegrator()]
