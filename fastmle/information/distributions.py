"""Entropies and divergences of SciPy's distributions: closed forms, integrals, Monte Carlo."""

import math
import warnings

import numpy as np

from ..engine import RandomStreams
from ..exceptions import ConvergenceWarning, caller_level
from ..montecarlo.adapters import (
    as_distribution,
    freeze,
    is_categorical,
    is_scipy_distribution,
    parameters_of,
)
from ._families import entropy_closed_form, kl_closed_form
from ._lines import is_discrete, is_surely_infinite, lines_of
from ._options import unit_of
from ._pairs import sample
from ._quadrature import integrate
from ._summation import add_up
from ._terms import QUANTITIES

_METHODS = ("auto", "quadrature", "monte_carlo")
# Larger errors of integrals, beside the larger of the two, are warned of.
_ABSOLUTE_ERROR, _RELATIVE_ERROR = 1e-10, 1e-8
# Of rows with independent entries these are sums over the entries; they are measured in nats, too.
_ADDITIVE = {"entropy", "cross_entropy", "kl", "jeffreys"}
_WITHOUT_UNIT = {"total_variation", "hellinger"}


def is_distribution(obj):
    """Return whether the functions of this module take an object.

    Parameters
    ----------
    obj : object
        Anything.

    Returns
    -------
    bool
        True for SciPy's frozen distributions of one or more dimensions that have a density, for those with
        default parameters such as ``stats.norm``, for its newer distributions and for ``gaussian_kde``.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle.information.distributions import is_distribution
    >>> is_distribution(stats.norm(0, 1)), is_distribution([0.5, 0.5])
    (True, False)
    """
    return is_scipy_distribution(obj)


def kl_of_distributions(p, q, *, method="auto", base=None, **options):
    """Return the Kullback-Leibler divergence of the distribution p from q.

    KL(p || q), the integral or sum of p log(p / q): infinite where p has mass and q has none.

    Parameters
    ----------
    p, q : frozen SciPy distributions
        Both continuous or both discrete, with samples of the same shape. Array parameters make rows with
        independent entries, whose divergences add up.
    method : {"auto", "quadrature", "monte_carlo"}, default="auto"
        * "auto": the closed form where p and q belong to one family (normal, also multivariate,
          exponential, gamma with chi-squared, beta with uniform and arcsine, uniform, Dirichlet; Bernoulli
          and binomial with the same n, multinomial, Poisson, geometric, tables of outcomes) with parameters
          that allow it, such as the same location; otherwise "quadrature";
        * "quadrature": adaptive quadrature, or the sum over outcomes of discrete distributions. Of rows
          the entries must be independent;
        * "monte_carlo": the average over pairs of a sample of p and one of q, for all distributions with a
          density.
    base : float or None, default=None
        Base of the logarithm: None for nats, 2 for bits.
    **options
        With "monte_carlo": `n_samples` (pairs), `rtol`, `atol`, `confidence_level`, `max_samples`,
        `max_time`, `rng`, `n_jobs` and `progress`, as in :func:`fastmle.expectation`.

    Returns
    -------
    float or ExpectationResult
        Divergence in nats, or in units of `base`: at least 0. With "monte_carlo" an estimate with its
        standard error; its mean is infinite where p is found to have mass and q none.

    Raises
    ------
    ValueError
        If samples of p and q differ in shape, if parameters are not valid, if there is neither a closed
        form nor a line to integrate over, or if an option is not usable.
    TypeError
        If p or q is no distribution, if one is discrete and the other is not, or if options do not belong
        to the method.

    Warns
    -----
    ConvergenceWarning
        If the error of an integral is estimated as more than 1e-10 and more than 1e-8 of the value.

    Notes
    -----
    Closed forms are sums of terms that are never negative, so that small divergences keep their digits:
    relative errors are 1e-15 in most families, see ``_families.kl_closed_form``. Integrals are those of
    p log(p/q) - p + q, not negative either, but no better than SciPy's log densities: near p = q a relative
    error is that of log p over log(p/q).

    References
    ----------
    Kullback, S. and Leibler, R. A. (1951). On information and sufficiency. Annals of Mathematical
    Statistics 22.

    Hesterberg, T. (1995). Weighted average importance sampling and defensive mixture distributions.
    Technometrics 37.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle.information.distributions import kl_of_distributions
    >>> round(kl_of_distributions(stats.norm(0, 1), stats.norm(1, 2)), 12)
    0.44314718056
    >>> kl_of_distributions(stats.norm(0, 1), stats.uniform(0, 1))
    inf
    >>> p, q = stats.gamma(2), stats.lognorm(1)
    >>> exact = kl_of_distributions(p, q)
    >>> result = kl_of_distributions(p, q, method="monte_carlo", n_samples=20_000, rng=0)
    >>> abs(result.mean - exact) < 4 * result.standard_error
    True
    """
    return divergence_of_distributions("kl", p, q, method=method, base=base, **options)


