"""PyTorch's averages of draws: as one writes them down, and in single precision, in place, by blocks.

PyTorch draws in one thread, so the blocks have threads of their own, with one generator each. Sums of blocks
are in double precision.
"""

from functools import partial

import torch

from ._averages import average_in_threads, only_mean
from ._peer import Peer

# Numbers of a block, 256 kB; rows of a block of a model.
_BLOCK = 2**16
_MODEL_ROWS = 4096


class TorchOneLiners(Peer):
    name = "PyTorch one-liner"

    def normal_expectation(self, problem, threads):
        torch.set_num_threads(threads)
        n = problem.n_samples
        return lambda: torch.exp(-(torch.randn(n, dtype=torch.float64) ** 2)).mean(), only_mean

    def circle_expectation(self, problem, threads):
        torch.set_num_threads(threads)

        def call():
            x, y = torch.rand(2, problem.n_samples, dtype=torch.float64)
            return (x * x + y * y < 1).double().mean()

        return call, only_mean


class TorchBlocks(Peer):
    name = "PyTorch float32 blocks, threads"

    def normal_expectation(self, problem, threads):
        def make(generator):
            room = torch.empty(_BLOCK)

            def worker(n):
                x = room[:n].normal_(generator=generator)
                return _sum(x.square_().neg_().exp_())

            return worker

        return _in_threads(make, problem, threads, _BLOCK)

    def circle_expectation(self, problem, threads):
        def make(generator):
            room = torch.empty(_BLOCK)

            def worker(n):
                x, y = room[: 2 * n].uniform_(generator=generator).square_().view(2, n)
                return int(torch.count_nonzero(x.add_(y) < 1))

            return worker

        return _in_threads(make, problem, threads, _BLOCK // 2)

    def cube_expectation(self, problem, threads):
        d, rate = problem.n_features, problem.rate

        def make(generator):
            room = torch.empty(_BLOCK)

            def worker(n):
                x = room[: d * n].uniform_(generator=generator).sub_(0.5).square_().view(d, n)
                return _sum(x.sum(dim=0).mul_(-rate).exp_())

            return worker

        return _in_threads(make, problem, threads, _BLOCK // d)

    def correlated_expectation(self, problem, threads):
        d = problem.n_features
        factor = torch.linalg.cholesky(torch.from_numpy(problem.covariance)).float()

        def make(generator):
            rooms = torch.empty(2, _BLOCK)

            def worker(n):
                normal, x = rooms[:, : d * n].view(2, d, n)
                torch.mm(factor, normal.normal_(generator=generator), out=x)
                return _sum(x.square_().sum(dim=0).mul_(-0.5).exp_())

            return worker

        return _in_threads(make, problem, threads, _BLOCK // d)

    def model_expectation(self, problem, threads):
        """Column by column; a column's draws lie side by side, as the products need them."""
        d = problem.n_features
        W, b = torch.from_numpy(problem.coef).float(), torch.from_numpy(problem.intercept).float()

        def make(generator):
            room = torch.empty((d + 1) * _MODEL_ROWS)

            def worker(n):
                drawn, u = room[: d * n].view(d, n), room[d * n : (d + 1) * n]
                for i in range(d):
                    p = torch.sigmoid_(torch.mv(drawn[:i].T, W[i, :i]).add_(b[i]))
                    torch.lt(u.uniform_(generator=generator), p, out=drawn[i])
                return int(torch.count_nonzero(drawn[3] > drawn[7]))

            return worker

        return _in_threads(make, problem, threads, _MODEL_ROWS)


def _sum(x):
    return float(x.sum(dtype=torch.float64))


def _in_threads(make, problem, threads, size):
    generators = [torch.Generator().manual_seed(seed) for seed in range(threads)]
    workers = [torch.inference_mode()(make(generator)) for generator in generators]
    initializer = partial(torch.set_num_threads, 1)
    return average_in_threads(workers, problem.n_samples, size, initializer), only_mean


PEERS = [TorchOneLiners(), TorchBlocks()]
