"""Entropy, cross entropy and expected code length of probabilities given as arrays."""

import numpy as np

from ._options import in_base, sum_up


def _not_negative(value):
    """Entries may sum to a little more than one, and single ones be a little larger."""
    return np.maximum(value, 0.0)


def entropy(
    p, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the entropy of probabilities.

    H(p) = -sum p log(p), with 0 log 0 = 0: the least expected length of a code for outcomes drawn from p.

    Parameters
    ----------
    p : array-like of float
        Probabilities.
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
        What NaN does: an error, NaN as the result, or nothing, as if the entry were not there.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.

    Returns
    -------
    float or ndarray
        Entropy in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p does not hold real numbers.

    References
    ----------
    Shannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27.

    Examples
    --------
    >>> from fastmle import entropy
    >>> entropy([0.5, 0.25, 0.25], base=2)
    1.5
    >>> entropy([[0.5, 0.5], [1.0, 0.0]], base=2)
    array([1., 0.])
    """
    value = sum_up("entropy", p, p, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=_not_negative)
    return in_base(value, base)


def cross_entropy(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the cross entropy of q relative to p.

    H(p, q) = -sum p log(q), with 0 log q = 0, and infinite where p > 0 and q = 0: the expected length of a
    code made for q when outcomes come from p.

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
        Cross entropy in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, chapter 5. Wiley.

    Examples
    --------
    >>> from fastmle import cross_entropy
    >>> cross_entropy([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    1.207519
    >>> cross_entropy([0.5, 0.5], [1.0, 0.0])
    inf
    """
    value = sum_up(
        "cross_entropy", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=_not_negative
    )
    return in_base(value, base)


def expected_code_length(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the expected length of a code made for q when outcomes come from p.

    H(p) + KL(p || q): what p costs at best, and the excess of a code for q. It is the cross entropy where q
    sums to one exactly; small excesses keep their digits beside a small entropy.

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
        Expected length in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q does not hold real numbers.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, theorem 5.4.3. Wiley.

    Examples
    --------
    >>> from fastmle import expected_code_length
    >>> expected_code_length([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    1.207519
    """
    value = sum_up(
        "code_length", p, q, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=_not_negative
    )
    return in_base(value, base)
