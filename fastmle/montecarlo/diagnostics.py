"""What a running summary tells about its own reliability: tails, intervals, effective sizes."""

import numpy as np
from scipy.special import ndtri, stdtrit

from .. import kernels

_PLACES = kernels.SUMMARY_PLACES
# A fit of the tail takes these many of the largest values at least and at most: the list has one more,
# the threshold.
_LEAST_EXCEEDANCES = 5
_MOST_EXCEEDANCES = kernels.TAIL_SIZE - 1
# The weak prior of Vehtari et al.: as much as ten observations of a shape of one half.
_PRIOR_SIZE, _PRIOR_SHAPE = 10, 0.5
# Factors 1 - b x whose product is far from overflow.
_FACTORS = 8
# Zhang & Stephens' prior of the scale.
_SCALE_PRIOR = 3.0
# So many standard deviations above 1/2, of the estimate where the shape is 1/2, lies the limit. How many of
# 3000 samples passed it, of n = 10^4 and 10^6 values:
#   finite variance: normal, uniform, exponential, lognormal (sigma 1) 0; exp(x^2/5) (k = 0.4) 0.1 % and 0;
#     Pareto with k = 0.4 0.3 % and 0; k = 0.5, the boundary, 6 % and 7 %
#   infinite: Cauchy 100 %; Pareto with exponent 1.5 (k = 0.67) 65 % and 81 %; exp(0.35 x^2) (k = 0.7) 57 %
#     and 81 %; exp(0.3 x^2) (k = 0.6) 21 % and 32 %
# With lists of 128 instead of 512, the Pareto of exponent 1.5 passes in 40 % of the samples.
_LIMIT_DEVIATIONS = 1.5


def pareto_tail_index(largest, n):
    """Return the shape of the generalised Pareto distribution of the largest of n values.

    A tail whose probability falls like ``x^(-1/k)`` has the shape k: zero or less for light and bounded
    tails, 1/2 where the variance, and 1 where the mean becomes infinite. The largest M values exceed the
    one before them by the amounts ``x_i``. With ``k(b) = mean log(1 - b x_i)``, Zhang & Stephens [1]_ take
    the mean of b under its profile likelihood, ``log(-b / k) - k - 1`` for each x, times a weak prior; a
    second one draws k(b) to 1/2 by the weight of ten observations, and M is the least of n/5 and
    3 sqrt(n), as in [2]_, and of what a summary lists.

    Parameters
    ----------
    largest : array-like
        Largest values, in any order: as many as are known, in a summary 512 at most.
    n : float
        Number of values that they are the largest of.

    Returns
    -------
    float
        The shape; NaN where fewer than five values exceed the threshold, or all that do are equal.

    References
    ----------
    .. [1] J. Zhang and M. A. Stephens, "A new and efficient estimation method for the generalized Pareto
       distribution", Technometrics 51, 2009.
    .. [2] A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry, "Pareto smoothed importance sampling",
       Journal of Machine Learning Research 25, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.montecarlo.diagnostics import pareto_tail_index
    >>> cauchy = 1 / (np.arange(1, 1001) / 1001)  # evenly spaced quantiles of a tail of shape 1
    >>> round(pareto_tail_index(cauchy, 1000), 1)
    0.9
    """
    exceedances = _exceedances(np.sort(np.asarray(largest, dtype=np.float64))[::-1], n)
    return np.nan if exceedances is None else _fit_shape(exceedances)


def _exceedances(largest, n):
    """Return the exceedances to fit to, ascending and scaled; None where there are too few.

    `largest` is descending.
    """
    size = min(_n_exceedances(n), len(largest) - 1)
    if size < _LEAST_EXCEEDANCES:
        return None
    # Values may be large enough for their differences to overflow.
    scale = max(abs(largest[0]), abs(largest[size]))
    if scale == 0:
        return None
    scaled = largest[size::-1] / scale
    exceedances = scaled[1:] - scaled[0]
    if exceedances[0] == 0:
        exceedances = exceedances[exceedances > 0]  # ties of discrete values do not exceed
    if len(exceedances) < _LEAST_EXCEEDANCES or exceedances[0] == exceedances[-1]:
        return None
    return exceedances


def _n_exceedances(n):
    return int(min(n / 5, 3 * np.sqrt(n), _MOST_EXCEEDANCES))


