"""Adaptive quadrature of terms of two densities."""

import math

import numpy as np
from scipy import special

from ._lines import LOG_LEAST, common_support, log_densities, table_of_terms

# Quantiles of p and of q, between which the integrand is looked at first.
_LEVELS = special.expit(np.array([-28, -14, -7, -4, -2, -1, 0, 1, 2, 4, 7, 14, 28]))
# Steps from the outermost of them outwards. Where x passes 1e150, its square is near overflow.
_STEPS = 2.0 ** np.arange(11) - 0.5
_LARGEST = 1e150
# The Gauss-Lobatto rule: with the ends of an interval among its points, no jump hides beside them.
_DEGREE = 16
_LEGENDRE = np.polynomial.Legendre.basis(_DEGREE)
_NODES = np.concatenate([[-1.0], _LEGENDRE.deriv().roots(), [1.0]])
_WEIGHTS = 2 / (_DEGREE * (_DEGREE + 1) * _LEGENDRE(_NODES) ** 2)
# Intervals whose halves add up to them within this share of the whole integral are done, if those of the
# densities do as well.
_TOLERANCE, _DENSITY_TOLERANCE = 1e-13, 1e-12
_MOST_ROUNDS, _MOST_INTERVALS = 60, 4096
# From values so far apart it is told how quickly a tail decays, and whether it does.
_REACH, _CONSTANT = 10.0, 1 - 1e-6
# Rounds that find where p becomes a denormal number, which has fewer digits.
_NARROWINGS, _LOG_NORMAL = 4, math.log(2.0**-1022)
# What densities may lack to an integral of one, before it counts as error.
_MASS_TOLERANCE = 1e-10


class _RealLine:
    """x = centre + scale sinh(t): algebraic tails become exponential ones."""

    def __init__(self, centre, scale):
        self.centre, self.scale = centre, scale
        self.furthest = math.asinh(_LARGEST / max(scale, abs(centre))) * np.array([-1, 1])

    def x(self, t):
        return self.centre + self.scale * np.sinh(t)

    def log_slope(self, t):
        return math.log(self.scale / 2) + np.logaddexp(t, -t)

    def t(self, x):
        return np.arcsinh((x - self.centre) / self.scale)


class _HalfLine:
    """x = end + scale exp(t), with a negative scale to the left: so do singularities at the end."""

    def __init__(self, end, scale):
        self.end, self.scale = end, scale
        self.furthest = np.array([-690.0, math.log(_LARGEST / max(abs(scale), abs(end)))])

    def x(self, t):
        return self.end + self.scale * np.exp(t)

    def log_slope(self, t):
        return math.log(abs(self.scale)) + t

    def t(self, x):
        return np.log((x - self.end) / self.scale)


class _Segment:
    """x = low + width / (1 + exp(-t))."""

    furthest = np.array([-690.0, 690.0])

    def __init__(self, low, high):
        self.low, self.high, self.width = low, high, high - low

    def x(self, t):
        rise, fall = self.width * special.expit(t), self.width * special.expit(-t)
        return np.where(t < 0, self.low + rise, self.high - fall)

    def log_slope(self, t):
        return math.log(self.width) + special.log_expit(t) + special.log_expit(-t)

    def t(self, x):
        return np.log(x - self.low) - np.log(self.high - x)


def integrate(quantity, p, q):
    """Return the integral of the terms of a quantity, and an estimate of its error.

    The line is mapped so that tails, and singularities at the ends of the supports, decay exponentially, and
    cut at quantiles of p and q. Each interval is halved until the rule of Gauss and Lobatto with 17 points
    agrees with the sum of those for the halves; what they differ by adds up to the estimate. What is beyond
    the range of numbers, going by how the integrand decays, and what the densities lack to one come on top.

    Parameters
    ----------
    quantity : Quantity
        What to integrate.
    p, q : Line
        Continuous distributions.

    Returns
    -------
    value, error : float

    Raises
    ------
    ValueError
        If a log density is NaN where the distributions have their mass.
    """
    low, high, mass_p, mass_q = common_support(p, q)
    outside = (mass_p and quantity.of_p * mass_p) + (mass_q and quantity.of_q * mass_q)
    if not low < high or outside == math.inf:
        return outside, 0.0
    with np.errstate(all="ignore"):
        quantiles = np.concatenate([line.quantile(_LEVELS) for line in (p, q)])
    body = quantiles[np.isfinite(quantiles) & (quantiles > low) & (quantiles < high)]
    if len(body) == 0:  # next to nothing of either
        return outside, abs(1 - mass_p) + abs(1 - mass_q)
    variable, edges, insides = _variable_and_edges(p, q, low, high, body)

    def integrand(t):
        return table_of_terms(quantity, p, q, variable.x(t), variable.log_slope(t))

    value, whole_p, whole_q, whole_bounded, error = _adapt(integrand, edges)
    if value == math.inf:
        return value, 0.0
    lacking = [
        x if x > _MASS_TOLERANCE else 0.0 for x in (abs(whole_p + mass_p - 1), abs(whole_q + mass_q - 1))
    ]
    error += lacking[0] * (1 + abs(value)) + lacking[1]
    for end, inside, limit in zip(edges[[0, -1]], insides, variable.furthest, strict=True):
        beyond = _beyond(lambda t: np.abs(integrand(t)[0]), end, inside)
        if beyond == math.inf and end == limit and quantity.of_p == math.inf and not any(lacking):
            return math.inf, 0.0
        error += beyond
        if quantity.of_p == math.inf and p.underflows:
            error += _lost(p, q, variable, end, inside)
    return value + outside, error + whole_bounded * abs(LOG_LEAST)


