"""Entropies and divergences of densities by Monte Carlo."""

import numpy as np

from ..montecarlo.estimation import estimate
from ..montecarlo.quantities import NotFinite, describe_sample
from ..montecarlo.result import ExpectationResult
from ..montecarlo.states import ExactState
from ._states import BoundedState, RealState
from .conditionals import ConditionalSums, have_one_order


def estimate_divergence(kind, p, q, unit, what, **options):
    """Return the mean over samples of p of what adds up to a divergence.

    Where both densities have logistic conditionals in the same order, that is the sum of the divergences
    between the conditionals, which leaves out the noise of the outcomes themselves; otherwise it is the
    logarithm of q, of p, or of their ratio.

    Parameters
    ----------
    kind : {"entropy", "cross_entropy", "kl"}
        The divergence; `q` is `p` for the entropy.
    p, q : Density
        The densities.
    unit : float
        Unit of the result, in nats.
    what : str
        What the result calls itself.
    **options
        As :func:`fastmle.montecarlo.estimation.estimate` takes them.

    Returns
    -------
    ExpectationResult
        Infinite, without error, where a sample of p has no probability under q.

    Notes
    -----
    The mean of q / p over samples of p is one, which seems to make q / p - 1 a control variate. But where q
    has a share m of its mass on rows that p hardly ever draws, its sample mean is near 1 - m, and nothing
    tells so: with ten columns of probability 1e-9 under p and 1e-4 under q, of 100,000 samples the corrected
    mean was ten of its standard errors off.
    """
    make_quantity = ConditionalQuantity if have_one_order(p, q) else LogQuantity
    make_state = BoundedState if p.is_binary else RealState
    try:
        return estimate(make_quantity(kind, p, q, unit), make_state, p.draws(), what=what, **options)
    except _Impossible as found:
        return ExpectationResult(
            ExactState(np.inf, found.n_samples),
            what=what,
            confidence_level=options["confidence_level"],
            note=f"{q.name} gives no probability to x = {found.sample}, which {p.name} has drawn",
        )


class _Impossible(Exception):
    """A sample of p to which q gives no probability: how many samples it took, and which it is."""

    def __init__(self, n_samples, sample):
        self.n_samples, self.sample = n_samples, sample


class _Excluded(NotFinite):
    """The same, as found in a block."""

    def error(self, first_row):
        return _Impossible(first_row + self.row + 1, self.sample)


class ConditionalQuantity:
    """The sums over conditionals, as what is evaluated at samples."""

    is_vector = False
    integrand = None  # there is nothing that a compiled loop could take

    def __init__(self, kind, p, q, unit):
        self._sums, self._unit = ConditionalSums(kind, p, q), unit

    def __call__(self, block, stop=None):
        """Return the values of a block of packed rows."""
        return self._sums.values(block) / self._unit


class LogQuantity(ConditionalQuantity):
    """-log p(x), -log q(x), or the logarithm of p(x) / q(x)."""

    def __init__(self, kind, p, q, unit):
        self._kind, self._p, self._q, self._unit = kind, p, q, unit

    def __call__(self, block, stop=None):
        """Return the values of a block of samples."""
        exception = NotFinite if self._kind == "entropy" else _Excluded
        values = -_finite_scores(self._q, block, exception)
        if self._kind == "kl":
            values += _finite_scores(self._p, block, NotFinite)
        return values / self._unit


def _finite_scores(density, block, exception):
    """Return scores, or raise the exception for the first one that is -infinity."""
    scores = density.scores(block)
    if scores.min() == -np.inf:
        row = int(np.argmin(scores))
        raise exception(f"score_samples of {density.name}", row, -np.inf, describe_sample(block[row]))
    return scores
