"""Expectations of a user's function over distributions, models and data."""

from .estimation import estimate, make_quantity
from .integrand import make_integrand
from .quantities import Exponent, make_log_weights
from .states import LogMeanState


def expectation(
    g,
    P,
    *,
    n_samples=None,
    rtol=None,
    atol=None,
    confidence_level=0.95,
    max_samples=10**9,
    max_time=None,
    vectorized=False,
    weights=None,
    method="plain",
    n_replicates=16,
    control=None,
    control_mean=None,
    proposal=None,
    log_weights=None,
    self_normalized=False,
    rng=None,
    n_jobs=None,
    progress=False,
):
    """Estimate the expectation of g(x) for x drawn from P, with its standard error.

    The mean over T independent samples, ``(1/T) sum g(x_t)``, is unbiased, and its variance is that of g(x)
    over T (law of large numbers, central limit theorem). `g` is compiled into the loop that averages it, and
    the memory does not grow with the number of samples.

    Parameters
    ----------
    g : callable
        The integrand: a function of one sample, which is a float or a row (an array of floats). It returns a
        number, a bool, or a vector (an array or a tuple) of fixed length. It is compiled by Numba on first
        use, and again when something that it reads has changed; a function that is compiled already is taken
        as it is. Integers and bools are given to it as floats, unless it compiles for integers only, as
        indices are. Divisions by zero give infinities, which are reported. Random numbers that it draws
        itself do not come from `rng`.
    P : object
        What x is drawn from:

        * a frozen SciPy distribution of one or more dimensions, such as ``stats.norm(0, 1)``. Array
          parameters make rows with independent entries: ``stats.uniform([0, 0], 1)`` is the unit square;
        * a fitted density of this library, or another estimator with ``sample(n, random_state=)``, or
          with the parameter `random_state` and ``sample(n)``; x is a row;
        * data: an array, memory map, data frame or BitMatrix. Every row is taken once, and the standard error
          is that of the rows as a sample;
        * a sampler: a function ``(rng, n)`` that returns n samples, drawn with the NumPy generator `rng`;
        * None, where `proposal` and `log_weights` say it all.
    n_samples : int or None, default=None
        Number of samples; None takes a million where there is neither a tolerance nor a `max_time`.
    rtol, atol : float or None, default=None
        Go on until the half-width of the confidence interval is at most the larger of `atol` and
        ``rtol * abs(mean)``, in every component.
    confidence_level : float, default=0.95
        Level of that interval.
    max_samples : int, default=10**9
        Most samples that a tolerance may take.
    max_time : float or None, default=None
        Seconds after which to stop with what there is. Where that ends a run, its digits depend on the
        machine.
    vectorized : bool, default=False
        Whether `g`, `control` and `log_weights` are NumPy functions of a whole block of samples, with one
        value, or row of values, for each. They are then not compiled.
    weights : array-like of shape (n_rows,) or None, default=None
        Weights of the rows, where P is data: a weight of k counts as k rows. They should add up to the
        number of rows that they stand for, as the standard error goes with it.
    method : {"plain", "antithetic", "stratified", "sobol", "halton"}, default="plain"
        How points are chosen. All but the first go through the quantile function of P:

        * "antithetic": u and 1 - u in pairs, whose errors cancel for monotone g;
        * "stratified": one point in each of k^d equal cells;
        * "sobol", "halton": scrambled low-discrepancy sequences; for smooth g the error falls nearly as 1/T.

        The last three take `n_replicates` independent sets of points, whose means give the error.
    n_replicates : int, default=16
        Number of these sets, at least 2. Where a set takes fewer points than `n_samples` allows, as powers
        of two do, there are more sets.
    control : callable or None, default=None
        Control variates: a function of x, like `g`, with known expectations. Its coefficients are estimated,
        which the standard error takes into account and which leaves a bias of order 1/T. They go with the
        methods "plain" and "antithetic".
    control_mean : float or array-like of shape (n_controls,)
        Expectations of `control`.
    proposal : object or None, default=None
        A distribution q, of any kind that P may be, to draw from in place of P: importance sampling. It
        must be positive wherever ``g(x) p(x)`` is not zero. Data are rows that were drawn from q.
    log_weights : callable or None, default=None
        The logarithm of p(x)/q(x), a function like `g`; None asks P and the proposal for their log densities.
    self_normalized : bool, default=False
        Divide by the mean of the weights, which then need to be known up to a factor only. The estimate has
        a bias of order 1/T.
    rng : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        Seed. The same seed gives the same digits for any `n_jobs`.
    n_jobs : int or None, default=None
        Number of threads; None is 1 unless in a :func:`joblib.parallel_config` context, -1 all processors.
    progress : bool, default=False
        Show a progress bar (needs rich).

    Returns
    -------
    ExpectationResult
        ``mean``, ``standard_error``, ``confidence_interval(level)``, ``n_samples``, ``converged`` and
        diagnostics.

    Raises
    ------
    IntegrandError
        If Numba cannot compile `g`; the message has Numba's own.
    ValueError
        If a value is NaN or infinite (with the sample that it belongs to), or a parameter is not usable.
    TypeError
        If P is nothing that can be drawn from.
    sklearn.exceptions.NotFittedError
        If P is a model that is not fitted.

    Warns
    -----
    ConvergenceWarning
        If a tolerance was not reached within `max_samples` or `max_time`.
    HeavyTailWarning
        If the variance of g(x) is likely infinite, so that there is no valid interval.

    See Also
    --------
    log_expectation : The logarithm of an expectation of exponentials.

    Notes
    -----
    A random stream belongs to each block of samples, keyed by the seed and the number of the block; the sums
    of blocks are merged in order, pairwise, by the formulas of Chan, Golub & LeVeque. With a tolerance, the
    error is looked at after 8192 values or more and then a few times, never after each sample, as an
    interval that is tested all the time stops too early too often [1]_.

    References
    ----------
    .. [1] A. B. Owen, "Monte Carlo theory, methods and examples", 2013.

    Examples
    --------
    >>> import math
    >>> from scipy import stats
    >>> from fastmle import expectation
    >>> result = expectation(lambda x: math.exp(-x * x), stats.norm(), n_samples=10**6, rng=0)
    >>> abs(result.mean - 1 / math.sqrt(3)) < 4 * result.standard_error
    True

    The mean of a product over rows, until its interval is tight:

    >>> P = stats.multivariate_normal([1, 2], [[1, 0.5], [0.5, 1]])
    >>> result = expectation(lambda x: x[0] * x[1], P, rtol=0.01, rng=0)
    >>> low, high = result.confidence_interval(0.95)
    >>> result.converged, high - low <= 0.02 * result.mean
    (True, True)
    """
    integrand = make_integrand(g, vectorized=vectorized)
    quantity, make_state = make_quantity(
        integrand, P, vectorized, control, control_mean, proposal, log_weights, self_normalized
    )
    return estimate(
        quantity,
        make_state,
        proposal if proposal is not None else P,
        weights=weights,
        n_samples=n_samples,
        rtol=rtol,
        atol=atol,
        confidence_level=confidence_level,
        max_samples=max_samples,
        max_time=max_time,
        method=method,
        n_replicates=n_replicates,
        rng=rng,
        n_jobs=n_jobs,
        progress=progress,
        what="expectation",
    )