def _beyond(size, end, inside):
    """Return what is beyond an end, going by how the integrand decays towards it; infinite if it does not."""
    reach = min(_REACH, abs(inside - end))
    last, before = size(np.array([end, end + math.copysign(reach, inside - end)]))
    if last == 0:
        return 0.0
    return last * reach / math.log(before / last) if last < before * _CONSTANT else math.inf


def _lost(p, q, variable, end, inside):
    """Return what may be missing towards an end where p has underflowed: log(p/q) may grow as fast."""

    def size(t):
        log_p, log_q, _ = log_densities(p, q, variable.x(t))
        with np.errstate(all="ignore"):
            return np.exp(log_p + variable.log_slope(t)) * (1 + np.abs(log_p) + np.abs(log_q))

    if log_densities(p, q, variable.x(np.array([end])))[0][0] > LOG_LEAST:
        return 0.0
    low, high = inside, end  # between which p passes the least normal number
    for _ in range(_NARROWINGS):
        t = np.linspace(low, high, _DEGREE)
        n_normal = int(np.argmin(log_densities(p, q, variable.x(t))[0] > _LOG_NORMAL))
        low, high = t[max(n_normal - 1, 0)], t[max(n_normal, 1)]
    return _beyond(size, low, inside) if low != inside else 0.0


def _variable_and_edges(p, q, low, high, body):
    """Return the change of variable, the ends of the first intervals, and the two at which tails begin."""
    with np.errstate(all="ignore"):
        middle = float(np.median(body))
        if low > -np.inf and high < np.inf:
            variable = _Segment(low, high)
        elif low > -np.inf:
            variable = _HalfLine(low, middle - low)
        elif high < np.inf:
            variable = _HalfLine(high, middle - high)
        else:
            width = float(np.ptp(p.quantile(np.array([0.25, 0.75]))))
            variable = _RealLine(middle, width if 0 < width < np.inf else 1.0)
        body = np.unique(variable.t(body))
    body = body[np.isfinite(body)]
    below = _tail(variable, p, q, low, high, np.maximum(body[0] - _STEPS, variable.furthest[0]))
    above = _tail(variable, p, q, low, high, np.minimum(body[-1] + _STEPS, variable.furthest[1]))
    edges = np.unique(np.concatenate([below, body, above]))
    insides = body[0] if len(below) else edges[1], body[-1] if len(above) else edges[-2]
    return variable, edges, insides


def _tail(variable, p, q, low, high, t):
    """Return those points of a tail, from inside out, up to which both densities can be told."""
    x = variable.x(t)
    log_p, log_q, bounded = log_densities(p, q, x)
    good = (x > low) & (x < high) & (log_p < np.inf) & (log_q < np.inf) & ~bounded
    return t[: int(np.argmin(np.append(good, False)))]


def _adapt(integrand, edges):
    """Return the integrals of the components of the integrand, and the error of the first of them."""
    left, right = edges[:-1], edges[1:]
    whole = _rule(integrand, left, right)
    done, error = whole[:, :0], 0.0
    for last in [*[False] * _MOST_ROUNDS, True]:
        n, middle = len(left), (left + right) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        halves = _rule(integrand, left, right)
        together = halves[:, :n] + halves[:, n:]
        with np.errstate(invalid="ignore"):
            errors, *of_densities = np.abs(whole - together)[:3]
        rough = errors > _TOLERANCE * (np.abs(done[0]).sum() + np.abs(together[0]).sum())
        rough |= np.max(of_densities, axis=0) > _DENSITY_TOLERANCE
        if last or n > _MOST_INTERVALS:
            rough[:] = False
        done, error = np.concatenate([done, together[:, ~rough]], axis=1), error + errors[~rough].sum()
        if not rough.any():
            break
        rough = np.concatenate([rough, rough])
        left, right, whole = left[rough], right[rough], halves[:, rough]
    return *map(math.fsum, done), error


def _rule(integrand, left, right):
    """Return the integrals over intervals by one rule each, shape (n_components, n_intervals)."""
    half = (right - left) / 2
    return integrand((left + half)[:, None] + half[:, None] * _NODES) @ _WEIGHTS * half
