"""Entropy, cross entropy and expected code length, of whatever has probabilities."""

import functools

import numpy as np

from ._dispatch import Measure, evaluate
from ._options import sum_up


def _not_negative(value):
    """Entries may sum to a little more than one, and single ones be a little larger."""
    return np.maximum(value, 0.0)


def _measure(kind, function, title, estimated):
    sum_arrays = functools.partial(sum_up, kind, finish=_not_negative)
    return Measure(function, title, sum_arrays, estimated=estimated)


_ENTROPY = _measure("entropy", "entropy", "entropy", "entropy")
_CROSS_ENTROPY = _measure("cross_entropy", "cross_entropy", "cross entropy", "cross_entropy")
_CODE_LENGTH = _measure("code_length", "expected_code_length", "expected code length", "cross_entropy")


def entropy(
    p,
    *,
    axis=-1,
    base=None,
    keepdims=False,
    log=False,
    normalize=False,
    nan_policy="raise",
    n_jobs=None,
    **options,
):
    """Return the entropy of probabilities.

    H(p) = -sum p log(p), with 0 log 0 = 0: the least expected length of a code for outcomes drawn from p.

    Parameters
    ----------
    p : object
        An array of probabilities, a fitted density, a frozen SciPy distribution, or data as a BitMatrix: its
        distinct rows and their frequencies.
    axis : int, default=-1
        Arrays only: axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    keepdims : bool, default=False
        Arrays only: whether the axis stays in the result, with length one.
    log : bool, default=False
        Arrays only: whether the arguments are natural logarithms of probabilities.
    normalize : bool, default=False
        Arrays only: whether to divide by the sums along the axis. Otherwise these must be one, within the
        square root of the epsilon of the argument's dtype.
    nan_policy : {"raise", "propagate", "omit"}, default="raise"
        Arrays only: what NaN does: an error, NaN as the result, or nothing, as if the entry were not there.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.
    **options
        What densities, distributions and data take besides, as in :func:`kl_divergence`.

    Returns
    -------
    float, ndarray or ExpectationResult
        Entropy in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base. If `method` is "exact" and there are more than 20 variables.
    TypeError
        If p is none of these, or an option belongs to another kind of them.
    sklearn.exceptions.NotFittedError
        If a density is not fitted.

    Notes
    -----
    The entropy of a density of more than 20 variables is estimated from samples; each sample of one of this
    library gives the sum of the entropies of its conditionals. The plug-in entropy of data is biased
    downward, by (K - 1) / 2n in the first order for K kinds of rows among n, and much where most rows differ:
    of n that all do it is log n, whatever they come from.

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
    >>> from fastmle import BernoulliMLE
    >>> coins = BernoulliMLE().fit([[0, 0], [0, 1], [1, 1], [1, 0]])
    >>> entropy(coins, base=2).mean.__round__(12)
    2.0
    """
    return evaluate(_ENTROPY, p, p, base, options, axis, keepdims, log, normalize, nan_policy, n_jobs)


def cross_entropy(
    p,
    q,
    *,
    axis=-1,
    base=None,
    keepdims=False,
    log=False,
    normalize=False,
    nan_policy="raise",
    n_jobs=None,
    **options,
):
    """Return the cross entropy of q relative to p.

    H(p, q) = -sum p log(q), with 0 log q = 0, and infinite where p > 0 and q = 0: the expected length of a
    code made for q when outcomes come from p.

    Parameters
    ----------
    p, q : object
        Two arrays of probabilities, of shapes that broadcast and as long as each other along `axis`; two
        fitted densities; two frozen SciPy distributions; or data and then a fitted density.
    axis : int, default=-1
        Arrays only: axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    keepdims : bool, default=False
        Arrays only: whether the axis stays in the result, with length one.
    log : bool, default=False
        Arrays only: whether the arguments are natural logarithms of probabilities.
    normalize : bool, default=False
        Arrays only: whether to divide by the sums along the axis. Otherwise these must be one, within the
        square root of the epsilon of the argument's dtype.
    nan_policy : {"raise", "propagate", "omit"}, default="raise"
        Arrays only: what NaN does: an error, NaN as the result, or nothing, as if the pair were not there.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.
    **options
        What densities, distributions and data take besides, as in :func:`kl_divergence`.

    Returns
    -------
    float, ndarray or ExpectationResult
        Cross entropy in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base. If densities or data do not have the same variables, or `method` is "exact" and
        there are more than 20 of them.
    TypeError
        If p and q are of no kinds that go together, or an option belongs to other kinds.
    sklearn.exceptions.NotFittedError
        If a density is not fitted.

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

    Of rows, it is minus their mean log-likelihood, with its standard error:

    >>> import numpy as np
    >>> from fastmle import FVSBN
    >>> X = np.repeat([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [30, 50, 20], axis=0)
    >>> print(cross_entropy(X, FVSBN().fit(X)))
    cross entropy in nats, 100 rows (plain)
      mean 1.149 ± 0.036, 0.95 interval [1.078, 1.221]
    """
    return evaluate(_CROSS_ENTROPY, p, q, base, options, axis, keepdims, log, normalize, nan_policy, n_jobs)


def expected_code_length(
    p,
    q,
    *,
    axis=-1,
    base=None,
    keepdims=False,
    log=False,
    normalize=False,
    nan_policy="raise",
    n_jobs=None,
    **options,
):
    """Return the expected length of a code made for q when outcomes come from p.

    H(p) + KL(p || q): what p costs at best, and the excess of a code for q. It is the cross entropy where q
    sums to one exactly; small excesses keep their digits beside a small entropy.

    Parameters
    ----------
    p, q : object
        Two arrays of probabilities, of shapes that broadcast and as long as each other along `axis`; two
        fitted densities; two frozen SciPy distributions; or data and then a fitted density.
    axis : int, default=-1
        Arrays only: axis of the outcomes, which is summed over.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    keepdims : bool, default=False
        Arrays only: whether the axis stays in the result, with length one.
    log : bool, default=False
        Arrays only: whether the arguments are natural logarithms of probabilities.
    normalize : bool, default=False
        Arrays only: whether to divide by the sums along the axis. Otherwise these must be one, within the
        square root of the epsilon of the argument's dtype.
    nan_policy : {"raise", "propagate", "omit"}, default="raise"
        Arrays only: what NaN does: an error, NaN as the result, or nothing, as if the pair were not there.
    n_jobs : int or None, default=None
        Number of threads, see :func:`fastmle.engine.effective_n_jobs`; the digits do not depend on it.
    **options
        What densities, distributions and data take besides, as in :func:`kl_divergence`.

    Returns
    -------
    float, ndarray or ExpectationResult
        Expected length in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base. If densities or data do not have the same variables, or `method` is "exact" and
        there are more than 20 of them.
    TypeError
        If p and q are of no kinds that go together, or an option belongs to other kinds.
    sklearn.exceptions.NotFittedError
        If a density is not fitted.

    References
    ----------
    Cover, T. M. and Thomas, J. A. (2006). Elements of Information Theory, 2nd edition, theorem 5.4.3. Wiley.

    Examples
    --------
    >>> from fastmle import expected_code_length
    >>> expected_code_length([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    1.207519
    """
    return evaluate(_CODE_LENGTH, p, q, base, options, axis, keepdims, log, normalize, nan_policy, n_jobs)
