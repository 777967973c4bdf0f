"""The solver's metric: the curvature of every column's problem, from the one Gram matrix of the data."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from . import kernels
from .engine import map_units

# Vectors that are solved together: enough for the matrix kernels of BLAS, few enough that the leading
# block of the last is not much larger than that of the first.
_VECTORS_A_UNIT = 32
_CHOLESKY_BLOCK = 512


class GramMetric:
    """Inverse curvature of every column's problem, from the one Gram matrix of the data.

    Where its weights are zero, a column's problem has the Hessian ``c [1 X]^T [1 X] + alpha I``, with c
    the p(1 - p) of the column's mean; with c = 1/4 it is a bound everywhere (Boehning & Lindsay 1988).
    The problem of column i involves the leading i + 1 rows and columns, and the leading block of a
    Cholesky factor is the factor of the leading block: with one c for all, one factorisation serves all
    columns. The solver scales each column to the curvature that it meets.

    Parameters
    ----------
    gram : ndarray of shape (d, d)
        X^T X.
    ones : ndarray of shape (d,)
        Column sums.
    total : float
        Number, or weight, of the observations.
    alpha : float
        Penalty on the weights.
    pseudo : float
        Number of pseudo-observations, which involve the intercept alone.
    n_jobs : int or None, default=None
        Number of threads.
    """

    def __init__(self, gram, ones, total, alpha, pseudo=0.0, n_jobs=None):
        d = len(ones)
        share = np.clip(ones / total, 1e-6, 1 - 1e-6)
        curvature = np.exp(np.log(share * (1 - share)).mean())
        matrix = np.empty((d, d))
        matrix[0, 0] = curvature * (total + pseudo)
        matrix[0, 1:] = matrix[1:, 0] = curvature * ones[:-1]
        np.multiply(gram[:-1, :-1], curvature, out=matrix[1:, 1:])
        diagonal = np.einsum("ii->i", matrix)
        diagonal[1:] += alpha
        # Equal columns without a penalty make the matrix singular; their direction has no gradient.
        diagonal *= 1 + 1e-10
        diagonal += 1e-14 * diagonal.max()
        self._n_jobs = n_jobs
        self._factor = factorise(matrix, n_jobs)

    def solve(self, columns, vectors):
        """Replace each vector by the inverse curvature of its column times it.

        Parameters
        ----------
        columns : ndarray of int64, shape (k,), ascending
            The columns.
        vectors : ndarray of float64, shape (k, d), C-contiguous
            Row k is zero beyond entry ``columns[k]``.
        """
        sizes = columns + 1
        units = [slice(start, start + _VECTORS_A_UNIT) for start in range(0, len(columns), _VECTORS_A_UNIT)]

        def solve_unit(unit):
            kernels.solve_leading_blocks(self._factor, sizes[unit], vectors[unit])

        map_units(solve_unit, units, n_jobs=self._n_jobs, work=int((sizes**2).sum()))


def factorise(matrix, n_jobs=None, block=_CHOLESKY_BLOCK):
    """Return the Cholesky factor L of a symmetric matrix, in blocks between which Ctrl-C is answered.

    Parameters
    ----------
    matrix : ndarray of float64, shape (d, d), C-contiguous
        Symmetric and positive definite up to rounding; overwritten.
    n_jobs : int or None, default=None
        Number of threads.
    block : int, default=512
        Width of the blocks.

    Returns
    -------
    ndarray of shape (d, d)
        Lower triangular in its lower triangle; what stands above means nothing.
    """
    d = len(matrix)
    for start in range(0, d, block):
        stop = min(start + block, d)
        corner = matrix[start:stop, start:stop]
        ridge = 1e-10 * np.abs(np.einsum("ii->i", corner)).max()
        while True:
            try:
                factor = cholesky(corner, lower=True, check_finite=False)
                break
            except LinAlgError:  # rounding has made it indefinite
                np.einsum("ii->i", corner)[:] += ridge
                ridge *= 100
        matrix[start:stop, start:stop] = factor
        if stop == d:
            break
        strips = [slice(a, min(a + block, d)) for a in range(stop, d, block)]
        panel = matrix[:, start:stop]

        def solve(rows, factor=factor, panel=panel):
            panel[rows] = solve_triangular(factor, panel[rows].T, lower=True, check_finite=False).T

        def update(rows, panel=panel, stop=stop):
            matrix[rows, stop : rows.stop] -= panel[rows] @ panel[stop : rows.stop].T

        map_units(solve, strips, n_jobs=n_jobs)
        map_units(update, strips, n_jobs=n_jobs)
    return matrix