def _fit_shape(exceedances):
    """Return the shape for ascending, positive exceedances."""
    n = len(exceedances)
    n_grid = 30 + int(np.sqrt(n))
    quartile = exceedances[int(n / 4 + 0.5) - 1]
    steps = np.sqrt(n_grid / (np.arange(1, n_grid + 1) - 0.5))
    grid = 1 / exceedances[-1] + (1 - steps) / (_SCALE_PRIOR * quartile)
    grid = grid[np.abs(grid) * exceedances[-1] > 1e-12]  # no shape can be told there: k / b is 0 / 0
    shapes = _mean_logs(1 - np.multiply.outer(grid, exceedances))
    likelihood = n * (np.log(-grid / shapes) - shapes - 1)
    weights = np.exp(likelihood - likelihood.max())
    shape = np.log1p(-(weights @ grid / weights.sum()) * exceedances).mean()
    return float((n * shape + _PRIOR_SIZE * _PRIOR_SHAPE) / (n + _PRIOR_SIZE))


def _mean_logs(factors):
    """Return means of logarithms along rows, most of which are taken of products: that is several
    times faster."""
    n_rows, n = factors.shape
    whole = n - n % _FACTORS
    products = factors[:, :whole].reshape(n_rows, _FACTORS, -1).prod(axis=1)
    return (np.log(products).sum(axis=1) + np.log(factors[:, whole:]).sum(axis=1)) / n


def tail_index(summary, *, only_heavy=False):
    """Return the larger of the shapes of both tails, for each component.

    Parameters
    ----------
    summary : Summary
        As merged to the end: while floors are in use, parts do not know their own tails.
    only_heavy : bool, default=False
        Whether NaN may be returned for tails that are light at first sight, which saves the fit.

    Returns
    -------
    ndarray of shape (c,)
        See :func:`pareto_tail_index`; NaN where neither tail has a shape.
    """
    shapes = np.full(summary.n_components, np.nan)
    for component in range(summary.n_components):
        if only_heavy and _has_no_extremes(summary.scalars[component].item):
            continue
        for largest in (summary.largest(component), -summary.smallest(component)):
            exceedances = _exceedances(largest, summary.count)
            if exceedances is not None and not (only_heavy and _is_light(exceedances)):
                shapes[component] = np.fmax(shapes[component], _fit_shape(exceedances))
    return shapes


def _has_no_extremes(entry):
    """Whether no value lies more than four standard deviations from the mean: then none counts for much."""
    mean, low, high = (entry(_PLACES[name]) for name in ("mean", "minimum", "maximum"))
    reach = max(high - mean, mean - low)
    return reach * reach * entry(_PLACES["count"]) <= 16 * entry(_PLACES["squares"])


def _is_light(exceedances):
    """Whether the mean square is less than twice the squared mean: it is 2 (1 - k) / (1 - 2 k) times that.

    Of samples whose fitted shape was above the limit none had less than 2.06 times, at n = 100; 2.8 from 300
    on.
    """
    return len(exceedances) * (exceedances @ exceedances) < 2 * exceedances.sum() ** 2


def tail_index_limit(n):
    """Return the tail index above which the variance is likely infinite, and errors not to be trusted.

    The variance is finite where the shape is below 1/2. Its estimate from M exceedances has a standard
    deviation of about ``(1 + k) / sqrt(M)``, or ``1.5 sqrt(M) / (M + 10)`` at 1/2 with the prior; the
    limit lies 1.5 of these above 1/2.

    Parameters
    ----------
    n : float
        Number of values.

    Returns
    -------
    float
        0.60 from some 30,000 values on, more for fewer.

    Examples
    --------
    >>> from fastmle.montecarlo.diagnostics import tail_index_limit
    >>> round(tail_index_limit(1e6), 2)
    0.6
    """
    size = max(_n_exceedances(n), _LEAST_EXCEEDANCES)
    return 0.5 + _LIMIT_DEVIATIONS * 1.5 * float(np.sqrt(size)) / (size + _PRIOR_SIZE)


