"""Running states of an average: what is kept of the values, and the estimate that follows from it.

A state takes up tables of values (`quantities`), merges with others of its kind, and in the end gives an
estimate with its covariance. Its memory does not grow with the number of values.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

from . import diagnostics
from .log_summaries import LogSummary
from .summaries import Summary


class Estimate(NamedTuple):
    """Means, their covariance matrix, and the degrees of freedom that it has."""

    mean: np.ndarray
    covariance: np.ndarray
    degrees_of_freedom: float

    @property
    def standard_error(self):
        """Square roots of the variances, shape (c,)."""
        return np.sqrt(np.diagonal(self.covariance))


class MeanState:
    """The plain mean of values.

    Parameters
    ----------
    floors : array-like or None, default=None
        Floors of the state that this one will be merged with, which make lists of extremes short.
    summary : Summary or None, default=None
        What the values have come to; None until there are any.
    """

    def __init__(self, floors=None, summary=None):
        self._floors, self.summary = floors, summary

    def _made_alike(self, floors=None, summary=None):
        return type(self)(floors, summary)

    def _make_summary(self, n_columns):
        return Summary(n_columns, self._floors)

    def kind(self):
        """Return, in words, what two states must have in common to be merged."""
        return "plain means"

    def fresh(self):
        """Return an empty state that will be merged with this one."""
        return self._made_alike(self._floors if self.summary is None else self.summary.floors())

    def copy(self):
        """Return a state of the same values."""
        return self._made_alike(self._floors, None if self.summary is None else self.summary.copy())

    @property
    def scalar_summary(self):
        """The summary of a single component, for a compiled loop to write to."""
        if self.summary is None:
            self.summary = self._make_summary(1)
        return self.summary.scalars[0]

    def add(self, table, weights=None):
        """Take up a table of values, (n,) or (n, c)."""
        if self.summary is None:
            self.summary = self._make_summary(1 if table.ndim == 1 else table.shape[1])
        self.summary.add(table, weights)

    def add_counts(self, n, n_ones):
        """Take up n values of which some are 1 and the others 0."""
        self.summary.add_counts(n, n_ones)

    def merge(self, other):
        """Take up what another state has; its values come after the own ones."""
        if self.summary is None:
            self.summary = other.summary
        elif other.summary is not None:
            self.summary.merge(other.summary)

    @property
    def _moments(self):
        """The summary of what is averaged."""
        return self.summary

    @property
    def _averaged(self):
        """The components of it that make up the estimate."""
        return slice(None)

    @property
    def count(self):
        """Number of values, or the sum of their weights."""
        return 0.0 if self.summary is None else self.summary.count

    @property
    def has_error(self):
        """Whether there are values enough for a standard error."""
        return self.summary.count > 1 + 1e-9

    def estimate(self):
        """Return the estimate so far."""
        n = self.summary.count
        return Estimate(self.summary.mean, self.summary.covariance / max(n, 1.0), n - 1)

    @property
    def all_binary(self):
        """Whether the estimate is a share of values that are all exactly 0 or 1, for each component."""
        return self.summary.all_binary

    def tail_index(self, *, only_heavy=False):
        """Return the tail index of what is averaged, shape (c,)."""
        return diagnostics.tail_index(self._moments, only_heavy=only_heavy)[self._averaged]

    def heavy_tail_index(self):
        """Return the largest tail index if the variance is likely infinite, else None."""
        shapes = self.tail_index(only_heavy=True)
        heavy = shapes[~np.isnan(shapes)]
        if len(heavy) and heavy.max() > diagnostics.tail_index_limit(self.count):
            return float(heavy.max())
        return None

    @property
    def skewness(self):
        """Skewness of what is averaged, shape (c,)."""
        return self._moments.skewness[self._averaged]

    @property
    def largest_contribution(self):
        """Largest share of one value in what is averaged, shape (c,)."""
        return diagnostics.largest_contribution(self._moments)[self._averaged]

    @property
    def effective_sample_size(self):
        """Number of equally weighted samples that would tell as much."""
        return self.summary.count


class ControlledState(MeanState):
    """The mean of g, corrected by control variates whose means are known.

    With the covariances S of the values, ``b = S_hh^-1 S_hg`` and d the difference of the controls' sample
    and known means, the estimate is ``mean(g) - b' d``: the intercept of a linear regression of g on the
    centred controls. Its variance ``s^2 / n (1 + n / (n - 1) d' S_hh^-1 d)``, with the residual variance s^2
    on n - 1 - k degrees of freedom, has in it that b was estimated [1]_.

    References
    ----------
    .. [1] S. S. Lavenberg and P. D. Welch, "A perspective on the use of control variables to increase the
       efficiency of Monte Carlo simulations", Management Science 27, 1981.
    """

    def __init__(self, control_mean, floors=None, summary=None):
        super().__init__(floors, summary)
        self._control_mean = control_mean

    def _made_alike(self, floors=None, summary=None):
        return ControlledState(self._control_mean, floors, summary)

    def kind(self):
        return f"control variates with means {self._control_mean.tolist()}"

    @property
    def _averaged(self):
        return slice(self.summary.n_components - len(self._control_mean))

    @property
    def has_error(self):
        return self.summary.count > 1 + len(self._control_mean)

    def estimate(self):
        n, k = self.summary.count, len(self._control_mean)
        c = self.summary.n_components - k
        mean, covariance = self.summary.mean, self.summary.covariance
        freedom = n - 1 - k
        if freedom <= 0:
            return Estimate(mean[:c], np.full((c, c), np.nan), freedom)
        # In units of their standard deviations, so that the size of a control does not matter.
        unit = np.sqrt(np.diagonal(covariance)[c:])
        unit = np.where(unit > 0, unit, 1.0)
        of_controls = covariance[c:, c:] / np.multiply.outer(unit, unit)
        with_controls = covariance[c:, :c] / unit[:, None]
        deviation = (mean[c:] - self._control_mean) / unit
        # Controls that repeat each other, or do not vary at all, add nothing: least squares copes.
        solved = linalg.lstsq(of_controls, np.column_stack([with_controls, deviation]))[0]
        slopes, scaled = solved[:, :c], solved[:, c]
        residual = (covariance[:c, :c] - with_controls.T @ slopes) * ((n - 1) / freedom)
        residual = (residual + residual.T) / 2
        np.einsum("ii->i", residual)[:] = np.maximum(np.diagonal(residual), 0)
        inflation = 1 + n / (n - 1) * float(deviation @ scaled)
        return Estimate(mean[:c] - deviation @ slopes, residual * inflation / n, freedom)

    @property
    def all_binary(self):
        return np.zeros(self.summary.n_components, dtype=bool)[self._averaged]


class WeightedState(MeanState):
    """Means of g under importance weights w, which are given by their logarithms.

    Plain: the mean of w g. Self-normalised: ``R = mean(w g) / mean(w)``, with the variance of
    ``(w g - R w) / mean(w)`` over n, to first order.
    """

    def __init__(self, self_normalized, floors=None, summary=None):
        super().__init__(floors, summary)
        self._self_normalized = self_normalized

    def _made_alike(self, floors=None, summary=None):
        return WeightedState(self._self_normalized, floors, summary)

    def _make_summary(self, n_columns):
        return LogSummary(n_columns - 1, floors=self._floors)

    def kind(self):
        return "self-normalised weights" if self._self_normalized else "weights"

    def add(self, table):
        """Take up a table with the log weights and, after them, the values."""
        if self.summary is None:
            self.summary = self._make_summary(table.shape[1])
        self.summary.add(table[:, 0], table[:, 1:])

    @property
    def _moments(self):
        return self.summary.summary

    @property
    def _averaged(self):
        return slice(1, None)

    @property
    def has_error(self):
        return not np.isnan(self.estimate().standard_error).any()

    def estimate(self):
        scaled = self._moments
        n, mean, covariance = scaled.count, scaled.mean, scaled.covariance
        weight, products = mean[0], mean[1:]
        if not self._self_normalized:
            scale = np.exp(self.summary.shift)
            return Estimate(scale * products, scale**2 * covariance[1:, 1:] / n, n - 1)
        if not weight > 0:
            unknown = np.full(len(products), np.nan)
            return Estimate(unknown, np.diag(unknown), n - 1)
        ratio = products / weight
        contrast = np.column_stack([-ratio, np.eye(len(ratio))]) / weight
        spread = contrast @ covariance @ contrast.T / n
        np.einsum("ii->i", spread)[:] = np.maximum(np.diagonal(spread), 0)  # a constant leaves rounding only
        return Estimate(ratio, spread, n - 1)

    @property
    def all_binary(self):
        """Weighted values have no binomial distribution, whatever they are."""
        return np.zeros(self._moments.n_components, dtype=bool)[self._averaged]

    def tail_index(self, *, only_heavy=False):
        """Return the tail index of w g, or of w where it counts and is larger, shape (c,)."""
        shapes = diagnostics.tail_index(self._moments, only_heavy=only_heavy)
        return np.fmax(shapes[1:], shapes[0]) if self._self_normalized else shapes[1:]

    @property
    def effective_sample_size(self):
        """``(sum w)^2 / sum w^2`` (Kong 1992)."""
        return _effective_sample_size(self._moments)


class LogMeanState(MeanState):
    """The logarithm of the mean of exp(h)."""

    def _make_summary(self, n_columns):
        return LogSummary(floors=self._floors)

    def kind(self):
        return "means of exponentials"

    @property
    def _moments(self):
        return self.summary.summary

    @property
    def has_error(self):
        return not np.isnan(self.summary.standard_error)

    def estimate(self):
        """Return the estimate so far: its variance is that of the mean over the squared mean."""
        variance = np.array([[self.summary.standard_error]]) ** 2
        return Estimate(np.array([self.summary.log_mean]), variance, self.count - 1)

    @property
    def all_binary(self):
        """A logarithm has no binomial distribution."""
        return np.array([False])

    @property
    def effective_sample_size(self):
        """``(sum e^h)^2 / sum e^2h``."""
        return _effective_sample_size(self._moments)


class ExactState:
    """A value that is known without error, perhaps an infinite one.

    Parameters
    ----------
    value : float
        The value.
    count : int
        Number of states, or samples, that it took.
    """

    all_binary = np.array([False])
    has_error = True
    skewness = largest_contribution = np.array([np.nan])
    effective_sample_size = np.inf

    def __init__(self, value, count):
        self._value, self.count = value, count

    def kind(self):
        """Return, in words, what it is."""
        return "exact values"

    def copy(self):
        """Return the same value; nothing changes it."""
        return self

    def merge(self, other):
        """Refuse to: exact values gain nothing from each other."""
        raise ValueError("exact values do not add up, as each is the whole answer")

    def estimate(self):
        """Return the value, with no variance."""
        return Estimate(np.array([self._value]), np.zeros((1, 1)), np.inf)

    def tail_index(self, *, only_heavy=False):
        """Return NaN: there is no tail."""
        return np.array([np.nan])

    def heavy_tail_index(self):
        """Return None for the same reason."""
        return None


def _effective_sample_size(scaled):
    """Return (sum w)^2 / sum w^2 of the first component."""
    n, mean = scaled.count, scaled.mean[0]
    squares = n * mean**2 + ((n - 1) * scaled.variance[0] if n > 1 else 0.0)
    return float(diagnostics.effective_sample_size(n * mean, squares))
