"""NumPy: as one writes it down in double precision, and single precision in place."""

import numpy as np
from scipy.special import expit, log_expit

from ._peer import Peer, SinglePrecision, same

# Entries of a block of rows: 4 MB each of logits and exponentials.
_BLOCK = 2**20


class NumpyDouble(Peer):
    name = "NumPy float64"

    def value_and_gradient(self, problem, threads):
        X, W, b = problem.X.astype(np.float64), problem.coef, problem.intercept

        def call():
            z = X @ W.T + b
            residual = X - expit(z)
            return log_expit((2 * X - 1) * z).sum(), residual.T @ X, residual.sum(axis=0)

        return call, same

    def score_samples(self, problem, threads):
        X, W, b = problem.X.astype(np.float64), problem.coef, problem.intercept
        return lambda: log_expit((2 * X - 1) * (X @ W.T + b)).sum(axis=1), same

    def pack(self, problem, threads):
        """With the check of the values."""

        def call():
            if (problem.X > 1).any():
                raise ValueError("not a table of bits")
            return np.packbits(problem.X, axis=1, bitorder="little")

        return call, _unpack(problem)


class NumpySingle(SinglePrecision):
    name = "NumPy float32"

    def value_and_gradient(self, problem, threads):
        X, W, b = _single(problem)
        sign = 1 - 2 * X
        d = X.shape[1]
        height = max(1, _BLOCK // d)
        logits, powers = np.empty((2, height, d), dtype=np.float32)

        def call():
            value, grad_coef = 0.0, np.zeros((d, d), dtype=np.float32)
            grad_intercept = np.zeros(d, dtype=np.float32)
            for start in range(0, len(X), height):
                x, s = X[start : start + height], sign[start : start + height]
                u, e = logits[: len(x)], powers[: len(x)]
                _losses_and_sigmoids(x, s, W, b, u, e)
                value -= u.sum(dtype=np.float64)
                e *= s
                grad_coef -= e.T @ x
                grad_intercept -= e.sum(axis=0)
            return value, grad_coef, grad_intercept

        return call, lambda answer: tuple(np.asarray(part, dtype=np.float64) for part in answer)

    def score_samples(self, problem, threads):
        X, W, b = _single(problem)
        sign = 1 - 2 * X
        height = max(1, _BLOCK // X.shape[1])
        logits, powers = np.empty((2, height, X.shape[1]), dtype=np.float32)
        scores = np.empty(len(X), dtype=np.float32)

        def call():
            for start in range(0, len(X), height):
                rows = slice(start, start + height)
                x = X[rows]
                u = logits[: len(x)]
                _losses_and_sigmoids(x, sign[rows], W, b, u, powers[: len(x)])
                np.negative(u.sum(axis=1), out=scores[rows])
            return scores

        return call, same

    def sample(self, problem, threads):
        """Column by column; a column's draws lie side by side, as the products need them."""
        _, W, b = _single(problem)
        rng = np.random.Generator(np.random.SFC64(0))

        def call():
            drawn = np.zeros((problem.n_features, problem.n_samples), dtype=np.float32)
            for i in range(problem.n_features):
                p = expit(W[i, :i] @ drawn[:i] + b[i])
                np.less(rng.random(problem.n_samples, dtype=np.float32), p, out=drawn[i], casting="unsafe")
            return drawn

        return call, np.transpose

    def gram(self, problem, threads):
        X = problem.X.astype(np.float32)
        return lambda: X.T @ X, same


class PackBits(Peer):
    """Without a check: other values than 0 and 1 become 1."""

    name = "np.packbits alone"

    def pack(self, problem, threads):
        return lambda: np.packbits(problem.X, axis=1, bitorder="little"), _unpack(problem)


def _single(problem):
    return tuple(part.astype(np.float32) for part in (problem.X, problem.coef, problem.intercept))


def _losses_and_sigmoids(x, s, W, b, u, e):
    """With z the logits and v = s z, leave softplus(v) in `u` and sigmoid(v) in `e`; no overflow."""
    np.matmul(x, W.T, out=u)
    u += b
    u *= s
    np.exp(-np.abs(u, out=e), out=e)
    more = 1 + e  # its logarithm is quicker than log1p
    np.divide(np.where(u > 0, np.float32(1), e), more, out=e)
    np.maximum(u, 0, out=u)
    u += np.log(more, out=more)


def _unpack(problem):
    return lambda packed: np.unpackbits(packed, axis=1, count=problem.n_features, bitorder="little")


PEERS = [NumpySingle(), NumpyDouble(), PackBits()]
