"""SciPy: the table as a sparse matrix, single precision; its products run on one thread."""

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, log_expit

from ._peer import SinglePrecision, Unsuitable, same


class ScipySparse(SinglePrecision):
    name = "SciPy CSR"

    def value_and_gradient(self, problem, threads):
        X, Xt, W, b, sign = _arrays(problem)

        def call():
            z = X @ W.T
            z += b
            residual = expit(-sign * z) * sign
            value = log_expit(np.multiply(z, sign, out=z)).sum(dtype=np.float64)
            return value, (Xt @ residual).T, residual.sum(axis=0)

        return call, same

    def score_samples(self, problem, threads):
        X, _, W, b, sign = _arrays(problem)
        return lambda: log_expit((X @ W.T + b) * sign).sum(axis=1), same

    def gram(self, problem, threads):
        X, Xt, *_ = _arrays(problem)
        return lambda: Xt @ X, lambda answer: answer.toarray()


def _arrays(problem):
    if problem.density > 0.05:
        raise Unsuitable("the table is not sparse")
    X = csr_array(problem.X.astype(np.float32))
    W, b = problem.coef.astype(np.float32), problem.intercept.astype(np.float32)
    return X, X.T.tocsr(), W, b, (2 * problem.X - 1.0).astype(np.float32)


PEERS = [ScipySparse()]
