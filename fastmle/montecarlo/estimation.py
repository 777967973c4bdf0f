"""From the arguments of an expectation to its result: what is evaluated, where, and for how long."""

import time
import warnings

import numpy as np

from ..engine import RandomStreams
from ..exceptions import ConvergenceWarning, HeavyTailWarning, caller_level
from .adapters import as_distribution
from .distributions import Data
from .integrand import make_integrand
from .quantities import Plain, Weighted, WithControl, make_log_weights
from .result import ExpectationResult, check_level
from .runner import Goal, run
from .sources import Blocks, Pairs, Replicates, Rows
from .states import ControlledState, MeanState, WeightedState

_DEFAULT_SAMPLES = 10**6
_METHODS = ("plain", "antithetic", "stratified", "sobol", "halton")
# Points of the sets that a tolerance is first tried with, and what they are multiplied by.
_FIRST_POINTS, _MORE_POINTS = 2**10, 4


def make_quantity(integrand, P, vectorized, control, control_mean, proposal, log_weights, self_normalized):
    """Return what is evaluated at samples, and what makes the state that takes it up."""
    if proposal is None:
        if log_weights is not None or self_normalized:
            raise ValueError("log_weights and self_normalized belong to importance sampling: pass a proposal")
        if control is None:
            if control_mean is not None:
                raise ValueError("control_mean is given without control")
            return Plain(integrand), MeanState
        if control_mean is None:
            raise ValueError("control needs its expectation: pass control_mean")
        mean = np.atleast_1d(np.asarray(control_mean, dtype=np.float64))
        if mean.ndim != 1 or not np.isfinite(mean).all():
            raise ValueError(
                f"control_mean must be finite numbers, one a control variate; got {control_mean!r}"
            )
        controls = make_integrand(control, vectorized=vectorized, name="control")
        return WithControl(integrand, controls, len(mean)), lambda: ControlledState(mean)
    if control is not None:
        raise ValueError("control variates and a proposal cannot be combined")
    weights_of = make_log_weights(log_weights, P, proposal, vectorized)
    return Weighted(integrand, weights_of), lambda: WeightedState(self_normalized)


