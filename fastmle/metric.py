"""The solver's metric: the curvature of every column's problem, from the one Gram matrix of the data."""

import functools

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.special import expit

from . import kernels
from .engine import map_units

# Vectors that are solved together: enough for the matrix kernels of BLAS, few enough that the leading
# block of the last is not much larger than that of the first.
_VECTORS_A_UNIT = 32
_CHOLESKY_BLOCK = 512
# What the common curvature lacks of a column's own at the start, in its logarithm: not all of it, as
# p (1 - p) falls where columns are predicted.
_SCALE_POWER = 0.75

# A column's own metric comes from so many rows, drawn out of a random choice of so many; columns of more
# parameters than a quarter of them would know too little.
_DRAWN_ROWS = 2048
_PILOT_ROWS = 4096
_MOST_PARAMETERS = _DRAWN_ROWS // 4
_PILOT_SEED = 0x5EED
# Drawn rows that every parameter is taken to have met beside those that it has.
_MISSED = 0.25
# Total p (1 - p) a row below which a column counts as separated, and its Hessian as of no use.
_SEPARATED = 1e-9
# Numbers in all own factors together: 32 MB.
_MOST_NUMBERS = 2**22
_OWN_A_UNIT = 8
# Times in nanoseconds where they were measured; only the ratios count. An evaluation: for a row, with
# tables for each group of eight parameters, or with lists of set bits for the row and each of them; for each
# parameter. An own metric, by powers of the number of parameters, the highest first: to make it, to apply it.
_ROW_COST, _TABLE_COST, _LIST_COST, _BIT_COST, _STEP_COST = 1.2, 0.18, 2.5, 0.5, 70.0
_MAKING_COST = 1.5e-2, 12.0, 250.0, 190e3
_APPLYING_COST = 0.8, 0.0, 3e3
# Evaluations that a column needs with a metric of its own.
_LEFT_WITH_OWN = 7


