"""Entropies and divergences of fitted densities: over all states, over columns, or by Monte Carlo."""

import numpy as np

from ..montecarlo.result import ExpectationResult, check_level
from ..montecarlo.states import ExactState
from ._options import unit_of
from .conditionals import ConditionalSums, have_one_order
from .densities import as_density, check_alike
from .enumeration import MOST_VARIABLES, log_probabilities
from .sampling import estimate_divergence

_METHODS = "auto", "exact", "monte_carlo"


def of_densities(
    measure,
    p,
    q,
    *,
    base,
    n_jobs,
    method="auto",
    n_samples=None,
    rtol=None,
    atol=None,
    confidence_level=0.95,
    max_samples=10**9,
    max_time=None,
    rng=None,
    progress=False,
):
    """Return a measure of fitted densities; the options are those of :func:`fastmle.kl_divergence`.

    Parameters
    ----------
    measure : Measure
        What is wanted.
    p, q : object
        The densities; the same one for an entropy.

    Returns
    -------
    ExpectationResult
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    check_level(confidence_level)
    unit, unit_name = unit_of(base)
    what = f"{measure.title} in {unit_name}" if measure.has_base else measure.title
    single = p is q
    p = as_density(p, "p")
    q = p if single else as_density(q, "q")
    check_alike(p, q)

    def exact(value, count, counted):
        state = ExactState(float(value) / unit, count)
        return ExpectationResult(
            state, what=what, method="exact", confidence_level=confidence_level, counted=counted
        )

    if method == "monte_carlo" and measure.estimated is None:
        raise ValueError(f"{measure.function} of densities sums over all states: it has no Monte Carlo")
    constant = None
    if measure.estimated is not None and have_one_order(p, q):
        constant = ConditionalSums(measure.estimated, p, q).constant
    few = p.n_features <= MOST_VARIABLES and p.is_binary
    if constant is not None and (constant == np.inf if method == "monte_carlo" else not few):
        return exact(constant, p.n_features, "columns")
    if method == "exact" or (method == "auto" and (few or measure.estimated is None)):
        logs = log_probabilities(p, n_jobs)
        others = logs if single else log_probabilities(q, n_jobs)
        value = measure.sum_arrays(logs, others, -1, False, True, True, "raise", n_jobs)
        return exact(value, len(logs), "states")
    return estimate_divergence(
        measure.estimated,
        p,
        q,
        unit,
        what,
        weights=None,
        n_samples=n_samples,
        rtol=rtol,
        atol=atol,
        confidence_level=confidence_level,
        max_samples=max_samples,
        max_time=max_time,
        method="plain",
        n_replicates=None,
        rng=rng,
        n_jobs=n_jobs,
        progress=progress,
    )
