"""Numba: the plain loops over rows in parallel; and the same walking the set bits only."""

import math

import numba
import numpy as np
from scipy.sparse import csr_array

from ._peer import SinglePrecision, Unsuitable, same

_fast = {"fastmath": True, "cache": True}
# Rows whose gradients are added up in single precision; the parts are added at the end.
_PART = 16384


@numba.njit(**_fast)
def _loss_and_residual(z, x):
    """Return the loss of an entry and minus its derivative; no overflow."""
    e = math.exp(-abs(z))
    sigmoid = (np.float32(1) if z > 0 else e) / (np.float32(1) + e)
    return max(z, np.float32(0)) - x * z + math.log(np.float32(1) + e), x - sigmoid


@numba.njit(parallel=True, **_fast)
def _value_and_gradient(X, W, b, parts):
    n, d = X.shape
    grad_coef = np.zeros((parts, d, d), dtype=np.float32)
    grad_intercept = np.zeros((parts, d), dtype=np.float32)
    value = np.zeros(parts)
    for part in numba.prange(parts):
        for r in range(n * part // parts, n * (part + 1) // parts):
            x = X[r]
            row_loss = np.float32(0)
            for i in range(d):
                z = b[i]
                for j in range(i):
                    z += W[i, j] * x[j]
                loss, residual = _loss_and_residual(z, x[i])
                row_loss += loss
                grad_intercept[part, i] += residual
                for j in range(i):
                    grad_coef[part, i, j] += residual * x[j]
            value[part] -= row_loss
    return value.sum(), grad_coef.sum(axis=0), grad_intercept.sum(axis=0)


@numba.njit(parallel=True, **_fast)
def _score_samples(X, W, b):
    n, d = X.shape
    scores = np.empty(n, dtype=np.float32)
    for r in numba.prange(n):
        score = np.float32(0)
        for i in range(d):
            z = b[i]
            for j in range(i):
                z += W[i, j] * X[r, j]
            score -= _loss_and_residual(z, X[r, i])[0]
        scores[r] = score
    return scores


@numba.njit(parallel=True, **_fast)
def _sample(uniform, W, b):
    n, d = uniform.shape
    drawn = np.empty((n, d), dtype=np.float32)
    for r in numba.prange(n):
        for i in range(d):
            z = b[i]
            for j in range(i):
                z += W[i, j] * drawn[r, j]
            drawn[r, i] = uniform[r, i] * (np.float32(1) + math.exp(-z)) < np.float32(1)
    return drawn


@numba.njit(**_fast)
def _walk_row(ones, Wt, b, z, x):
    """Set the bits of a row in x, and z to its logits."""
    z[:] = b
    for j in ones:
        x[j] = 1
        for i in range(j + 1, len(b)):
            z[i] += Wt[j, i]


@numba.njit(parallel=True, **_fast)
def _walk_value_and_gradient(starts, places, Wt, b, parts):
    n, d = len(starts) - 1, len(b)
    grad_coef_t = np.zeros((parts, d, d), dtype=np.float32)
    grad_intercept = np.zeros((parts, d), dtype=np.float32)
    value = np.zeros(parts)
    for part in numba.prange(parts):
        z = np.empty(d, dtype=np.float32)
        x = np.zeros(d, dtype=np.float32)
        for r in range(n * part // parts, n * (part + 1) // parts):
            ones = places[starts[r] : starts[r + 1]]
            _walk_row(ones, Wt, b, z, x)
            row_loss = np.float32(0)
            for i in range(d):
                loss, residual = _loss_and_residual(z[i], x[i])
                row_loss += loss
                z[i] = residual
                grad_intercept[part, i] += residual
            value[part] -= row_loss
            for j in ones:
                x[j] = 0
                for i in range(j + 1, d):
                    grad_coef_t[part, j, i] += z[i]
    return value.sum(), grad_coef_t.sum(axis=0), grad_intercept.sum(axis=0)


@numba.njit(parallel=True, **_fast)
def _walk_score_samples(starts, places, Wt, b, parts):
    n, d = len(starts) - 1, len(b)
    scores = np.empty(n, dtype=np.float32)
    for part in numba.prange(parts):
        z = np.empty(d, dtype=np.float32)
        x = np.zeros(d, dtype=np.float32)
        for r in range(n * part // parts, n * (part + 1) // parts):
            ones = places[starts[r] : starts[r + 1]]
            _walk_row(ones, Wt, b, z, x)
            score = np.float32(0)
            for i in range(d):
                score -= _loss_and_residual(z[i], x[i])[0]
            scores[r] = score
            for j in ones:
                x[j] = 0
    return scores


class NumbaLoops(SinglePrecision):
    name = "Numba loops"

    def value_and_gradient(self, problem, threads):
        numba.set_num_threads(threads)
        X, W, b = _single(problem.X), _single(problem.coef), _single(problem.intercept)
        parts = _parts(len(X), threads)
        return lambda: _value_and_gradient(X, W, b, parts), same

    def score_samples(self, problem, threads):
        numba.set_num_threads(threads)
        X, W, b = _single(problem.X), _single(problem.coef), _single(problem.intercept)
        return lambda: _score_samples(X, W, b), same

    def sample(self, problem, threads):
        numba.set_num_threads(threads)
        W, b = _single(problem.coef), _single(problem.intercept)
        rng = np.random.Generator(np.random.SFC64(0))
        shape = problem.n_samples, problem.n_features
        return lambda: _sample(rng.random(shape, dtype=np.float32), W, b), same


class NumbaSetBits(SinglePrecision):
    name = "Numba set bits"

    def value_and_gradient(self, problem, threads):
        arrays = _set_bits(problem, threads)

        def read(answer):
            value, grad_coef_t, grad_intercept = answer
            return value, grad_coef_t.T, grad_intercept

        parts = _parts(problem.n_samples, threads)
        return lambda: _walk_value_and_gradient(*arrays, parts), read

    def score_samples(self, problem, threads):
        arrays = _set_bits(problem, threads)
        return lambda: _walk_score_samples(*arrays, threads), same


def _single(array):
    return array.astype(np.float32)


def _parts(n_samples, threads):
    return threads * -(-n_samples // (_PART * threads))


def _set_bits(problem, threads):
    if problem.density > 0.25:
        raise Unsuitable("the table is not sparse")
    numba.set_num_threads(threads)
    X = csr_array(problem.X)
    return X.indptr, X.indices, _single(np.ascontiguousarray(problem.coef.T)), _single(problem.intercept)


PEERS = [NumbaLoops(), NumbaSetBits()]