def divergence_of_distributions(kind, p, q, *, method="auto", base=None, **options):
    """Return a divergence of two distributions.

    Parameters
    ----------
    kind : {"kl", "jeffreys", "js", "total_variation", "hellinger"}
        Which one. The last two have no unit, and take no `base`.
    p, q, method, base, **options
        As in :func:`kl_of_distributions`. Only "kl" and "jeffreys" have closed forms, and are integrated
        for rows of several numbers. "hellinger" is not estimated by Monte Carlo, as it is the root of a mean.

    Returns
    -------
    float or ExpectationResult

    Raises
    ------
    ValueError, TypeError
        As :func:`kl_of_distributions` does.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle.information.distributions import divergence_of_distributions
    >>> round(divergence_of_distributions("total_variation", stats.norm(0, 1), stats.norm(1, 1)), 12)
    0.382924922548
    """
    p, q = _checked_pair(p, q)
    if kind in _WITHOUT_UNIT and base is not None:
        raise ValueError(f"{QUANTITIES[kind].name} has no unit: base must be None")
    if kind == "hellinger" and method == "monte_carlo":
        raise ValueError('the Hellinger distance is the root of a mean; use method="quadrature"')

    def closed_form():
        if kind not in ("kl", "jeffreys"):
            return None
        value = kl_closed_form(p, q)
        if kind == "kl" or value is None:
            return value
        return value + kl_closed_form(q, p)

    value = _evaluate(kind, p, q, closed_form, method, base, options)
    return math.sqrt(value) if kind == "hellinger" else value


def cross_entropy_of_distributions(p, q, *, method="auto", base=None, **options):
    """Return the cross entropy of the distribution q relative to p.

    H(p, q), the integral or sum of -p log(q): H(p) + KL(p || q). Of continuous distributions it may be
    negative.

    Parameters
    ----------
    p, q, method, base, **options
        As in :func:`kl_of_distributions`. "monte_carlo" averages -log(q) over samples of p.

    Returns
    -------
    float or ExpectationResult
        Cross entropy in nats, or in units of `base`; infinite where p has mass and q has none.

    Raises
    ------
    ValueError, TypeError
        As :func:`kl_of_distributions` does.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle.information.distributions import cross_entropy_of_distributions
    >>> round(cross_entropy_of_distributions(stats.norm(0, 1), stats.norm(1, 2)), 12)
    1.862085713765
    """
    p, q = _checked_pair(p, q)

    def closed_form():
        divergence = kl_closed_form(p, q)
        if divergence is None or divergence == math.inf:
            return divergence
        return divergence + _evaluate("entropy", p, p, lambda: entropy_closed_form(p), "auto", None, {})

    return _evaluate("cross_entropy", p, q, closed_form, method, base, options)


def entropy_of_distribution(p, *, method="auto", base=None, **options):
    """Return the entropy of a distribution.

    H(p), the integral or sum of -p log(p): of continuous distributions the differential entropy, which may
    be negative.

    Parameters
    ----------
    p : frozen SciPy distribution
        With array parameters, rows with independent entries.
    method, base, **options
        As in :func:`kl_of_distributions`. "auto" takes SciPy's closed forms. "monte_carlo" averages -log(p)
        over samples of p.

    Returns
    -------
    float or ExpectationResult
        Entropy in nats, or in units of `base`.

    Raises
    ------
    ValueError, TypeError
        As :func:`kl_of_distributions` does.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle.information.distributions import entropy_of_distribution
    >>> round(entropy_of_distribution(stats.binom(1, 0.5), base=2), 12)
    1.0
    """
    p = _checked(p, "p")
    return _evaluate("entropy", p, p, lambda: entropy_closed_form(p), method, base, options)


