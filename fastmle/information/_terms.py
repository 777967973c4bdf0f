"""What is integrated, summed up or averaged: one function of two densities for each quantity."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._bregman import log_divergence

# Logarithms of p and q that are nearer than this belong to terms that would cancel.
_NEAR = 0.5


class Quantity(NamedTuple):
    """An integral over terms of two densities p and q.

    Attributes
    ----------
    name : str
        For messages.
    terms : callable
        ``terms(p, q, log_p, log_q)``, array by array: p and q are the densities times anything positive, the
        same for both, and the logarithms are those of the densities themselves. Zeros are allowed, but not of
        both.
    of_p, of_q : float
        What p counts for where q is zero, and q where p is zero.
    """

    name: str
    terms: Callable
    of_p: float
    of_q: float


def _entropy(p, q, log_p, log_q):
    return _cross_entropy(p, p, log_p, log_p)


def _cross_entropy(p, q, log_p, log_q):
    return np.where(p > 0, -p * log_q, 0.0)


def _kl(p, q, log_p, log_q):
    """``p log(p/q) - p + q``, never negative; the integral of q - p is zero."""
    change = log_q - log_p
    near = p * log_divergence(1.0, np.exp(change), np.expm1(change))
    far = q - p - p * change
    return np.where(p > 0, np.where(np.abs(change) < _NEAR, near, far), q)


def _jeffreys(p, q, log_p, log_q):
    """``(p - q) log(p/q)``."""
    change = log_q - log_p
    difference = np.where(np.abs(change) < _NEAR, p * np.expm1(change), q - p)
    return np.where(p == q, 0.0, difference * change)


def _js(p, q, log_p, log_q):
    """``p log(p/m) / 2 + q log(q/m) / 2`` with m = (p + q) / 2."""

    def half(p, change):
        moved = np.expm1(change) / 2  # m/p - 1
        near = log_divergence(1.0, 1 + moved, moved)
        far = math.log(2) - np.logaddexp(0, change)
        return np.where(p > 0, p / 2 * np.where(np.abs(change) < _NEAR, near, far), 0.0)

    change = log_q - log_p
    return half(p, change) + half(q, -change)


def _total_variation(p, q, log_p, log_q):
    """``|p - q| / 2``."""
    change = log_q - log_p
    return np.abs(np.where(np.abs(change) < _NEAR, p * np.expm1(change), q - p)) / 2


def _hellinger(p, q, log_p, log_q):
    """``(sqrt(p) - sqrt(q))^2 / 2``, whose integral is the squared distance."""
    change = log_q - log_p
    root = np.where(np.abs(change) < _NEAR, np.sqrt(p) * np.expm1(change / 2), np.sqrt(q) - np.sqrt(p))
    return root**2 / 2


QUANTITIES = {
    "entropy": Quantity("the entropy", _entropy, 0.0, 0.0),
    "cross_entropy": Quantity("the cross entropy", _cross_entropy, math.inf, 0.0),
    "kl": Quantity("the Kullback-Leibler divergence", _kl, math.inf, 1.0),
    "jeffreys": Quantity("the Jeffreys divergence", _jeffreys, math.inf, math.inf),
    "js": Quantity("the Jensen-Shannon divergence", _js, math.log(2) / 2, math.log(2) / 2),
    "total_variation": Quantity("the total variation distance", _total_variation, 0.5, 0.5),
    "hellinger": Quantity("the squared Hellinger distance", _hellinger, 0.5, 0.5),
}
