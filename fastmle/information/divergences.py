"""Divergences between probabilities given as arrays."""

import numpy as np

from ._options import in_base, sum_up, sum_up_renyi


def kl_divergence(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the Kullback-Leibler divergence of p from q.

    KL(p || q) = sum p log(p / q), summed up as the terms p log(p / q) - p + q, which are never negative;
    for p and q that sum to one it is the same. With 0 log 0 = 0, and infinite where p > 0 and q = 0.

    Terms near p = q are computed from (p - q) / (p + q), so that the result keeps its digits however small it
    is: relative errors are below 1e-13, for arguments as they are. (`normalize=True` rounds its quotients
    first.)

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
    axis : int, default=-1
        Axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
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
        Divergence in nats, or in units of `base`; at least 0, and infinite where p has what q excludes.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On information and sufficiency. Annals of Mathematical
    Statistics 22.

    Examples
    --------
    >>> from fastmle import kl_divergence
    >>> kl_divergence([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    0.207519
    >>> kl_divergence([0.25, 0.75], [0.5, 0.5], base=2).__round__(6)  # not symmetric
    0.188722
    >>> kl_divergence([[0.5, 0.5], [1.0, 0.0]], [0.0, 1.0])
    array([inf, inf])
    """
    return in_base(sum_up("kl", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs), base)


def js_divergence(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the Jensen-Shannon divergence of p and q.

    JS(p, q) = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2: symmetric, and at most log 2. Its
    square root is a metric (which SciPy calls the Jensen-Shannon distance).

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
    axis : int, default=-1
        Axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
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
        Divergence in nats, or in units of `base`; from 0 to log 2.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on Information
    Theory 37.

    Examples
    --------
    >>> from fastmle import js_divergence
    >>> js_divergence([1.0, 0.0], [0.0, 1.0], base=2).__round__(12)
    1.0
    """
    return in_base(sum_up("js", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs), base)


def jeffreys_divergence(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the Jeffreys divergence of p and q.

    KL(p || q) + KL(q || p) = sum (p - q) log(p / q): symmetric, and infinite where one of the two is zero
    alone.

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
    axis : int, default=-1
        Axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
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
        Divergence in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Jeffreys, H. (1946). An invariant form for the prior probability in estimation problems. Proceedings of
    the Royal Society A 186.

    Examples
    --------
    >>> from fastmle import jeffreys_divergence
    >>> jeffreys_divergence([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    0.396241
    """
    return in_base(sum_up("jeffreys", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs), base)


def renyi_divergence(
    p,
    q,
    alpha,
    *,
    axis=-1,
    base=None,
    keepdims=False,
    log=False,
    normalize=False,
    nan_policy="raise",
    n_jobs=None,
):
    """Return the Rényi divergence of order alpha of p from q.

    log(sum p^alpha q^(1 - alpha)) / (alpha - 1). Order 1 is the Kullback-Leibler divergence, its limit; order
    infinity is the logarithm of the largest p / q. Where p > 0 and q = 0 it is infinite for orders from 1 on.

    Small divergences are computed from terms that are zero at p = q, near order 1 as well.

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
    alpha : float
        Order, above 0; may be infinite.
    axis : int, default=-1
        Axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
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
        Divergence in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, if
        `alpha` is not positive, or if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    van Erven, T. and Harremoës, P. (2014). Rényi divergence and Kullback-Leibler divergence. IEEE
    Transactions on Information Theory 60.

    Examples
    --------
    >>> from fastmle import renyi_divergence
    >>> renyi_divergence([0.5, 0.5], [0.25, 0.75], 2, base=2).__round__(6)
    0.415037
    >>> renyi_divergence([0.5, 0.5], [0.25, 0.75], float("inf"), base=2).__round__(6)
    1.0
    """
    if not alpha > 0 or 1 - alpha == 1:
        raise ValueError(f"alpha must be positive (and above 1e-16), got {alpha!r}")
    if alpha == 1:
        value = sum_up("kl", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs)
    else:
        value = sum_up_renyi(float(alpha), p, q, axis, keepdims, log, normalize, nan_policy, n_jobs)
    return in_base(value, base)


def total_variation(
    p, q, *, axis=-1, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the total variation distance of p and q.

    sum |p - q| / 2: the largest difference between the probabilities that p and q give to one event.

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
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
        Distance from 0 to 1.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Levin, D. A. and Peres, Y. (2017). Markov Chains and Mixing Times, 2nd edition, chapter 4. AMS.

    Examples
    --------
    >>> from fastmle import total_variation
    >>> total_variation([0.5, 0.5], [0.25, 0.75])
    0.25
    """
    return sum_up("total_variation", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=_half)


def hellinger(p, q, *, axis=-1, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None):
    """Return the Hellinger distance of p and q.

    sqrt(sum (sqrt(p) - sqrt(q))^2 / 2): a metric, between 0 and 1.

    Parameters
    ----------
    p, q : array-like of float
        Probabilities, of shapes that broadcast; as long as each other along `axis`.
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
        Distance from 0 to 1.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Le Cam, L. (1986). Asymptotic Methods in Statistical Decision Theory, chapter 4. Springer.

    Examples
    --------
    >>> from fastmle import hellinger
    >>> hellinger([1.0, 0.0], [0.0, 1.0])
    1.0
    """
    return sum_up("hellinger", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=_root_of_half)


def _half(value):
    return np.minimum(0.5 * value, 1.0)


def _root_of_half(value):
    return np.sqrt(np.minimum(0.5 * value, 1.0))