def estimate(
    quantity,
    make_state,
    P,
    *,
    weights,
    n_samples,
    rtol,
    atol,
    confidence_level,
    max_samples,
    max_time,
    method,
    n_replicates,
    rng,
    n_jobs,
    progress,
    what,
):
    """Estimate the expectation of a quantity over P; the arguments are those of :func:`fastmle.expectation`.

    Parameters
    ----------
    quantity : callable
        Table of values of a block of samples.
    make_state : callable
        Returns the empty state that takes up such tables.
    what : str
        What the result calls itself.

    Returns
    -------
    ExpectationResult
    """
    _check_numbers(n_samples, rtol, atol, confidence_level, max_samples, max_time)
    if method in ("stratified", "sobol", "halton") and isinstance(quantity, WithControl):
        raise ValueError(
            f"method={method!r} gives too few means to estimate the coefficients of control variates from; "
            'use "plain" or "antithetic"'
        )
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}; got {method!r}")
    if P is None:
        raise TypeError("P=None needs a proposal to draw from")
    deadline = None if max_time is None else time.monotonic() + max_time
    distribution = as_distribution(P, weights)
    open_ended = False
    tolerance = rtol is not None or atol is not None
    if isinstance(distribution, Data):
        if n_samples is not None or tolerance or method != "plain":
            raise ValueError(
                "the average over data takes every row once: n_samples, tolerances and methods belong to "
                "distributions that are drawn from"
            )
        streams, seeds = None, frozenset()
        n_samples = distribution.n_rows
    else:
        streams = RandomStreams(rng)
        seeds = frozenset([repr(streams.entropy)])
        if n_samples is None and not tolerance:
            open_ended = max_time is not None
            n_samples = max_samples if open_ended else _DEFAULT_SAMPLES

    def goal(samples_a_value):
        return Goal(
            None if n_samples is None else max(1, n_samples // samples_a_value),
            rtol or 0.0,
            atol or 0.0,
            confidence_level,
            max(1, max_samples // samples_a_value),
            deadline,
            samples_a_value,
        )

    if method in ("plain", "antithetic"):
        if isinstance(distribution, Data):
            source = Rows(distribution, quantity)
        else:
            source = (Blocks if method == "plain" else Pairs)(distribution, quantity, streams)
        state, converged, trace = run(source, make_state(), goal(source.samples_a_value), n_jobs, progress)
    else:
        source, state, converged, trace = _run_replicates(
            distribution, quantity, streams, make_state, method, n_replicates, goal(1), n_jobs, progress
        )
    result = ExpectationResult(
        state,
        # Where time alone was to end it, it has done what it was asked.
        converged=converged or open_ended,
        method=method,
        what=what,
        confidence_level=confidence_level,
        samples_a_value=source.samples_a_value,
        is_vector=quantity.is_vector,
        trace=trace,
        seeds=seeds,
    )
    _warn(result, tolerance, rtol, atol)
    return result


def average_rows(state, values, weights, *, what, confidence_level, method="plain", note=None):
    """Return the mean of a value a row, of rows that are a sample.

    Parameters
    ----------
    state : state
        An empty one, which takes the values up.
    values : ndarray of shape (n_rows,)
        Finite numbers.
    weights : ndarray of shape (n_rows,) or None
        A weight of k counts as k rows.
    what, confidence_level, method, note
        As :class:`ExpectationResult` has them.

    Returns
    -------
    ExpectationResult
    """
    check_level(confidence_level)
    state.add(values, weights)
    result = ExpectationResult(
        state, what=what, method=method, confidence_level=confidence_level, counted="rows", note=note
    )
    _warn(result, False, None, None)
    return result


def _run_replicates(
    distribution, quantity, streams, make_state, method, n_replicates, goal, n_jobs, progress
):
    """Run independent point sets; with a tolerance, larger and larger ones."""
    if isinstance(n_replicates, bool) or not isinstance(n_replicates, (int, np.integer)) or n_replicates < 2:
        raise ValueError(f"n_replicates must be an integer of at least 2, got {n_replicates!r}")
    most = goal.max_values if goal.n_values is None else goal.n_values
    n_points = most // n_replicates
    if n_points < 1:
        raise ValueError(f"{most} samples are too few for n_replicates={n_replicates}")
    level = 0
    if goal.n_values is None:
        n_points = min(n_points, _FIRST_POINTS)
    while True:
        source = Replicates(distribution, quantity, streams, method, n_points, level)
        n_values = n_replicates
        if goal.n_values is not None:
            # What rounding the points down has left goes into more sets.
            n_values = max(n_replicates, goal.n_values // source.samples_a_value)
        fixed = goal._replace(n_values=n_values, samples_a_value=source.samples_a_value)
        state, converged, trace = run(source, make_state(), fixed, n_jobs, progress)
        if goal.n_values is not None or not converged:
            return source, state, converged, trace
        if fixed.shortfall(state) <= 1:
            return source, state, True, trace
        if n_points * _MORE_POINTS * n_replicates > goal.max_values:
            return source, state, False, trace
        n_points *= _MORE_POINTS
        level += 1


def _check_numbers(n_samples, rtol, atol, confidence_level, max_samples, max_time):
    for name, value in (("n_samples", n_samples), ("max_samples", max_samples)):
        if name == "n_samples" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value <= 0:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
    for name, value in (("rtol", rtol), ("atol", atol), ("max_time", max_time)):
        if value is not None and not 0 < value < np.inf:
            raise ValueError(f"{name} must be a positive number or None, got {value!r}")
    if n_samples is not None and (rtol is not None or atol is not None):
        raise ValueError("give either n_samples or a tolerance; max_samples limits what a tolerance may take")
    check_level(confidence_level)


def _warn(result, tolerance, rtol, atol):
    state = result._state
    if not state.has_error:
        warnings.warn(
            f"no standard error can be told from {state.count:g} values (too few, or nothing but zeros): "
            "it is NaN",
            UserWarning,
            stacklevel=caller_level(),
        )
        return
    if not result.converged and not tolerance:
        warnings.warn(
            f"max_time was over after {result.n_samples:,} samples, before all were taken",
            ConvergenceWarning,
            stacklevel=caller_level(),
        )
    elif not result.converged:
        low, high = result.confidence_interval()
        warnings.warn(
            f"after {result.n_samples:,} samples the half-width of the interval is "
            f"{np.max(np.subtract(high, low)) / 2:.3g}, more than rtol={rtol}, atol={atol} allow; raise "
            "max_samples or max_time, or reduce the variance",
            ConvergenceWarning,
            stacklevel=caller_level(),
        )
    if result.method not in ("plain", "antithetic"):
        return  # the means of whole sets of points have no tails
    shape = state.heavy_tail_index()
    if shape is not None:
        warnings.warn(
            f"the values have a heavy tail (tail index {shape:.2f}, and the variance is infinite "
            "from 0.5 on): standard error and interval cannot be trusted, however many the samples",
            HeavyTailWarning,
            stacklevel=caller_level(),
        )