def mean_interval(mean, standard_error, degrees_of_freedom, level=0.95):
    """Return Student's confidence interval, ``mean +- t s``.

    Parameters
    ----------
    mean, standard_error : array-like
        Broadcast against each other.
    degrees_of_freedom : array-like
        n - 1 for n values; infinity takes the normal distribution.
    level : float, default=0.95
        Probability that it covers the true mean.

    Returns
    -------
    low, high : ndarray

    Examples
    --------
    >>> from fastmle.montecarlo.diagnostics import mean_interval
    >>> low, high = mean_interval(1.0, 0.1, 9)
    >>> round(float(low), 4), round(float(high), 4)
    (0.7738, 1.2262)
    """
    half = stdtrit(degrees_of_freedom, (1 + level) / 2) * np.asarray(standard_error)
    return mean - half, mean + half


def wilson_interval(n_successes, n, level=0.95):
    """Return Wilson's confidence interval of a probability, which holds for no or all successes too.

    With the share p and the normal quantile z it is ``(p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) /
    (1 + z^2 / n)`` [1]_.

    Parameters
    ----------
    n_successes, n : array-like
        Broadcast against each other.
    level : float, default=0.95
        Probability that it covers the true one, about.

    Returns
    -------
    low, high : ndarray
        Between 0 and 1.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
       the American Statistical Association 22, 1927.

    Examples
    --------
    >>> from fastmle.montecarlo.diagnostics import wilson_interval
    >>> low, high = wilson_interval(0, 100)
    >>> float(low), round(float(high), 4)
    (0.0, 0.037)
    """
    n_successes, n = np.asarray(n_successes, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = ndtri((1 + level) / 2)
    n_failures = n - n_successes
    # Multiplied by n + z^2 throughout; rounding must not move what is 0 or 1.
    half = z * np.sqrt(n_successes * n_failures / n + z**2 / 4)
    low = np.where(n_successes == 0, 0.0, (n_successes + z**2 / 2 - half) / (n + z**2))
    high = np.where(n_failures == 0, 1.0, (n_successes + z**2 / 2 + half) / (n + z**2))
    return low, high


def effective_sample_size(total, total_of_squares):
    """Return Kish's effective size of a weighted sample, ``(sum w)^2 / sum w^2``.

    Parameters
    ----------
    total, total_of_squares : array-like
        Sums of the weights and of their squares.

    Returns
    -------
    ndarray
        Between 1 and the number of weights; 0 where all are zero.

    Examples
    --------
    >>> from fastmle.montecarlo.diagnostics import effective_sample_size
    >>> float(effective_sample_size(4.0, 10.0))  # weights 3 and 1
    1.6
    """
    total, total_of_squares = np.asarray(total, dtype=np.float64), np.asarray(total_of_squares)
    safe = np.where(total_of_squares > 0, total_of_squares, 1.0)
    return np.where(total_of_squares > 0, total / safe * total, 0.0)


def largest_contribution(summary):
    """Return how much of a mean hangs on a single value, ``max |g| / sum |g|``.

    A mean that few of a million values make up is none to rely on, whatever its standard error. For values of
    one sign the share is exact. Otherwise ``sum |g|`` is not known, and the largest of three lower bounds
    takes its place: ``|sum g|``, ``sum g^2 / max |g|``, and the sum over the values that are listed in the
    tails. So the share is never given as less than it is.

    Parameters
    ----------
    summary : Summary
        As merged to the end.

    Returns
    -------
    ndarray of shape (c,)
        Between 0 and 1; 0 where all values are zero.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.montecarlo.diagnostics import largest_contribution
    >>> from fastmle.montecarlo.summaries import Summary
    >>> summary = Summary()
    >>> summary.add(np.array([1.0, 2.0, 7.0]))
    >>> largest_contribution(summary)
    array([0.7])
    """
    n, mean, shares = summary.count, summary.mean, np.zeros(summary.n_components)
    largest = np.maximum(np.abs(summary.minimum), np.abs(summary.maximum))
    for component in np.flatnonzero((largest > 0) & (n > 0)):
        # In units of the largest, so that nothing overflows.
        unit = largest[component]
        totals = [n * abs(mean[component]) / unit]
        if summary.minimum[component] < 0 < summary.maximum[component]:
            upper, lower = summary.largest(component) / unit, summary.smallest(component) / unit
            totals.append(upper[upper > 0].sum() - lower[lower < 0].sum())
            totals.append(n * (mean[component] / unit) ** 2)
            if n > 1:
                totals[-1] += (n - 1) * summary.variance[component] / unit / unit
        shares[component] = 1 / max(1.0, *totals)
    return shares
