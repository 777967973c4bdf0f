"""Monte Carlo estimates of entropies and divergences of distributions."""

import numpy as np
from scipy import special

from ..montecarlo.adapters import as_distribution
from ..montecarlo.estimation import estimate
from ..montecarlo.integrand import make_integrand
from ..montecarlo.quantities import Plain
from ..montecarlo.result import ExpectationResult, check_level
from ..montecarlo.states import ExactState, MeanState


class _Infinite(Exception):
    """A sample of p was found where q has no density."""


class _BoundedState(MeanState):
    """A mean of values of which those up to a bound are no matter of tails, however skew they are."""

    def __init__(self, bound, floors=None, summary=None):
        super().__init__(floors, summary)
        self._bound = bound

    def _made_alike(self, floors=None, summary=None):
        return _BoundedState(self._bound, floors, summary)

    def tail_index(self, *, only_heavy=False):
        if self.summary.maximum[0] <= self._bound:
            return np.array([np.nan])
        return super().tail_index(only_heavy=only_heavy)


def sample(
    quantity,
    p,
    q,
    *,
    unit,
    excluded,
    underflows,
    n_samples=None,
    rtol=None,
    atol=None,
    confidence_level=0.95,
    max_samples=10**9,
    max_time=None,
    rng=None,
    n_jobs=None,
    progress=False,
):
    """Estimate an entropy or a divergence from samples.

    Entropies are averages of the log density over samples of p. Divergences are averages over pairs, one
    sample of p and one of q: each of the two is given the term of the quantity divided by (p + q) / 2, and
    their mean is one value. That is importance sampling from the mixture of p and q, so it is unbiased; with
    the terms p log(p/q) - p + q the values are never negative, are of the size of the divergence near p = q,
    and grow only like log(p/q) where q is small. (Of log(p/q) alone the standard deviation is the root of
    the divergence; with the control variate q/p - 1, of mean zero, it is small near p = q as well, but
    infinite as soon as q has the heavier tails, and biased where q reaches beyond the support of p.)

    Parameters
    ----------
    quantity : Quantity
        What to estimate.
    p, q : frozen distributions
        What to draw from.
    unit : float
        Nats, of which the result counts one.
    excluded : bool
        Whether the result is known to be infinite.
    underflows : bool
        Whether the density of q may be zero where it only underflows.
    n_samples : int or None
        Number of values: of samples, or of pairs. The other options are those of
        :func:`fastmle.expectation`.

    Returns
    -------
    ExpectationResult

    Raises
    ------
    ValueError
        If a log density is not known at a sample.
    """
    if excluded:
        return _infinite(quantity, confidence_level)
    if quantity.of_q:
        function, source = _average_of_pairs(quantity, p, q, unit, underflows)
        # A sample where q is much larger than p has this value; only where p is larger, there is no bound.
        bound = 2 * quantity.of_q / unit if quantity.of_q < np.inf else 0.0
    else:
        function, source = _average_of_samples(quantity, q, unit, underflows), p
        bound = -np.inf
    try:
        return estimate(
            Plain(make_integrand(function, vectorized=True, name=quantity.name)),
            lambda: _BoundedState(bound),
            source,
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
            what=quantity.name,
        )
    except _Infinite:
        return _infinite(quantity, confidence_level)


def _infinite(quantity, confidence_level):
    check_level(confidence_level)
    return ExpectationResult(ExactState(np.inf, 0), what=quantity.name, confidence_level=confidence_level)


def _average_of_samples(quantity, q, unit, underflows):
    """Return the function of samples of p to average."""
    log_density = as_distribution(q).log_density

    def values(samples):
        log_q = _log_density(log_density, samples, "q")
        of_p = np.ones(len(samples))
        return _checked(quantity.terms(of_p, of_p, log_q, log_q) / unit, samples, underflows)

    return values


def _average_of_pairs(quantity, p, q, unit, underflows):
    """Return the function of pairs to average, and what draws the pairs."""
    p, q = as_distribution(p), as_distribution(q)

    def draw(rng, n):
        streams = rng.bit_generator.seed_seq.spawn(2)
        return np.stack([P.draw(stream, n) for P, stream in zip((p, q), streams, strict=True)], axis=1)

    def values(pairs):
        samples = pairs.reshape(-1, *pairs.shape[2:])
        log_p = _log_density(p.log_density, samples, "p")
        log_q = _log_density(q.log_density, samples, "q")
        with np.errstate(all="ignore"):
            change = log_q - log_p
            # Densities over their mean, (p + q) / 2.
            terms = quantity.terms(2 * special.expit(-change), 2 * special.expit(change), log_p, log_q) / unit
        for first, (name, log_density) in enumerate((("p", log_p), ("q", log_q))):
            own = log_density[first::2]
            if own.min() == -np.inf:
                raise ValueError(
                    f"{name} has no density at its own sample {samples[first::2][np.argmin(own)]}: it "
                    "underflows, or samples do not follow it, such as SciPy's integers for a fractional loc"
                )
        return _checked(terms, samples, underflows).reshape(-1, 2).mean(axis=1)

    return values, draw


def _log_density(function, samples, name):
    with np.errstate(all="ignore"):
        values = np.asarray(function(samples)).reshape(len(samples))
    wrong = np.isnan(values) | (values == np.inf)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"the log density of {name} is {values[row]} at the sample {samples[row]}")
    return values


def _checked(values, samples, underflows):
    """Return values that are all finite."""
    infinite = values == np.inf
    if infinite.any():
        if underflows:
            raise ValueError(
                f"SciPy's density of q is zero at the sample {samples[np.argmax(infinite)]}, perhaps because "
                "it underflows: its logarithm is not known there"
            )
        raise _Infinite
    return values