def _evaluate(kind, p, q, closed_form, method, base, options):
    quantity, (unit, _) = QUANTITIES[kind], unit_of(base)
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}; got {method!r}")
    if method == "monte_carlo":
        return _sampled(quantity, p, q, unit, options)
    if options:
        raise TypeError(f'{", ".join(options)}: such options belong to method="monte_carlo"')
    value = closed_form() if method == "auto" else None
    if value is None:
        value = _integral(kind, p, q)
    return value / unit


def _integral(kind, p, q):
    """Return an integral over the line, or a sum, whose error has been looked at."""
    if not (_is_univariate(p) and _is_univariate(q)):
        raise ValueError(
            f"{QUANTITIES[kind].name} has no closed form here, and only numbers and the rows of array "
            'parameters, such as stats.norm([0, 1]), are integrated over; pass method="monte_carlo"'
        )
    pairs = _lines(p, q)
    if len(pairs) > 1 and kind not in _ADDITIVE:
        raise ValueError(
            f'{QUANTITIES[kind].name} of rows is no sum over their entries; pass method="monte_carlo"'
        )
    rule = add_up if is_discrete(p) else integrate
    with np.errstate(all="ignore"):  # SciPy computes what it then does not use
        values, errors = zip(*(rule(QUANTITIES[kind], *pair) for pair in pairs), strict=True)
    value, error = sum(values), sum(errors)
    if kind not in _ADDITIVE:
        value = min(value, 1.0)
    if not error <= max(_ABSOLUTE_ERROR, _RELATIVE_ERROR * abs(value)):
        warnings.warn(
            f"the error of {QUANTITIES[kind].name}, {value:.10g} nats, is estimated as {error:.2g}; "
            'method="monte_carlo" gives an estimate with an interval',
            ConvergenceWarning,
            stacklevel=caller_level(),
        )
    return value


def _sampled(quantity, p, q, unit, options):
    excluded = underflows = False
    if _is_univariate(p) and _is_univariate(q) and q is not p:
        pairs = _lines(p, q)
        underflows = any(line.underflows for _, line in pairs)
        excluded = any(is_surely_infinite(quantity, *pair) for pair in pairs)
    return sample(quantity, p, q, unit=unit, excluded=excluded, underflows=underflows, **options)


def _lines(p, q):
    """Return pairs of the distributions of the entries; they begin at the locations of p."""
    origin = 0.0
    if all(hasattr(P, "dist") and not is_categorical(P) for P in (p, q)):
        origin = parameters_of(p).loc
    lines = lines_of(p, origin)
    return list(zip(lines, lines if q is p else lines_of(q, origin), strict=True))


def _is_univariate(P):
    """Whether P is a distribution of numbers, or one of rows whose entries can be told apart."""
    return hasattr(P, "dist") or (hasattr(P, "icdf") and np.ndim(P.mean()) == 0)


def _checked_pair(p, q):
    """Return p and q, frozen, of which there is a divergence."""
    p, q = _checked(p, "p"), _checked(q, "q")
    kinds = ["discrete" if is_discrete(P) else "continuous" for P in (p, q)]
    if kinds[0] != kinds[1]:
        raise TypeError(f"p is {kinds[0]} and q is {kinds[1]}: they must be of one kind")
    shapes = [_row_shape(P) for P in (p, q)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"samples of p have the shape {shapes[0]}, those of q {shapes[1]}: they must agree")
    return p, q


def _checked(P, name):
    if not is_distribution(P):
        raise TypeError(f"{name} must be a frozen SciPy distribution, got {type(P).__name__}")
    return freeze(P)


def _row_shape(P):
    distribution = as_distribution(P)
    distribution.settle(RandomStreams(0))
    return distribution.row_shape
