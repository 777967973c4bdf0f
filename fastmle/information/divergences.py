"""Divergences between probabilities given as arrays, or by fitted densities, distributions and data."""

import functools

from ._dispatch import Measure, evaluate
from ._options import sum_up, sum_up_renyi

_KL = Measure("kl_divergence", "Kullback-Leibler divergence", functools.partial(sum_up, "kl"), estimated="kl")
_JS = Measure("js_divergence", "Jensen-Shannon divergence", functools.partial(sum_up, "js"))
_JEFFREYS = Measure("jeffreys_divergence", "Jeffreys divergence", functools.partial(sum_up, "jeffreys"))


def kl_divergence(
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
    """Return the Kullback-Leibler divergence of p from q.

    KL(p || q) = sum p log(p / q), the excess length of a code made for q when outcomes come from p. With
    0 log 0 = 0, and infinite where p > 0 and q = 0.

    Parameters
    ----------
    p, q : object
        Both of one kind, or data and a density:

        * arrays of probabilities, of shapes that broadcast; as long as each other along `axis`;
        * fitted densities over the same variables: of this library, or with ``score_samples(X)`` and what
          :func:`fastmle.expectation` samples from;
        * frozen SciPy distributions;
        * p data (a BitMatrix, array or data frame of zeros and ones) and q a fitted density: the divergence
          of the empirical distribution.
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
        What else the other kinds take. Densities and distributions:

        * ``method="auto"``: "exact" sums over all 2^d rows, "monte_carlo" averages over samples of p. "auto"
          is exact up to 20 variables, and for independent ones;
        * ``n_samples``, ``rtol``, ``atol``, ``max_samples``, ``max_time``, ``rng``, ``progress``: what is
          sampled, as in :func:`fastmle.expectation`.

        Data: ``sample_weight``. All of these: ``confidence_level=0.95``.

    Returns
    -------
    float, ndarray or ExpectationResult
        Divergence in nats, or in units of `base`; at least 0. Arrays give a float or an array, densities and
        data a result with ``mean``, ``standard_error`` and ``confidence_interval()``; an exact one has no
        error.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or if
        `base` is no base. If densities or data do not have the same variables, or `method` is "exact" and
        there are more than 20 of them.
    TypeError
        If p and q are of no kinds that go together, or an option belongs to other kinds.
    sklearn.exceptions.NotFittedError
        If a density is not fitted.

    Warns
    -----
    ConvergenceWarning, HeavyTailWarning
        As :func:`fastmle.expectation`.

    Notes
    -----
    *Arrays*: the sum is that of the terms p log(p / q) - p + q, which are never negative; for p and q that
    sum to one it is the same. Terms near p = q are computed from (p - q) / (p + q), so that the result keeps
    its digits however small it is: relative errors are below 1e-13, for arguments as they are.
    (`normalize=True` rounds its quotients first.)

    *Samples*: of two densities of this library with the same order of variables, each sample gives the sum of
    the divergences of conditionals, KL(p(x_i | x_<i) || q(x_i | x_<i)), whose mean is the same by the chain
    rule. It is never negative and varies less than log p(x) - log q(x), which is taken otherwise.

    *Data*: the divergence is the cross entropy minus the plug-in entropy of the distinct rows [2]_, with a
    standard error by the delta method. The plug-in entropy of sparse data is biased downward (of n rows that
    all differ it is log n, whatever they come from), and the divergence upward by as much: only differences
    between densities are meaningful then.

    References
    ----------
    .. [1] S. Kullback and R. A. Leibler, "On information and sufficiency", Annals of Mathematical
       Statistics 22, 1951.
    .. [2] G. A. Miller, "Note on the bias of information estimates", in Information Theory in Psychology,
       1955.

    Examples
    --------
    >>> from fastmle import FVSBN, BernoulliMLE, kl_divergence
    >>> kl_divergence([0.5, 0.5], [0.25, 0.75], base=2).__round__(6)
    0.207519
    >>> kl_divergence([0.25, 0.75], [0.5, 0.5], base=2).__round__(6)  # not symmetric
    0.188722
    >>> kl_divergence([[0.5, 0.5], [1.0, 0.0]], [0.0, 1.0])
    array([inf, inf])

    What independent columns lose of a density, summed over its eight states:

    >>> import numpy as np
    >>> X = np.repeat([[0, 0, 1], [1, 1, 0], [1, 1, 1]], [30, 50, 20], axis=0)
    >>> print(kl_divergence(FVSBN().fit(X), BernoulliMLE(smoothing=0.5).fit(X)))
    Kullback-Leibler divergence in nats, 8 states (exact)
      mean 0.482501228063, without error
    """
    return evaluate(_KL, p, q, base, options, axis, keepdims, log, normalize, nan_policy, n_jobs)


def js_divergence(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the Jensen-Shannon divergence of p and q.

    JS(p, q) = KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2: symmetric, and at most log 2. Its
    square root is a metric (which SciPy calls the Jensen-Shannon distance).

    Parameters
    ----------
    p, q : array-like of float, or fitted densities
        Probabilities, of shapes that broadcast; as long as each other along `axis`. Or two densities over the
        same variables, 20 at most, whose states are summed over.
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
    float or ndarray; ExpectationResult for densities
        Divergence in nats, or in units of `base`; from 0 to log 2.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q holds no real numbers, and is no fitted density.

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
    return evaluate(_JS, p, q, base, {}, axis, keepdims, log, normalize, nan_policy, n_jobs)


def jeffreys_divergence(
    p, q, *, axis=-1, base=None, keepdims=False, log=False, normalize=False, nan_policy="raise", n_jobs=None
):
    """Return the Jeffreys divergence of p and q.

    KL(p || q) + KL(q || p) = sum (p - q) log(p / q): symmetric, and infinite where one of the two is zero
    alone.

    Parameters
    ----------
    p, q : array-like of float, or fitted densities
        Probabilities, of shapes that broadcast; as long as each other along `axis`. Or two densities over the
        same variables, 20 at most, whose states are summed over.
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
    float or ndarray; ExpectationResult for densities
        Divergence in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, or
        if `base` is no base.
    TypeError
        If p or q holds no real numbers, and is no fitted density.

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
    return evaluate(_JEFFREYS, p, q, base, {}, axis, keepdims, log, normalize, nan_policy, n_jobs)


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
    p, q : array-like of float, or fitted densities
        Probabilities, of shapes that broadcast; as long as each other along `axis`. Or two densities over the
        same variables, 20 at most, whose states are summed over.
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
    float or ndarray; ExpectationResult for densities
        Divergence in nats, or in units of `base`; at least 0.

    Raises
    ------
    ValueError
        If an entry is negative or NaN, if sums are not one, if shapes do not fit or the axis is empty, if
        `alpha` is not positive, or if `base` is no base.
    TypeError
        If p or q holds no real numbers, and is no fitted density.

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
    sum_arrays = (sum_up, "kl") if alpha == 1 else (sum_up_renyi, float(alpha))
    measure = Measure("renyi_divergence", "Rényi divergence", functools.partial(*sum_arrays))
    return evaluate(measure, p, q, base, {}, axis, keepdims, log, normalize, nan_policy, n_jobs)