def log_expectation(
    h,
    P,
    *,
    n_samples=None,
    rtol=None,
    atol=None,
    confidence_level=0.95,
    max_samples=10**9,
    max_time=None,
    vectorized=False,
    proposal=None,
    log_weights=None,
    rng=None,
    n_jobs=None,
    progress=False,
):
    """Estimate log E[exp(h(x))] for x drawn from P, without overflow.

    ``m + log((1/T) sum exp(h(x_t) - m))``, with m the largest h(x_t). The standard error is that of the mean
    of exponentials over the mean, to first order; the estimate is low by half its square, to the same
    order.

    Parameters
    ----------
    h : callable
        The exponent: a function of one sample that returns a number, compiled as in :func:`expectation`.
        -infinity stands for a value of zero.
    P, n_samples, confidence_level, max_samples, max_time, vectorized, rng, n_jobs, progress
        As in :func:`expectation`.
    rtol, atol : float or None, default=None
        Tolerances of the logarithm: an `atol` of 0.01 is one per cent of the expectation.
    proposal, log_weights : optional
        As in :func:`expectation`: for a marginal likelihood, draw from a proposal close to the posterior.

    Returns
    -------
    ExpectationResult
        ``mean`` is the logarithm of the expectation.

    Raises
    ------
    IntegrandError, ValueError, TypeError, sklearn.exceptions.NotFittedError
        As in :func:`expectation`.

    See Also
    --------
    expectation : Expectations themselves.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle import log_expectation
    >>> result = log_expectation(lambda x: 1000 + x, stats.norm(), n_samples=10**6, rng=0)
    >>> abs(result.mean - 1000.5) < 4 * result.standard_error
    True
    """
    weights_of = None
    if proposal is not None:
        weights_of = make_log_weights(log_weights, P, proposal, vectorized)
    elif log_weights is not None:
        raise ValueError("log_weights need a proposal to draw from")
    return estimate(
        Exponent(make_integrand(h, vectorized=vectorized, name="h"), weights_of),
        LogMeanState,
        proposal if proposal is not None else P,
        weights=None,
        n_samples=n_samples,
        rtol=rtol,
        atol=atol,
        confidence_level=confidence_level,
        max_samples=max_samples,
        max_time=max_time,
        method="plain",
        n_replicates=None,
        rng=rng,
        n_jobs=n_jobs,
        progress=progress,
        what="log expectation",
    )
