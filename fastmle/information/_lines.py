"""Distributions of one number, as integrals and sums see them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..montecarlo.adapters import (
    categories_of,
    is_categorical,
    is_discrete_variable,
    log_density_of,
    parameters_of,
)

# The least positive number.
LEAST = 2.0**-1074
LOG_LEAST = math.log(LEAST)


class Line(NamedTuple):
    """A distribution of one number.

    Attributes
    ----------
    log_density, cumulative, survival, quantile : callable
        Logarithm of the density or probability, probability up to x and above x, and quantile, of arrays.
    low, high : float
        Ends of the support.
    outcomes : ndarray or None
        All outcomes, where they need not be consecutive.
    is_discrete : bool
        Whether it has probabilities.
    underflows : bool
        Whether the logarithm is taken of a density, so that it is infinite where that underflows.
    """

    log_density: Callable
    cumulative: Callable
    survival: Callable
    quantile: Callable
    low: float
    high: float
    outcomes: np.ndarray | None
    is_discrete: bool
    underflows: bool


def lines_of(P, origin=0.0):
    """Return the distributions of the entries of the rows of a univariate distribution.

    Parameters
    ----------
    P : frozen distribution
        Univariate, of SciPy's older kind, or of the newer one and without array parameters.
    origin : array-like, default=0.0
        What is subtracted from the locations of a continuous distribution.

    Returns
    -------
    list of Line
    """
    if not hasattr(P, "dist"):
        return [_line_of_variable(P)]
    if is_categorical(P):
        return [_line(P, categories_of(P)[0])]
    shapes, loc, scale, row_shape = parameters_of(P)
    own = [*shapes, loc] if is_discrete(P) else [*shapes, loc - np.asarray(origin), scale]
    *columns, _ = np.broadcast_arrays(*own, np.empty(row_shape))
    return [_line(P.dist(*entry)) for entry in zip(*(column.ravel() for column in columns), strict=True)]


def is_discrete(P):
    """Whether the samples of a distribution of any kind have probabilities, not densities."""
    if hasattr(P, "dist"):
        return isinstance(P.dist, stats.rv_discrete)
    return is_discrete_variable(P) or not hasattr(P, "logpdf")


def _line(P, outcomes=None):
    kind, name = (stats.rv_discrete, "_logpmf") if is_discrete(P) else (stats.rv_continuous, "_logpdf")
    underflows = getattr(type(P.dist), name) is getattr(kind, name) and not isinstance(P.dist, _EXACT_ZEROS)
    # On the circle, SciPy's density goes on and on.
    circular = isinstance(P.dist, type(stats.vonmises)) and P.dist.name == "vonmises"
    low, high = (-np.pi, np.pi) if circular else (float(end) for end in P.support())
    return Line(log_density_of(P), P.cdf, P.sf, P.ppf, low, high, outcomes, is_discrete(P), underflows)


# Where the density of one of these is zero, it is so.
_EXACT_ZEROS = stats.rv_histogram, type(stats.laplace), type(stats.rv_discrete(values=([0], [1.0])))


def _line_of_variable(P):
    """One of SciPy's newer distributions."""
    low, high = (float(end) for end in P.support())
    return Line(log_density_of(P), P.cdf, P.ccdf, P.icdf, low, high, None, is_discrete(P), False)


def common_support(p, q):
    """Return the ends of the interval on which both p and q are, and what each has outside of it.

    Ends that differ by rounding are the same ends.
    """
    low, high = max(p.low, q.low), min(p.high, q.high)
    ends = np.array([p.low, p.high, q.low, q.high, 0.0])
    slack = 4 * np.finfo(float).eps * np.abs(ends[np.isfinite(ends)]).max()
    masses = []
    for line in (p, q):
        mass = 0.0
        if not (line.low == low or low - line.low <= slack):
            mass += max(float(line.cumulative(low)), LEAST)
        if not (line.high == high or line.high - high <= slack):
            mass += max(float(line.survival(high)), LEAST)
        masses.append(mass)
    return low, high, *masses


def on_one_lattice(p, q):
    """Whether the outcomes of two discrete distributions are whole numbers, up to one and the same shift."""
    if p.outcomes is not None or q.outcomes is not None:
        return False
    return (float(p.quantile(0.5)) - float(q.quantile(0.5))) % 1 == 0


def is_surely_infinite(quantity, p, q):
    """Whether the supports of p and q tell that a quantity is infinite."""
    return (quantity.of_p == math.inf and _reaches_out(p, q)) or (
        quantity.of_q == math.inf and _reaches_out(q, p)
    )


def _reaches_out(p, q):
    """Whether the supports alone tell that p has mass outside the support of q, however little it is."""
    if not p.is_discrete:
        return common_support(p, q)[2] > 0
    if not on_one_lattice(p, q):
        return p.outcomes is None and q.outcomes is None
    beyond = [end for end, out in ((q.low - 1, p.low < q.low), (q.high + 1, p.high > q.high)) if out]
    with np.errstate(all="ignore"):
        return any(p.log_density(end) > -np.inf for end in beyond)


def log_densities(p, q, x):
    """Return the log densities of two distributions at x, and where the one of q is but a bound.

    Parameters
    ----------
    p, q : Line
    x : ndarray

    Returns
    -------
    log_p, log_q : ndarray
    bounded : ndarray of bool
        Where q has underflowed: its logarithm is there replaced by that of the least positive number.
    """
    with np.errstate(all="ignore"):
        log_p = np.asarray(p.log_density(x))
        log_q = log_p if q is p else np.asarray(q.log_density(x))
    bounded = (log_q == -np.inf) & (log_p > -np.inf) & q.underflows & (x >= q.low) & (x <= q.high)
    return log_p, np.where(bounded, LOG_LEAST, log_q), bounded


def table_of_terms(quantity, p, q, x, log_slope=0.0):
    """Return the terms of a quantity at x, with what else one wants to know the sums of.

    Parameters
    ----------
    quantity : Quantity
    p, q : Line
    x : ndarray
    log_slope : ndarray, default=0.0
        Logarithm of what the densities are multiplied by.

    Returns
    -------
    ndarray of shape (4, *x.shape)
        The terms, p, q, and p where q has underflowed.

    Raises
    ------
    ValueError
        If a log density is NaN.
    """
    log_p, log_q, bounded = log_densities(p, q, x)
    for name, log_density in (("p", log_p), ("q", log_q)):
        if np.isnan(log_density).any():
            raise ValueError(
                f"the log density of {name} is NaN at {x[np.isnan(log_density)][0]:.6g}, counted from the "
                "location of p on"
            )
    with np.errstate(all="ignore"):
        of_p, of_q = np.exp(log_p + log_slope), np.exp(log_q + log_slope)
        terms = quantity.terms(of_p, of_q, log_p, log_q)
    # No density of either, or a pole: a single point counts for nothing.
    nothing = ((log_p == -np.inf) & (log_q == -np.inf)) | (log_p == np.inf) | (log_q == np.inf)
    return np.where(nothing, 0.0, [terms, of_p, of_q, bounded * of_p])
