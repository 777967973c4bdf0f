"""Expectations: how the mean settles, and how fast its error falls."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..montecarlo import ExpectationResult
from ..montecarlo.runner import interval
from ._axes import make_two_axes
from ._curves import distinguished

_WHAT_CAN_BE_DRAWN = "a result of expectation() or log_expectation() can be drawn"


class RunningMean(NamedTuple):
    """One curve of a :class:`MonteCarloDisplay`: all arrays have the shape (n_points,).

    Attributes
    ----------
    name : str
        Name in the legend.
    n_samples : ndarray
        Numbers of samples.
    mean, standard_error : ndarray
        The estimate at these numbers, and its error; NaN where it is not known.
    low, high : ndarray
        Bounds of the confidence interval.
    confidence_level : float
        Level of that interval.
    """

    name: str
    n_samples: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    confidence_level: float


class MonteCarloDisplay:
    """The running mean of an expectation with its confidence band, and its standard error.

    The left panel is the law of large numbers: the mean settles, and the band around it shrinks. The right
    one is the central limit theorem: on logarithmic axes the standard error falls along the line of
    ``1/sqrt(T)``.

    Make one with :meth:`from_result` or :meth:`from_results`.

    Parameters
    ----------
    curves : list of RunningMean
        What to draw.
    exact : float or None, default=None
        The exact value, where it is known.
    component : int or None, default=None
        Component of a vector that the curves show, for the label.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes, of shape (2,)
        The panel of the mean and that of the error.
    figure_ : matplotlib.figure.Figure
        The figure of them.
    lines_ : list of matplotlib.lines.Line2D
        The running means.
    bands_ : list of matplotlib.collections.PolyCollection
        Their confidence bands.
    error_lines_ : list of matplotlib.lines.Line2D
        The standard errors.
    exact_line_ : matplotlib.lines.Line2D or None
        The exact value.
    reference_line_ : matplotlib.lines.Line2D or None
        The line of 1/sqrt(T), through the last error of the first curve; None where that is zero or not
        known.

    See Also
    --------
    fastmle.ExpectationResult.trace : The numbers of a curve.

    Notes
    -----
    The curve of one result is its trace: what that run was on the way. The points of a curve are therefore
    not independent, and the band covers the exact value with its probability at each number of samples, not
    at all of them together. Between the points, marked by dots, nothing is known; runs with the same seed and
    growing numbers of samples make a curve with more of them.

    With the methods "stratified", "sobol" and "halton" the trace runs over sets of points of one size, and
    its error falls as 1/sqrt(T) like any other. How the error falls with the size of the sets shows in a
    curve of several runs: give a list of results.

    Examples
    --------
    >>> from scipy import stats
    >>> from fastmle import expectation
    >>> from fastmle.plotting import MonteCarloDisplay
    >>> result = expectation(lambda x: x * x, stats.norm(), n_samples=100_000, rng=0)
    >>> display = MonteCarloDisplay.from_result(result, exact=1.0)  # doctest: +SKIP
    >>> display.figure_.savefig("mean.png")  # doctest: +SKIP
    """

    def __init__(self, curves, *, exact=None, component=None):
        self.curves = curves
        self.exact = exact
        self.component = component

    @classmethod
    def from_result(cls, result, *, exact=None, ax=None, name=None, component=0, **line_options):
        """Draw one result.

        Parameters
        ----------
        result : ExpectationResult, or list of them
            What :func:`fastmle.expectation` returned. Of several results, each is a point of one curve.
        exact : float or None, default=None
            The exact value, where it is known.
        ax : pair of matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        name : str or None, default=None
            Name in the legend; None takes the method of the result.
        component : int, default=0
            Which component, where the integrand returns a vector.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        MonteCarloDisplay

        Raises
        ------
        TypeError
            If `result` is no result of an expectation.
        ValueError
            If it has no such component, if there are no results, if `exact` is not a number, or if `ax` are
            not two axes.
        ImportError
            If matplotlib is not installed.
        """
        curve, is_vector = _curve(result, name, component)
        display = cls([curve], exact=_number(exact), component=component if is_vector else None)
        return display.plot(ax=ax, **line_options)

    @classmethod
    def from_results(cls, results, *, exact=None, ax=None, component=0, **line_options):
        """Draw several results on the same axes, to compare them.

        Parameters
        ----------
        results : dict or list
            Results by their names in the legend, or a list of them, named by their methods. In place of a
            result may stand a list of results, each of them a point of one curve.
        exact : float or None, default=None
            The exact value, where it is known.
        ax : pair of matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        component : int, default=0
            Which component, where the integrand returns a vector.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`, of every curve.

        Returns
        -------
        MonteCarloDisplay

        Raises
        ------
        TypeError
            If something in `results` is no result of an expectation.
        ValueError
            As :meth:`from_result`.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import math
        >>> from scipy import stats
        >>> from fastmle import expectation
        >>> from fastmle.plotting import MonteCarloDisplay
        >>> def run(n_samples, method):
        ...     return expectation(math.exp, stats.uniform(), n_samples=n_samples, method=method, rng=0)
        >>> results = {
        ...     "plain": run(2**14, "plain"),
        ...     "Sobol": [run(2**m, "sobol") for m in range(8, 15)],
        ... }
        >>> display = MonteCarloDisplay.from_results(results, exact=math.e - 1)  # doctest: +SKIP
        """
        if isinstance(results, Mapping):
            names, results = list(results), list(results.values())
        else:
            results = _as_list(results)
            names = [None] * len(results)
        if not results:
            raise ValueError("there is no result to draw")
        pairs = [_curve(result, name, component) for name, result in zip(names, results, strict=True)]
        is_vector = any(of_vector for _, of_vector in pairs)
        curves = distinguished([curve for curve, _ in pairs])
        display = cls(curves, exact=_number(exact), component=component if is_vector else None)
        return display.plot(ax=ax, **line_options)

    def plot(self, ax=None, **line_options):
        """Draw the curves.

        Parameters
        ----------
        ax : pair of matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure with pyplot.
        **line_options
            For :meth:`matplotlib.axes.Axes.plot`, of every curve.

        Returns
        -------
        MonteCarloDisplay
            Itself, drawn.

        Raises
        ------
        ValueError
            If `ax` are not two axes.
        ImportError
            If matplotlib is not installed.
        """
        axes = make_two_axes(ax)
        left, right = axes
        has_errors = any(np.any(curve.standard_error > 0) for curve in self.curves)
        left.set_xscale("log")
        right.set_xscale("log")
        if has_errors:  # zeros alone have no place on a logarithmic axis
            right.set_yscale("log")
        self.lines_, self.bands_, self.error_lines_ = [], [], []
        for curve in self.curves:
            options = {"label": curve.name, "marker": ".", **line_options}
            (line,) = left.plot(curve.n_samples, curve.mean, **options)
            # The panels share no cycle of colours where one of them has been drawn on before.
            options["color"] = line.get_color()
            errors = curve.standard_error
            if has_errors:
                errors = np.where(errors > 0, errors, np.nan)
            (error_line,) = right.plot(curve.n_samples, errors, **options)
            self.lines_.append(line)
            self.error_lines_.append(error_line)
            self.bands_.append(
                left.fill_between(
                    curve.n_samples, curve.low, curve.high, color=line.get_color(), alpha=0.2, linewidth=0
                )
            )
        self.exact_line_ = None
        if self.exact is not None:
            self.exact_line_ = left.axhline(
                self.exact, color="black", linewidth=1, linestyle="--", label="exact"
            )
        self.reference_line_ = self._plot_reference(right)
        for each in axes:
            each.set_xlabel("Number of samples")
            each.legend()
        left.set_ylabel(self._mean_label())
        right.set_ylabel("Standard error")
        self.axes_, self.figure_ = axes, left.figure
        return self

    def _plot_reference(self, ax):
        """Draw the line of 1/sqrt(T) over the numbers of samples of all curves."""
        last_n, last_error = self.curves[0].n_samples[-1], self.curves[0].standard_error[-1]
        if not last_error > 0:
            return None
        ends = np.array(
            [
                min(curve.n_samples[0] for curve in self.curves),
                max(curve.n_samples[-1] for curve in self.curves),
            ]
        )
        (line,) = ax.plot(
            ends,
            last_error * np.sqrt(last_n / ends),
            color="black",
            linewidth=1,
            linestyle=":",
            label="$1/\\sqrt{T}$",
        )
        return line

    def _mean_label(self):
        label = "Mean" if self.component is None else f"Mean of component {self.component}"
        levels = {curve.confidence_level for curve in self.curves}
        return f"{label}, {100 * levels.pop():.3g} % interval" if len(levels) == 1 else f"{label}, interval"


def _curve(result, name, component):
    """Return the curve of a result, or of several, and whether the integrand returned a vector."""
    results = _as_list(result)
    _check_results(results, component)
    # The states themselves, as intervals need more of them than mean and error.
    if isinstance(result, ExpectationResult):
        states = [*result._trace, result._state]
        n_samples = np.array([state.count for state in states]) * result._samples_a_value
        keep = np.flatnonzero(np.diff(n_samples, prepend=0) > 0)
        n_samples, states = n_samples[keep], [states[place] for place in keep]
    else:
        results.sort(key=lambda each: each.n_samples)
        n_samples = np.array([each.n_samples for each in results])
        states = [each._state for each in results]
    level = results[0].confidence_level
    estimates = [state.estimate() for state in states]
    intervals = [interval(state, level) for state in states]
    curve = RunningMean(
        results[0].method if name is None else str(name),
        n_samples,
        np.array([estimate.mean[component] for estimate in estimates]),
        np.array([estimate.standard_error[component] for estimate in estimates]),
        np.array([low[component] for low, _ in intervals]),
        np.array([high[component] for _, high in intervals]),
        level,
    )
    return curve, any(each._is_vector for each in results)


def _as_list(results):
    """Return a result, or a sequence of whatever it holds, as a list.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If it is empty.
    """
    if isinstance(results, ExpectationResult):
        return [results]
    if not isinstance(results, (list, tuple)):
        raise TypeError(f"{_WHAT_CAN_BE_DRAWN}, got {type(results).__name__}")
    if not results:
        raise ValueError("there is no result to draw")
    return list(results)


def _check_results(results, component):
    """Raise unless all are results with such a component, and can be points of one curve."""
    if isinstance(component, bool) or not isinstance(component, (int, np.integer)):
        raise TypeError(f"component must be an integer, got {component!r}")
    for each in results:
        if not isinstance(each, ExpectationResult):
            raise TypeError(f"{_WHAT_CAN_BE_DRAWN}, got {type(each).__name__}")
        n_components = np.size(each.mean)
        if not 0 <= component < n_components:
            raise ValueError(f"there is no component {component}: the result has {n_components}")
    if len({each.confidence_level for each in results}) > 1:
        raise ValueError("the results of one curve must have the same confidence level")


def _number(exact):
    """Return the exact value as a number."""
    if exact is None:
        return None
    if np.ndim(exact) != 0:
        raise ValueError(f"exact is the value of one component, got an array of shape {np.shape(exact)}")
    return float(exact)
