"""Bregman divergences that the divergences of common families are made of, without cancellation.

The divergence of two members of an exponential family is the Bregman divergence
``F(b) - F(a) - (b - a) F'(a)`` of its log-partition function F. Here it is computed as a sum of terms that
are never negative, and each of them from the change b - a where that is small: it is accurate to the last
places, however near a and b are.

Functions take `change`, which is b - a, as an argument of its own: the caller may know it better than the
difference of the two rounded numbers.
"""

import numpy as np
from scipy import special

# Changes by less than this factor go through the series of the logarithm.
_LEAST_CHANGE, _MOST_CHANGE = -0.5, 1.0
# log1p(u) = 2 artanh(s) with s = u / (2 + u), |s| <= 1/3: the terms past the first, divided by 2 s^3.
_ARTANH_SERIES = 1.0 / np.arange(3, 37, 2)

# From here on Stirling's series of log Gamma serves; smaller arguments take so many steps of the recurrence.
_STIRLING_STEPS = 16
_STIRLING_POWERS = np.arange(1, 16, 2)
_STIRLING_SERIES = special.bernoulli(16)[2::2] / (_STIRLING_POWERS * (_STIRLING_POWERS + 1))


def _series_coefficients():
    """Return the coefficients of x^m y^i in :func:`_series_divergence`."""
    coefficients = np.zeros((_STIRLING_POWERS[-1] + 1, _STIRLING_POWERS[-1]))
    for power, coefficient in zip(_STIRLING_POWERS, _STIRLING_SERIES, strict=True):
        i = np.arange(power)
        coefficients[power - i, i] = coefficient * (power - i)
    return coefficients


_SERIES_COEFFICIENTS = _series_coefficients()


def log_divergence(a, b, change):
    """Return the Bregman divergence of -log: ``b/a - 1 - log(b/a)``.

    Parameters
    ----------
    a, b, change : array-like
        Positive numbers, or b = 0, where it is infinite; and b - a.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> from fastmle.information._bregman import log_divergence
    >>> round(float(log_divergence(1.0, 1.0 + 1e-12, 1e-12)), 28)
    5e-25
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        u = np.asarray(np.divide(change, a))
        s = u / (2 + u)
        near = s * (u - 2 * s * s * np.polynomial.polynomial.polyval(s * s, _ARTANH_SERIES))
        is_near = (u > _LEAST_CHANGE) & (u < _MOST_CHANGE)
        return np.where(is_near, near, u - np.log(np.divide(b, a)))


def kl_term(p, q, change):
    """Return ``p log(p/q) - p + q``, with 0 log 0 = 0; infinite where q alone is 0.

    Parameters
    ----------
    p, q, change : array-like
        Numbers of at least 0, and q - p.

    Returns
    -------
    ndarray
    """
    p = np.asarray(p)
    positive = np.where(p > 0, p, 1.0)
    return np.where(p > 0, p * log_divergence(positive, q, change), q)


def bernoulli_divergence(p, q):
    """Return KL of two Bernoulli distributions with these probabilities of a one."""
    p, q = np.asarray(p), np.asarray(q)
    return kl_term(p, q, q - p) + kl_term(1 - p, 1 - q, p - q)


def stirling_divergence(a, b, change):
    """Return the Bregman divergence of ``S(x) = log Gamma(x) - x log x + x``.

    That is what is left of the one of log Gamma when the mean of a gamma distribution, or the means of a
    beta distribution, stay. S(x) differs from S(x + 1) by ``(x + 1) log(1 + 1/x) - 1``, and Stirling's
    series of it is ``-log(x) / 2 + 1/(12 x) - 1/(360 x^3) + ..``.

    Parameters
    ----------
    a, b, change : array-like of one shape
        Positive numbers, and b - a.

    Returns
    -------
    ndarray
    """
    steps = np.arange(_STIRLING_STEPS).reshape(-1, *[1] * np.ndim(a))
    recurrence = _step_divergence(a + steps, b + steps, change).sum(axis=0)
    a, b = a + _STIRLING_STEPS, b + _STIRLING_STEPS
    rest = change / a * (change / b) * _series_divergence(1 / a, 1 / b)
    return recurrence + log_divergence(a, b, change) / 2 + rest


def _step_divergence(a, b, change):
    """Return the Bregman divergence of ``(x + 1) log(1 + 1/x) - 1``."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = a / b * ((b + 1) / (a + 1))
        u = -change / b / (a + 1)  # ratio - 1
        near = change / a * (change / b) / (a + 1) - (b + 1) * log_divergence(1.0, ratio, u)
        far = (b + 1) * np.log(ratio) + change / a
    return np.where(np.abs(u) < 0.5, near, far)


def _series_divergence(x, y):
    """Return the Bregman divergence of Stirling's series from 1/x to 1/y, divided by its (b - a)^2 / (a b).

    For the power a^-k it is the sum of ``(k - i) x^(k - i) y^i`` over i < k.
    """
    return np.polynomial.polynomial.polyval2d(x, y, _SERIES_COEFFICIENTS)
