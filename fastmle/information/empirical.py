"""Rows of data against fitted densities, and the plug-in entropy of data."""

import numpy as np

from ..data import BitMatrix
from ..data.sources import check_not_empty, check_sample_weight
from ..montecarlo.estimation import average_rows
from ..montecarlo.result import ExpectationResult, check_level
from ..montecarlo.states import ExactState
from ._options import unit_of
from ._states import BoundedState, PlugInState, RealState
from .densities import PackedDensity, as_density


def of_data(measure, X, model, *, base, n_jobs, sample_weight=None, confidence_level=0.95):
    """Return a measure of data, whose rows are a sample.

    Parameters
    ----------
    measure : Measure
        The entropy of X, or the cross entropy or divergence of a fitted density relative to X.
    X : BitMatrix or table
        The rows; a BitMatrix for the entropy.
    model : object
        The fitted density; X itself for the entropy.

    Returns
    -------
    ExpectationResult
    """
    check_level(confidence_level)
    unit, unit_name = unit_of(base)
    density = None if measure.estimated == "entropy" else as_density(model, "q")
    if measure.estimated == "cross_entropy":
        scores, weight = score_rows(density, X, sample_weight, n_jobs)
        values, state, method, note = -scores, state_of_scores(density), "plain", None
    else:
        rows = distinct_rows(X if density is None else density.pack(X), sample_weight)
        weight, state, method = rows.sample_weight, PlugInState(), "plug-in"
        values = np.log(weight / weight.sum())
        values = -values if density is None else values - density.scores(rows, n_jobs)
        note = _bias(weight, unit, unit_name, is_divergence=density is not None)
    about = {
        "what": f"{measure.title} in {unit_name}",
        "confidence_level": confidence_level,
        "method": method,
    }
    if values.max() == np.inf:
        excluded = values == np.inf
        n_rows, n_excluded = (
            (len(values), excluded.sum()) if weight is None else (weight.sum(), weight[excluded].sum())
        )
        note = f"{density.name} gives no probability to {n_excluded:,g} of these rows"
        return ExpectationResult(ExactState(np.inf, n_rows), counted="rows", note=note, **about)
    return average_rows(state, values / unit, weight, note=note, **about)


def score_rows(density, X, sample_weight, n_jobs):
    """Return log p(x) of the rows that count, and their weights.

    Parameters
    ----------
    density : Density
        What scores them.
    X : BitMatrix or table
        The rows.
    sample_weight : array-like of shape (n_rows,) or None
        Their weights; None takes those of a BitMatrix.
    n_jobs : int or None
        Number of threads.

    Returns
    -------
    scores : ndarray of float64, shape (n_counted,)
        Nats.
    weight : ndarray of float64, shape (n_counted,), or None
        Positive weights; None where every row counts once.
    """
    scores = density.scores(density.take(X), n_jobs)
    if sample_weight is None:
        weight = X.sample_weight if isinstance(X, BitMatrix) else None
    else:
        weight = check_sample_weight(sample_weight, len(scores))
    if weight is None or weight.all():
        return scores, weight
    counted = np.flatnonzero(weight)
    return scores[counted], weight[counted]


def state_of_scores(*densities):
    """Return an empty state for scores of these densities."""
    of_bits = all(isinstance(density, PackedDensity) for density in densities)
    return BoundedState() if of_bits else RealState()


def distinct_rows(bits, sample_weight):
    """Return each kind of row that counts once, with the total weight of its copies."""
    rows = check_not_empty(bits._with(sample_weight=sample_weight)).distinct_rows()
    return rows if rows.sample_weight.all() else rows[np.flatnonzero(rows.sample_weight)]


def _bias(weight, unit, unit_name, is_divergence):
    """Say how far off the plug-in value is, by the first term of its expansion [Miller 1955]."""
    n_rows, n_kinds = weight.sum(), len(weight)
    off = f"by some {(n_kinds - 1) / (2 * n_rows) / unit:.2g} {unit_name} or more"
    if 2 * n_kinds > n_rows:
        off = "by an unknown amount, as most rows differ"
    kinds = f"plug-in: {n_kinds:,} kinds among {n_rows:,g} rows, so "
    if is_divergence:
        return (
            f"{kinds}the data's entropy is low, and this high, {off}; differences between densities are not"
        )
    return f"{kinds}it is low {off}"
