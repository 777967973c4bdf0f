"""Divergences of all pairs of rows."""

import numpy as np

from .. import kernels
from ..engine import effective_n_jobs, map_units, single_threaded_blas, split_evenly
from ._options import unit_of
from ._sums import Pairs, plain_settings

# Results in memory at a time, beside the matrix of all.
_TILE_PAIRS = 2**18
_TILE_ENTRIES = 2**16
# A divergence below this part of what it is the difference of is summed up again.
_LEAST_PART = 0.03


def pairwise_kl(P, Q=None, *, base=None, log=False, normalize=False, n_jobs=None):
    """Return the Kullback-Leibler divergences of all rows of P from all rows of Q.

    With c the mean of all rows, KL(p || q) = KL(p || c) + KL(c || q) + sum (p - c) log(c / q), in which the
    last sums of all pairs are one matrix product. Divergences that are small against the first two, so that
    digits cancel, are summed up again as :func:`kl_divergence` does; the others are good to about 1e-13,
    relative to themselves. (Of logarithms the exponentials are rounded before, which counts where all rows
    are alike.)

    Parameters
    ----------
    P : array-like of float, shape (n_rows, n_outcomes)
        Probabilities, one distribution a row.
    Q : array-like of float, shape (n_others, n_outcomes), or None, default=None
        The same; None takes P.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    log : bool, default=False
        Whether the arguments are natural logarithms of probabilities.
    normalize : bool, default=False
        Whether to divide each row by its sum. Otherwise these must be one, within the square root of the
        epsilon of the argument's dtype.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_others)
        Divergences in nats, or in units of `base`; at least 0, and infinite where a row of P has what the
        row of Q excludes. Beside it, memory of the size of P and Q is needed.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit, or if `base` is no base.
    TypeError
        If P or Q does not hold real numbers.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On information and sufficiency. Annals of Mathematical
    Statistics 22.

    Examples
    --------
    >>> from fastmle import pairwise_kl
    >>> pairwise_kl([[0.5, 0.5], [1.0, 0.0]], base=2).round(6)
    array([[ 0., inf],
           [ 1.,  0.]])
    """
    P = np.asarray(P)
    Q = P if Q is None else np.asarray(Q)
    if P.ndim != 2 or Q.ndim != 2 or P.shape[1:] != Q.shape[1:]:
        raise ValueError(
            f"P and Q must be tables with as many columns as each other, got {P.shape}, {Q.shape}"
        )
    unit, _ = unit_of(base)
    p, log_p = _prepare(P, log, normalize, n_jobs, "P")
    q, log_q = (p, log_p) if Q is P else _prepare(Q, log, normalize, n_jobs, "Q")
    out = np.empty((len(P), len(Q)))
    if out.size == 0:
        return out
    near_p, near_q = (log_p, log_q) if log else (p, q)
    centre = (p.mean(axis=0) + q.mean(axis=0)) / 2
    excluded = q == 0 if not log else np.isneginf(log_q)
    holes = np.flatnonzero(excluded.any(axis=0))
    # Where q is zero, p has to be: that entry of the three sums is c, -c and 0.
    from_centre = _sum_rows(np.where(excluded, 0.0, centre), q) - excluded[:, holes] @ centre[holes]
    to_centre = _sum_rows(p, np.broadcast_to(centre, p.shape))
    logs, differences = _log_ratios(centre, q), p - centre

    def run(rows):
        tile = out[rows]
        np.matmul(differences[rows], logs.T, out=tile)
        sums = to_centre[rows, None] + from_centre
        tile += sums
        np.abs(sums, out=sums)
        sums *= _LEAST_PART
        again = np.nonzero(tile <= sums)
        for first in range(0, len(again[0]), step):
            i, j = (index[first : first + step] for index in again)
            tile[i, j] = _sum_rows(near_p[rows][i], near_q[j], log)
        if len(holes):
            present = (near_p[rows][:, holes] > (-np.inf if log else 0)).astype(np.float32)
            tile[present @ excluded[:, holes].T.astype(np.float32) > 0] = np.inf

    step = max(1, _TILE_ENTRIES // P.shape[1])
    n_tiles = -(-out.size // _TILE_PAIRS)
    effective_n_jobs(n_jobs)
    with single_threaded_blas():
        map_units(run, split_evenly(len(P), n_tiles), n_jobs=n_jobs, work=out.size * P.shape[1])
    return out if base is None else out / unit


def _sum_rows(p, q, log=False):
    """Return the divergences of rows side by side."""
    settings = plain_settings()
    settings[0, :2] = 0.0 if log else 1.0
    settings = np.broadcast_to(settings, (len(p), kernels.SUM_SETTINGS))
    results = np.empty((len(p), kernels.SUM_RESULTS))
    kernels.sum_probabilities(kernels.SUM_KINDS["kl"], log, False, p, q, settings, results)
    return results[:, 0].copy()


def _log_ratios(centre, q):
    """Return log(c / q), relative to itself also near zero, and zero where q is zero."""
    divisors = np.where(q > 0, q, 1.0)
    differences = np.where(q > 0, centre - q, 0.0)
    near = 2 * np.abs(differences) < divisors
    logs = np.log1p(np.where(near, differences / divisors, 0.0))
    far = ~near & (q > 0)
    logs[far] = np.log(np.broadcast_to(centre, q.shape)[far] / q[far])
    return logs


def _prepare(table, log, normalize, n_jobs, name):
    """Return the rows as probabilities, and the logarithms that were given, normalised."""
    options = {"axis": 1, "log": log, "normalize": normalize, "nan_policy": "raise", "n_jobs": n_jobs}
    pairs = Pairs(table, table, **options, names=name, offered=("log", "normalize"))
    _, scales = pairs.checked_sums("measure")
    scales = (0.0 if log else 1.0) if scales is None else scales[:, :1]
    if not log:
        return np.multiply(table, scales, dtype=np.float64), None
    logs = np.add(table, scales, dtype=np.float64)
    return np.exp(logs), logs