class GramMetric:
    """Inverse curvature of every column's problem, from the one Gram matrix of the data.

    Where its weights are zero, a column's problem has the Hessian ``c [1 X]^T [1 X] + alpha I``, with c
    the p(1 - p) of the column's mean; with c = 1/4 it is a bound everywhere (Boehning & Lindsay 1988).
    The problem of column i involves the leading i + 1 rows and columns, and the leading block of a
    Cholesky factor is the factor of the leading block: with one c for all, one factorisation serves all
    columns. It is scaled to the column's own c in part, and by the solver to the curvature that it meets.

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
        share = np.clip((ones + pseudo / 2) / (total + pseudo), 1e-6, 1 - 1e-6)
        own_curvature = share * (1 - share)
        curvature = np.exp(np.log(own_curvature).mean())
        self._scale = (curvature / own_curvature) ** _SCALE_POWER
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
            vectors[unit] *= self._scale[columns[unit], None]

        map_units(solve_unit, units, n_jobs=self._n_jobs, work=int((sizes**2).sum()) // 16)  # short steps


class SampledMetric:
    """Inverse curvature of every column's problem: its own where it was refined, elsewhere the common one.

    A column's Hessian ``sum_r w_r p_r (1 - p_r) [1 x_r]^T [1 x_r] + alpha I`` is estimated from rows that
    are drawn in proportion to ``w p (1 - p)`` at the column's parameters: all drawn rows count the same,
    so that the sum is one of co-occurrence counts of bits.

    Parameters
    ----------
    common : GramMetric
        The metric of columns that have none of their own.
    bits : BitMatrix
        The data.
    alpha : float
        Penalty on the weights.
    pseudo : float
        Number of pseudo-observations, which involve the intercept alone.
    n_jobs : int or None, default=None
        Number of threads.
    """

    def __init__(self, common, bits, alpha, pseudo=0.0, n_jobs=None):
        self._common = common
        self._bits = bits
        self._alpha = alpha
        self._pseudo = pseudo
        self._n_jobs = n_jobs
        self._own = {}

    def solve(self, columns, vectors):
        """Replace each vector by the inverse curvature of its column times it, see :class:`GramMetric`."""
        own = np.array([column in self._own for column in columns.tolist()], dtype=bool)
        if not own.any():
            self._common.solve(columns, vectors)
            return
        if not own.all():
            others = vectors[~own]
            self._common.solve(columns[~own], others)
            vectors[~own] = others
        sizes = columns + 1

        def solve_unit(unit):
            for k in unit:
                factor = self._own[int(columns[k])]
                kernels.solve_leading_blocks(factor, sizes[k : k + 1], vectors[k : k + 1])

        places = np.flatnonzero(own)
        units = [places[start : start + _OWN_A_UNIT] for start in range(0, len(places), _OWN_A_UNIT)]
        map_units(solve_unit, units, n_jobs=self._n_jobs, work=int((sizes[places] ** 2).sum()))

    def refine(self, columns, theta, n_left):
        """Give metrics of their own to the columns that gain by it, as far as memory allows.

        Parameters
        ----------
        columns : ndarray of int64, shape (k,), ascending
            The columns.
        theta : ndarray of float64, shape (k, d)
            Their parameters.
        n_left : ndarray of float64, shape (k,)
            How many evaluations they are expected to need without.

        Returns
        -------
        ndarray of bool, shape (k,)
            Which columns have another metric now.
        """
        chosen = self._choose(columns, n_left)
        if not len(chosen):
            return np.zeros(len(columns), dtype=bool)
        drawn, weight = self._draw(columns[chosen], theta[chosen])
        useful = weight > _SEPARATED * self._bits.total_weight
        chosen, drawn, weight = chosen[useful], drawn[useful], weight[useful]

        def factorise_own(k):
            column, intercept = int(columns[chosen[k]]), theta[chosen[k], 0]
            self._own[column] = self._factorise(column, drawn[k], weight[k], intercept)

        # The largest first, so that the threads end together.
        map_units(factorise_own, range(len(chosen))[::-1], n_jobs=self._n_jobs)
        return np.isin(np.arange(len(columns)), chosen)

    def _choose(self, columns, n_left):
        """Return the places of the columns for which a metric of their own saves time, ascending."""
        sizes = columns + 1.0
        row_cost = np.minimum(_TABLE_COST * sizes / 8, _LIST_COST + _BIT_COST * self._bits.density * sizes)
        evaluation = self._bits.shape[0] * (_ROW_COST + row_cost) + _STEP_COST * sizes
        with_own = _LEFT_WITH_OWN * (evaluation + np.polyval(_APPLYING_COST, sizes))
        saved = n_left * evaluation - with_own - np.polyval(_MAKING_COST, sizes)
        saved[sizes > _MOST_PARAMETERS] = 0
        free = _MOST_NUMBERS - sum(factor.size for factor in self._own.values())
        chosen = []
        for k in np.lexsort((columns, -saved)):
            needed = 0 if int(columns[k]) in self._own else int(sizes[k]) ** 2
            if saved[k] > 0 and needed <= free:
                chosen.append(k)
                free -= needed
        return np.sort(np.array(chosen, dtype=np.int64))

    @functools.cached_property
    def _pilot(self):
        """The tile of rows from which others are drawn, in random order, and their weights."""
        n_samples = self._bits.shape[0]
        rng = np.random.Generator(np.random.SFC64(_PILOT_SEED))
        bits = self._bits[rng.choice(n_samples, min(n_samples, _PILOT_ROWS), replace=False)]
        weight = np.ones(len(bits)) if bits.sample_weight is None else bits.sample_weight
        weight = weight * (self._bits.total_weight / weight.sum())
        tile = np.concatenate([bits.tile(index) for index in range(bits.n_tiles)], axis=1)
        return tile, weight.astype(np.float32)[:, None]

    def _draw(self, columns, theta):
        """Return for each column rows drawn in proportion to their curvature, and its sum over all rows."""
        tile, row_weight = self._pilot
        n_rows, lanes = tile.shape[1], kernels.LANES["float32"]
        coef, intercept = theta[:, 1:], np.ascontiguousarray(theta[:, 0])
        drawn = np.zeros((len(columns), _DRAWN_ROWS), dtype=np.int32)
        weight = np.empty(len(columns))
        every_row = np.arange(n_rows, dtype=np.int32)

        def draw(start, scratch):
            block = slice(start, min(start + lanes, len(columns)))
            kernels.compute_logits(
                tile, columns[block].astype(np.int32), coef[block], intercept[block], scratch
            )
            odds = np.exp(-np.abs(scratch[-n_rows:, : block.stop - start]))
            sums = np.cumsum(row_weight * odds / (1 + odds) ** 2, axis=0, dtype=np.float64)
            weight[block] = sums[-1]
            # A row is drawn as often as steps of equal length over the sums end in it.
            ends = np.floor(sums * (_DRAWN_ROWS / np.maximum(sums[-1], 1e-300)) + 0.5).astype(np.int32)
            ends[-1] = _DRAWN_ROWS
            times = np.diff(ends, axis=0, prepend=0)
            for lane in range(block.stop - start):
                drawn[start + lane] = np.repeat(every_row, times[:, lane])

        map_units(
            draw,
            range(0, len(columns), lanes),
            n_jobs=self._n_jobs,
            workspace=lambda: np.empty((kernels.SCRATCH_LINES + n_rows, lanes), dtype=np.float32),
        )
        return drawn, weight

    def _factorise(self, column, drawn, weight, intercept):
        """Return the factor of a column's Hessian, from the rows that were drawn and what they stand for."""
        tile = np.take(self._pilot[0][: column // 8 + 1], drawn, axis=1)
        words = np.empty((column, _DRAWN_ROWS // 64), dtype=np.uint64)
        counts = np.zeros((column, column), dtype=np.int64)
        kernels.column_words(tile, words)
        kernels.count_pairs(words, 0, column, counts)
        share = weight / _DRAWN_ROWS
        matrix = np.empty((column + 1, column + 1))
        np.multiply(counts, share, out=matrix[1:, 1:])
        diagonal = np.einsum("ii->i", matrix)
        p = expit(intercept)
        matrix[0, 0] = weight + self._pseudo * p * (1 - p)
        matrix[0, 1:] = matrix[1:, 0] = diagonal[1:]
        diagonal[1:] += self._alpha + _MISSED * share
        return factorise(matrix, 1)


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
                factor = cholesky(corner.T, check_finite=False).T
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
