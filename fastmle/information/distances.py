"""Distances between probabilities, with values from 0 to 1."""

import functools

import numpy as np

from ._dispatch import Measure, evaluate
from ._options import sum_up


def _half(value):
    return np.minimum(0.5 * value, 1.0)


def _root_of_half(value):
    return np.sqrt(np.minimum(0.5 * value, 1.0))


_TOTAL_VARIATION = Measure(
    "total_variation",
    "total variation distance",
    functools.partial(sum_up, "total_variation", finish=_half),
    has_base=False,
)
_HELLINGER = Measure(
    "hellinger",
    "Hellinger distance",
    functools.partial(sum_up, "hellinger", finish=_root_of_half),
    has_base=False,
)


def total_variation(
    p, q, *, axis=-1, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the total variation distance of p and q.

    sum |p - q| / 2: the largest difference between the probabilities that p and q give to one event.

    Parameters
    ----------
    p, q : array-like of float, or fitted densities
        Probabilities, of shapes that broadcast; as long as each other along `axis`. Or two densities over the
        same variables, 20 at most, whose states are summed over.
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
    float or ndarray; ExpectationResult for densities
        Distance from 0 to 1.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty.
    TypeError
        If p or q holds no real numbers, and is no fitted density.

    References
    ----------
    Levin, D. A. and Peres, Y. (2017). Markov Chains and Mixing Times, 2nd edition, chapter 4. AMS.

    Examples
    --------
    >>> from fastmle import total_variation
    >>> total_variation([0.5, 0.5], [0.25, 0.75])
    0.25
    """
    return evaluate(_TOTAL_VARIATION, p, q, None, {}, axis, keepdims, log, normalize, nan_policy, n_jobs)


def hellinger(p, q, *, axis=-1, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None):
    """Return the Hellinger distance of p and q.

    sqrt(sum (sqrt(p) - sqrt(q))^2 / 2): a metric, between 0 and 1.

    Parameters
    ----------
    p, q : array-like of float, or fitted densities
        Probabilities, of shapes that broadcast; as long as each other along `axis`. Or two densities over the
        same variables, 20 at most, whose states are summed over.
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
    float or ndarray; ExpectationResult for densities
        Distance from 0 to 1.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty.
    TypeError
        If p or q holds no real numbers, and is no fitted density.

    References
    ----------
    Le Cam, L. (1986). Asymptotic Methods in Statistical Decision Theory, chapter 4. Springer.

    Examples
    --------
    >>> from fastmle import hellinger
    >>> hellinger([1.0, 0.0], [0.0, 1.0])
    1.0
    """
    return evaluate(_HELLINGER, p, q, None, {}, axis, keepdims, log, normalize, nan_policy, n_jobs)
