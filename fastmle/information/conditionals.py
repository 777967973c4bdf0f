"""Sums over variables of what two logistic conditionals tell about each other."""

import numpy as np

from ..likelihood import feature_terms
from .densities import LogisticDensity

# Rows whose logits are in memory at a time, and logits that go through the formulas in one go.
_LOGIT_ROWS, _NEAR_NUMBERS = 2**11, 2**13
# What stands for an infinite logit: its exponential is zero, and yet it can be subtracted.
_LARGEST_LOGIT = 1000.0


def have_one_order(p, q):
    """Whether both densities have logistic conditionals that depend on the same variables before."""
    if not (isinstance(p, LogisticDensity) and isinstance(q, LogisticDensity)):
        return False
    if p.coef is None or q.coef is None:  # independent variables have any order
        return True
    natural = np.arange(p.n_features)
    return np.array_equal(*(natural if x.order is None else x.order for x in (p, q)))


class ConditionalSums:
    """Sums over variables of divergences between the conditionals p(x_i | x_<i) and q(x_i | x_<i).

    With the logits a and b of x_i = 1 and the softplus function s(t) = log(1 + exp(t)), a variable's cross
    entropy is s(b) - b sigma(a), its entropy the same with b = a, and its divergence the difference. Over
    the rows that p draws their mean is that of the whole rows, by the chain rule.

    Parameters
    ----------
    kind : {"entropy", "cross_entropy", "kl"}
        What is summed up; `q` is `p` for the entropy.
    p, q : LogisticDensity
        Densities that :func:`have_one_order`.

    Attributes
    ----------
    constant : float or None
        What they are for all rows, nats, where the variables are independent; infinite where q excludes an
        outcome that p allows.
    """

    def __init__(self, kind, p, q):
        self._kind = kind
        self._ordered = p if p.coef is not None else q
        a, b = (self._intercepts(density) for density in (p, q))
        self._p, self._q = (p.coef, _finite(a)), (q.coef, _finite(b))
        self.constant = None
        if (np.isinf(b) & (a != b)).any():
            self.constant = np.inf
        elif p.coef is None and q.coef is None:
            self.constant = float(_terms(kind, self._p[1], self._q[1]).sum())

    def _intercepts(self, density):
        """Return intercepts in the order that both densities have."""
        order = self._ordered.order if density.coef is None else None
        return density.intercept if order is None else density.intercept[order]

    def values(self, bits):
        """Return the sum of each row, nats, shape (n_rows,)."""
        sums = np.empty(bits.shape[0])
        for start in range(0, len(sums), _LOGIT_ROWS):
            rows = slice(start, start + _LOGIT_ROWS)
            ordered = self._ordered.in_order(bits[rows])
            a = _logits(self._p, ordered)
            b = a if self._kind == "entropy" else _logits(self._q, ordered)
            step = max(1, _NEAR_NUMBERS // bits.shape[1])
            part = sums[rows]
            for first in range(0, len(part), step):
                near = slice(first, first + step)
                part[near] = _terms(self._kind, a[near], b[near]).sum(axis=1)
        return sums


def _finite(logits):
    return np.where(np.isinf(logits), np.copysign(_LARGEST_LOGIT, logits), logits)


def _logits(parameters, bits):
    """Return the logits of packed rows."""
    coef, intercept = parameters
    if coef is None:
        return np.broadcast_to(intercept, bits.shape)
    return feature_terms(bits, coef, intercept, logits=True, n_jobs=1)


def _terms(kind, a, b):
    """Return the terms of conditionals with these logits."""
    small = np.exp(-np.abs(a))
    probability = np.where(a > 0, 1.0, small) / (1 + small)
    if kind == "kl":
        terms = probability * (a - b)
        terms -= np.maximum(a, 0)
        terms += np.log((1 + np.exp(-np.abs(b))) / (1 + small))
    else:
        terms = -probability * b
        terms += np.log1p(np.exp(-np.abs(b)))
    terms += np.maximum(b, 0)
    return terms
