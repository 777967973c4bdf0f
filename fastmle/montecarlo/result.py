"""What an expectation comes to: an estimate with its error, and how far to trust it."""

from typing import NamedTuple

import numpy as np

from .runner import interval
from .states import ExactState


class ConfidenceInterval(NamedTuple):
    """Bounds of a confidence interval: floats, or arrays with one entry a component."""

    low: float | np.ndarray
    high: float | np.ndarray


class ExpectationResult:
    """An estimated expectation: a mean with its standard error.

    :func:`fastmle.expectation` and :func:`fastmle.log_expectation` make them, and
    :func:`fastmle.kl_divergence` and its like for fitted densities and data. Results of independent runs
    add up: ``a + b`` is the result of both together.

    Attributes
    ----------
    mean : float, or ndarray of shape (n_components,)
        The estimate; of :func:`~fastmle.log_expectation`, the logarithm of the expectation.
    standard_error : float, or ndarray of shape (n_components,)
        Standard deviation of `mean`, estimated; NaN where there is a single value.
    covariance : float, or ndarray of shape (n_components, n_components)
        Covariance matrix of the means: the squares of `standard_error` on its diagonal.
    n_samples : int
        Number of samples at which the integrand was evaluated; with weighted data the sum of the weights,
        and of exact values the number of states that were added up.
    converged : bool
        Whether the demanded number of samples, or tolerance, was reached.
    method : str
        How it was sampled; "exact" where nothing was, and there is no error.
    note : str or None
        What else has to be known of the value, where there is such a thing.
    confidence_level : float
        Level that intervals have by default.
    effective_sample_size : float
        Number of equally weighted samples that would tell as much about an arbitrary function,
        ``(sum w)^2 / sum w^2``; without weights the number of values. A proposal made for one rare event
        has a small one, and yet a small error.
    skewness : float, or ndarray of shape (n_components,)
        Skewness of the values that were averaged. The error of Student's interval goes with
        ``skewness / sqrt(n)``.
    largest_contribution : float, or ndarray of shape (n_components,)
        Share of the value that is largest, in absolute terms, in the sum of all: near 1, everything hangs
        on one sample.
    tail_index : float, or ndarray of shape (n_components,)
        Shape k of the tail of the values [1]_: the variance is infinite from 1/2 on.

    References
    ----------
    .. [1] A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry, "Pareto smoothed importance sampling",
       Journal of Machine Learning Research 25, 2024.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle import expectation
    >>> result = expectation(lambda x: x * x, stats.norm(), n_samples=10_000, rng=0)
    >>> low, high = result.confidence_interval(0.99)
    >>> low < 1 < high
    True
    """

    def __init__(
        self,
        state,
        *,
        what,
        method="plain",
        converged=True,
        confidence_level=0.95,
        samples_a_value=1,
        is_vector=False,
        trace=(),
        seeds=frozenset(),
        counted="samples",
        note=None,
    ):
        self._state = state
        self.converged = converged
        self.method, self._what = method, what
        self.confidence_level = confidence_level
        self._samples_a_value, self._is_vector = samples_a_value, is_vector
        self._trace = trace
        self._seeds = seeds
        self._counted, self.note = counted, note

    def _shaped(self, values):
        """Return an array of one entry a component as the integrand's values are: a number, or a vector."""
        return values if self._is_vector else float(values.reshape(-1)[0])

    @property
    def mean(self):
        return self._shaped(self._state.estimate().mean)

    @property
    def standard_error(self):
        return self._shaped(self._state.estimate().standard_error)

    @property
    def covariance(self):
        return self._shaped(self._state.estimate().covariance)

    @property
    def n_samples(self):
        return round(self._state.count * self._samples_a_value)

    @property
    def effective_sample_size(self):
        return float(self._state.effective_sample_size)

    @property
    def skewness(self):
        return self._shaped(self._state.skewness)

    @property
    def largest_contribution(self):
        return self._shaped(self._state.largest_contribution)

    @property
    def tail_index(self):
        return self._shaped(self._state.tail_index())

    def confidence_interval(self, level=None):
        """Return a confidence interval of the mean.

        Where every value was exactly 0 or 1 it is Wilson's interval [1]_, which is right for rare events
        too; otherwise Student's, ``mean +- t standard_error``.

        Parameters
        ----------
        level : float or None, default=None
            Confidence level, between 0 and 1; None takes `confidence_level`.

        Returns
        -------
        ConfidenceInterval
            Named pair (low, high).

        Raises
        ------
        ValueError
            If the level is not between 0 and 1.

        References
        ----------
        .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
           Journal of the American Statistical Association 22, 1927.
        """
        level = self.confidence_level if level is None else level
        check_level(level)
        low, high = interval(self._state, level, self._samples_a_value)
        return ConfidenceInterval(self._shaped(low), self._shaped(high))

    def trace(self):
        """Return how mean and standard error came about, at numbers of samples that double.

        Returns
        -------
        n_samples : ndarray of shape (n_points,)
            Numbers of samples.
        mean, standard_error : ndarray of shape (n_points,) or (n_points, n_components)
            What the estimate and its error were then.
        """
        states = [*self._trace, self._state]
        counts = np.array([state.count for state in states])
        estimates = [state.estimate() for state in states]
        keep = np.flatnonzero(np.diff(counts, prepend=0) > 0)
        means, errors = (
            np.array([self._shaped(values) for values in column])[keep]
            for column in ([e.mean for e in estimates], [e.standard_error for e in estimates])
        )
        return counts[keep] * self._samples_a_value, means, errors

    def __add__(self, other):
        if not isinstance(other, ExpectationResult):
            return NotImplemented
        mine, theirs = self._state, other._state
        if self._key() != other._key():
            raise ValueError(
                f"these results cannot be added: one is {self._describe()}, the other {other._describe()}"
            )
        if self is other or self._seeds & other._seeds:
            raise ValueError("these results come from the same random numbers; add runs with different seeds")
        state = mine.copy()
        state.merge(theirs)
        return ExpectationResult(
            state,
            converged=self.converged and other.converged,
            method=self.method,
            what=self._what,
            confidence_level=self.confidence_level,
            samples_a_value=self._samples_a_value,
            is_vector=self._is_vector,
            trace=[*self._trace, mine],
            seeds=self._seeds | other._seeds,
            counted=self._counted,
            note=self.note,
        )

    def __radd__(self, other):
        return self if other == 0 else NotImplemented  # what sum() begins with

    def _key(self):
        n_components = len(self._state.estimate().mean)
        return self._state.kind(), self.method, self._samples_a_value, self._is_vector, n_components

    def _describe(self):
        n_components = len(self._state.estimate().mean)
        return (
            f"{self._state.kind()} of {n_components} components, method={self.method!r}, "
            f"{self._samples_a_value} samples a value"
        )

    def __repr__(self):
        mean, error = self._state.estimate().mean, self._state.estimate().standard_error
        counted = f"{self.n_samples:,} {self._counted}"
        return f"<ExpectationResult {_list(mean, error, self._is_vector)}, {counted}>"

    def __str__(self):
        estimate = self._state.estimate()
        low, high = interval(self._state, self.confidence_level, self._samples_a_value)
        lines = [f"{self._what}, {self.n_samples:,} {self._counted} ({self.method})"]
        shown = range(min(len(estimate.mean), 10))
        for c in shown:
            digits = _digits(estimate.mean[c], estimate.standard_error[c])
            label = f"  [{c}]" if self._is_vector else "  mean"
            if isinstance(self._state, ExactState):
                lines.append(f"{label} {estimate.mean[c]:.12g}, without error")
                continue
            lines.append(
                f"{label} {estimate.mean[c]:.{digits}g} ± {estimate.standard_error[c]:.2g}, "
                f"{self.confidence_level:.3g} interval [{low[c]:.{digits}g}, {high[c]:.{digits}g}]"
            )
        if len(shown) < len(estimate.mean):
            lines.append(f"  ... {len(estimate.mean)} components in all")
        if not self.converged:
            lines.append("  not converged")
        shape = self._state.heavy_tail_index()
        if shape is not None:
            lines.append(f"  tail index {shape:.2f}: the variance is likely infinite")
        if self.note is not None:
            lines.append(f"  {self.note}")
        return "\n".join(lines)


def _list(mean, error, is_vector):
    pairs = [f"{m:.{_digits(m, e)}g} ± {e:.2g}" for m, e in zip(mean[:4], error[:4], strict=True)]
    if not is_vector:
        return pairs[0]
    return f"[{', '.join(pairs)}{', ...' if len(mean) > 4 else ''}]"


def _digits(mean, error):
    """Return how many digits of a mean its error leaves meaningful, and one more."""
    if not (np.isfinite(mean) and np.isfinite(error)) or error <= 0 or mean == 0:
        return 6
    return int(np.clip(np.ceil(np.log10(abs(mean) / error)) + 2, 2, 16))


def check_level(level):
    """Raise ValueError unless a confidence level lies between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, got {level!r}")
