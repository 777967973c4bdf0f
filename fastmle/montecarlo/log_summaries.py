"""Running summaries of exponentials, kept on the scale of their logarithms."""

import copy

import numpy as np

from .. import kernels
from .summaries import NonFiniteError, Summary

_PLACES = kernels.SUMMARY_PLACES
_FLOORS = [_PLACES["upper_floor"], _PLACES["lower_floor"]]
_POWERS = {"mean": 1, "rest": 1, "squares": 2, "cubes": 3, "minimum": 1, "maximum": 1}
# What a floor gives way, relative, where its scale has changed: more than the rounding of any path to it.
_FLOOR_MARGIN = 1e-12


class LogSummary:
    """Running summary of w = exp(h) and of w times further values, where w itself may overflow or vanish.

    It is kept as a shift, the largest h so far, and the :class:`Summary` of exp(h - shift) and of its
    products; a larger h rescales all that came before.

    Parameters
    ----------
    n_values : int, default=0
        Number of values that are weighted.
    floors : tuple or None, default=None
        :meth:`floors` of another one, as for :class:`Summary`.

    Attributes
    ----------
    shift : float
        Largest h so far; -infinity without any.
    summary : Summary
        Of exp(h - shift), the first component, and the weighted values. Of the first only the upper tail is
        listed, as it is never below zero.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.montecarlo.log_summaries import LogSummary
    >>> summary = LogSummary()
    >>> summary.add(np.array([1000.0, -np.inf]))
    >>> round(summary.log_mean, 4)  # 1000 - log 2
    999.3069
    """

    def __init__(self, n_values=0, floors=None):
        self.shift = -np.inf
        unlimited = np.full((1 + n_values, 2), -np.inf)
        unlimited[0, 1] = np.inf
        self._floor_shift, floors = (-np.inf, unlimited) if floors is None else floors
        self.summary = Summary(1 + n_values, floors=floors)

    def add(self, h, values=None):
        """Add values of h, and what they weight.

        Parameters
        ----------
        h : array-like of shape (n,)
            Logarithms of weights; -infinity stands for zero.
        values : array-like of shape (n, n_values), or None where `n_values` is 0
            What is weighted.

        Raises
        ------
        NonFiniteError
            If an h is NaN or +infinity, or a value times its weight is not finite; the summary is as it was.
        """
        h = np.asarray(h, dtype=np.float64)
        largest = float(h.max(initial=-np.inf))
        if not largest < np.inf:  # nor is NaN
            row = int(np.argmin(h < np.inf))
            raise NonFiniteError(row, 0, float(h[row]))
        self._rescale(max(self.shift, largest))
        weights = np.exp(h - self.shift) if self.shift > -np.inf else np.zeros_like(h)
        if values is None:
            self.summary.add(weights)
        else:
            self.summary.add(np.column_stack([weights, weights[:, None] * np.asarray(values)]))

    def merge(self, other):
        """Add what another summary holds; its values come after the own ones."""
        shift = max(self.shift, other.shift)
        if other.shift != shift:
            other = other.copy()
            other._rescale(shift)
        self._rescale(shift)
        self.summary.merge(other.summary)

    def _rescale(self, shift):
        """Take a larger shift, and the floors that belong to it."""
        scalars = self.summary.scalars
        if self.shift < shift and self.summary.count > 0:
            scale = np.exp(self.shift - shift)
            for place, power in _POWERS.items():
                scalars[:, _PLACES[place]] *= scale**power
            for tail in ("upper_tail", "lower_tail"):
                listed = scalars[:, _PLACES[tail]]
                listed[np.isfinite(listed)] *= scale  # the rest is no value
            if self.summary.comoments is not None:
                self.summary.comoments *= scale**2
        if -np.inf < self._floor_shift < shift or self._floor_shift > shift > -np.inf:
            floors = scalars[:, _FLOORS]
            finite = np.isfinite(floors)
            floors[finite] *= np.exp(min(self._floor_shift - shift, 700.0))
            floors[finite] -= _FLOOR_MARGIN * np.abs(floors[finite])
            scalars[:, _FLOORS] = floors
        self.shift = self._floor_shift = shift

    def copy(self):
        """Return a summary of the same values."""
        copied = copy.copy(self)
        copied.summary = self.summary.copy()
        return copied

    def floors(self):
        """Return the floors, and the shift that they are meant at, for others to be merged with this one."""
        return self.shift, self.summary.floors()

    @property
    def count(self):
        """Number of values."""
        return self.summary.count

    @property
    def log_mean(self):
        """log of the mean of exp(h); -infinity where all are zero, NaN without values."""
        if self.count == 0:
            return np.nan
        mean = float(self.summary.mean[0])
        return self.shift + float(np.log(mean)) if mean > 0 else -np.inf

    @property
    def standard_error(self):
        """Standard error of :attr:`log_mean`, to first order: that of the mean over the mean."""
        mean = float(self.summary.mean[0])
        return float(self.summary.standard_error[0]) / mean if mean > 0 else np.nan
