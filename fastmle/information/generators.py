"""Divergences of a user's generator."""

import math

import numpy as np

from ..montecarlo.integrand import make_integrand
from ._sums import Pairs

# Ratios that are in memory at a time, beside their values and products.
_CHUNK = 2**14
_SMALLEST = 2.0**-1074


def f_divergence(
    p,
    q,
    f,
    *,
    slope=None,
    axis=-1,
    keepdims=False,
    log=False,
    normalize=False,
    nan_policy="raise",
    n_jobs=None,
):
    """Return the f-divergence of p from q for a generator f.

    D_f(p || q) = sum q f(p / q), for a convex f with f(1) = 0. Where q = 0 a term is p times `slope`, the
    limit of f(t) / t for large t; where both are zero it is 0. `f` is compiled by Numba on first use.
    Nothing is known of it, so that small divergences are rounded as f is near 1: prefer the functions that
    have a name.

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
    f : callable
        The generator, a function of one float. Where f(0) is NaN, as in 0 * log(0), its value at the smallest
        positive number is taken.
    slope : float or None, default=None
        Limit of f(t) / t as t goes to infinity, which may be infinite; needed where p > 0 and q = 0.
    axis : int, default=-1
        Axis of the outcomes, which is summed over.
    keepdims : bool, default=False
        Whether the axis stays in the result, with length one.
    log : bool, default=False
        Whether the arguments are natural logarithms of probabilities.
    normalize : bool, default=False
        Whether to divide by the sums along the axis. Otherwise these must be one, within the square root of
        the epsilon of the argument's dtype.
    nan_policy : {"raise", "propagate", "omit"}, default="raise"
        What NaN does: an error, NaN as the result, or nothing, as if the pair were not there.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    float or ndarray
        The divergence, in the units of `f`.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if a slope is needed and not given.
    TypeError
        If p or q does not hold real numbers, or f is no function.
    IntegrandError
        If Numba cannot compile f.

    References
    ----------
    Csiszár, I. (1967). Information-type measures of difference of probability distributions. Studia
    Scientiarum Mathematicarum Hungarica 2.

    Examples
    --------
    >>> from fastmle import f_divergence
    >>> f_divergence([0.5, 0.5], [0.25, 0.75], lambda t: (t - 1) ** 2).__round__(6)  # chi-squared
    0.333333
    """
    generator = make_integrand(f, name="f")
    pairs = Pairs(p, q, axis=axis, log=log, normalize=normalize, nan_policy=nan_policy, n_jobs=n_jobs)
    checked, scales = pairs.checked_sums("measure")
    if scales is None:
        scales = np.broadcast_to(0.0 if log else 1.0, (len(checked), 2))
    at_zero = _value_at_zero(generator)

    def run(rows, entries, p, q):
        n_rows, n_columns = max(1, _CHUNK // p.shape[1]), min(p.shape[1], _CHUNK)
        sums = np.zeros(len(p))
        for first in range(0, len(p), n_rows):
            part = slice(first, first + n_rows)
            for start in range(0, p.shape[1], n_columns):
                tile = slice(start, start + n_columns)
                sums[part] += sum_terms(p[part, tile], q[part, tile], scales[rows][part])
        return sums

    def sum_terms(p, q, scales):
        with np.errstate(all="ignore"):
            if log:
                p, q = np.exp(p + scales[:, :1]), np.exp(q + scales[:, 1:])
            else:
                p, q = p * scales[:, :1], q * scales[:, 1:]
            if pairs.omit:
                missing = np.isnan(p) | np.isnan(q)
                p[missing], q[missing] = 0.0, 0.0
            outside = q == 0
            values = generator.values(np.where(outside, 1.0, p / q).ravel())
            values = values.reshape(p.shape)
            values[p == 0] = at_zero
            sums = np.where(outside, 0.0, q * values).sum(axis=1)
        without_q = np.where(outside, p, 0.0).sum(axis=1)
        if (without_q > 0).any():
            if slope is None:
                raise ValueError(
                    "p has probability where q has none: pass slope, the limit of f(t) / t for large t "
                    "(perhaps infinite)"
                )
            sums[without_q > 0] += without_q[without_q > 0] * slope
        return sums

    values = np.zeros(len(checked))
    for rows, sums in pairs.map(run):
        values[rows] += sums
    values[np.isnan(checked).any(axis=1)] = np.nan
    return pairs.shaped(values, keepdims)


def _value_at_zero(generator):
    """Return f(0), or its limit where it is NaN."""
    value = generator.values(np.array([0.0, _SMALLEST]))
    if value.ndim != 1:
        raise ValueError("f must return one number")
    return float(value[1] if math.isnan(value[0]) else value[0])
