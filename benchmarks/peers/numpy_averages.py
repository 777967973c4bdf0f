"""NumPy's averages of draws: as one writes them down, and in place, by blocks that stay in the cache."""

import numpy as np
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from ._averages import average_in_threads, only_mean
from ._peer import Peer

# Numbers of a block, 256 kB in double precision; rows of a block of a model.
_BLOCK = 2**15
_MODEL_ROWS = 2048


class NumpyOneLiners(Peer):
    name = "NumPy one-liner"

    def normal_expectation(self, problem, threads):
        rng, n = np.random.default_rng(0), problem.n_samples
        return lambda: np.exp(-(rng.standard_normal(n) ** 2)).mean(), only_mean

    def circle_expectation(self, problem, threads):
        rng, n = np.random.default_rng(0), problem.n_samples

        def call():
            x, y = rng.random((2, n))
            return (x * x + y * y < 1).mean()

        return call, only_mean

    def cube_expectation(self, problem, threads):
        rng, shape, rate = np.random.default_rng(0), (problem.n_samples, problem.n_features), problem.rate
        return lambda: np.exp(-rate * ((rng.random(shape) - 0.5) ** 2).sum(axis=1)).mean(), only_mean

    def correlated_expectation(self, problem, threads):
        rng, n, covariance = np.random.default_rng(0), problem.n_samples, problem.covariance
        mean = np.zeros(problem.n_features)

        def call():
            x = rng.multivariate_normal(mean, covariance, n, method="cholesky")
            return np.exp(-0.5 * (x * x).sum(axis=1)).mean()

        return call, only_mean

    def model_expectation(self, problem, threads):
        rng, W, b = np.random.default_rng(0), problem.coef, problem.intercept

        def call():
            X = np.zeros((problem.n_samples, problem.n_features))
            for i in range(problem.n_features):
                X[:, i] = rng.random(len(X)) < expit(X[:, :i] @ W[i, :i] + b[i])
            return ((X[:, 3] == 1) & (X[:, 7] == 0)).mean()

        return call, only_mean


class NumpyBlocks(Peer):
    """With one generator a thread: NumPy lets go of the interpreter's lock while it draws and computes."""

    name = "NumPy blocks, threads"

    def normal_expectation(self, problem, threads):
        def make(rng):
            room = np.empty(_BLOCK)

            def worker(n):
                x = rng.standard_normal(out=room[:n])
                np.multiply(x, x, out=x)
                np.negative(x, out=x)
                return np.exp(x, out=x).sum()

            return worker

        return _in_threads(make, problem, threads, _BLOCK)

    def circle_expectation(self, problem, threads):
        def make(rng):
            room = np.empty((2, _BLOCK // 2))

            def worker(n):
                x = rng.random(out=room) if n == room.shape[1] else rng.random((2, n))
                np.multiply(x, x, out=x)
                return np.count_nonzero(np.add(x[0], x[1], out=x[0]) < 1)

            return worker

        return _in_threads(make, problem, threads, _BLOCK // 2)

    def cube_expectation(self, problem, threads):
        d, rate = problem.n_features, problem.rate

        def make(rng):
            room = np.empty((_BLOCK // d, d))

            def worker(n):
                x = rng.random(out=room[:n])
                x -= 0.5
                y = np.einsum("ij,ij->i", x, x)
                y *= -rate
                return np.exp(y, out=y).sum()

            return worker

        return _in_threads(make, problem, threads, _BLOCK // d)

    def correlated_expectation(self, problem, threads):
        d, factor = problem.n_features, np.linalg.cholesky(problem.covariance).T.copy()

        def make(rng):
            room, product = np.empty((2, _BLOCK // d, d))

            def worker(n):
                x = np.matmul(rng.standard_normal(out=room[:n]), factor, out=product[:n])
                y = np.einsum("ij,ij->i", x, x)
                y *= -0.5
                return np.exp(y, out=y).sum()

            return worker

        return _in_threads(make, problem, threads, _BLOCK // d)

    def model_expectation(self, problem, threads):
        """Single precision, column by column; a column's draws lie side by side, as products need them."""
        d, W, b = problem.n_features, np.float32(problem.coef), np.float32(problem.intercept)

        def make(rng):
            rooms = np.empty((d + 2) * _MODEL_ROWS, dtype=np.float32)

            def worker(n):
                drawn = rooms[: d * n].reshape(d, n)
                z, u = rooms[d * n : (d + 2) * n].reshape(2, n)
                for i in range(d):
                    # u < 1 / (1 + exp(-z)), without the quotient
                    np.matmul(-W[i, :i], drawn[:i], out=z)
                    z -= b[i]
                    np.exp(z, out=z)
                    z += 1
                    z *= rng.random(out=u, dtype=np.float32)
                    np.less(z, 1, out=drawn[i], casting="unsafe")
                return np.count_nonzero(drawn[3] > drawn[7])

            return worker

        return _in_threads(make, problem, threads, _MODEL_ROWS)


def _in_threads(make, problem, threads, size):
    workers = [make(np.random.Generator(np.random.SFC64(k))) for k in range(threads)]
    average = average_in_threads(workers, problem.n_samples, size)
    controller = ThreadpoolController()

    def call():
        with controller.limit(limits=1, user_api="blas"):  # the threads are there already
            return average()

    return call, only_mean


PEERS = [NumpyOneLiners(), NumpyBlocks()]
