"""Rows drawn from NADE.

Two things make draws cheap, and change no draw but within rounding. Hidden units whose sums stay in range are
kept as odds, exp(-sum): a set bit multiplies them, where a sum would ask for an exponential. And most logits
need not be exact, as the uniform number that decides is hardly ever close to the probability: 16 bits of each
unit and weight, with a bound on their error, are enough for all but a few in a thousand.
"""

import numpy as np

from . import kernels
from .data import BitMatrix
from .engine import RandomStreams, map_units
from .memory import aligned_memory
from .network import cut_into_runs

# Sums of hidden units whose exponentials are far from the ends of float32.
_FARTHEST = 80.0
# Rows from which on it is worth while to prepare the parameters.
_MANY_ROWS = 64
# Share of logits that are reckoned twice, coarse and then exactly, up to which that is worth while.
_MOST_DOUBT = 0.15


class Sampler:
    """Draws rows from a network; what it prepares it keeps.

    Parameters
    ----------
    network : Network
        The parameters.
    """

    def __init__(self, network):
        self._network = network
        self._prepared = None

    def sample(self, n_samples, *, random_state=None, prefix=None, n_jobs=None):
        """Draw rows variable by variable.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        random_state : None, int, RandomState or Generator, default=None
            Seed of the streams, one for every 64 rows.
        prefix : BitMatrix of shape (n_samples, k) or None, default=None
            The first k variables of every row, where they are given.
        n_jobs : int or None, default=None
            Number of threads; the rows are the same for any.

        Returns
        -------
        BitMatrix of shape (n_samples, n_features)
        """
        network, n_features = self._network, self._network.shape.n_features
        drawn = np.zeros(n_samples * ((n_features + 7) // 8), dtype=np.uint8)
        drawn = BitMatrix(drawn, (n_samples, n_features))
        n_given = 0
        if prefix is not None:
            n_given = prefix.shape[1]
            for index in range(drawn.n_tiles):
                drawn.tile(index)[: prefix.n_groups] = prefix.tile(index)
        runs = cut_into_runs(drawn)
        states = RandomStreams(random_state).states(len(runs))
        arguments = self.arguments(n_samples)

        def draw(unit, scratch):
            run, state = unit
            random = np.empty((kernels.NADE_COLUMNS, run.tile.shape[1]), dtype=np.int32)
            kernels.nade_sample(run.tile, n_given, *arguments, state[None], random, scratch)

        units = list(zip(runs, states, strict=True))
        map_units(draw, units, n_jobs=n_jobs, workspace=network.scratch, work=network.work(n_samples))
        return drawn

    def arguments(self, n_samples):
        """Return the parameters for `nade_sample`: as they are, or prepared where the rows are many."""
        if n_samples < _MANY_ROWS:
            return *self._network.arguments, 0, None, None
        if self._prepared is None:
            self._prepared = _prepare(self._network)
        return self._prepared


def _prepare(network):
    V, b, W, c, n_hidden, activation = network.arguments
    if activation != kernels.NADE_ACTIVATIONS["sigmoid"] or network.shape.dtype != np.float32:
        return *network.arguments, 0, None, None
    odds, hidden_odds = (aligned_memory(*part.shape, dtype=np.float32) for part in (W, c))
    size, total = sums = np.zeros((2, len(c)), dtype=np.float32)
    kernels.nade_odds(W, odds, sums)
    kernels.nade_odds(c[None], hidden_odds[None], np.zeros_like(sums))
    # All sums that a unit can have lie between those of its negative and of its positive weights, half of
    # `size` off the middle. What is not a number is not in range.
    with np.errstate(over="ignore", invalid="ignore"):
        in_range = size / 2 + np.abs(c + total / 2) < _FARTHEST
        finite = np.isfinite(c + total).all()
    n_odds = len(c)
    if not in_range.all():
        # The order of the units is free: those in range come first, in whole pairs of lines.
        n_odds = int(np.count_nonzero(in_range[:n_hidden])) // 32 * 32
        order = np.append(np.argsort(~in_range[:n_hidden], kind="stable"), np.arange(n_hidden, len(c)))
        kept, summed = order[:n_odds], order[n_odds:]
        V = _line_up(V[:, order])
        odds = _line_up(np.hstack([odds[:, kept], W[:, summed]]))
        hidden_odds = np.append(hidden_odds[kept], c[summed])
    coarse = terms = None
    if finite:  # no sum can become anything but a number
        coarse = aligned_memory(len(b), (-(-n_hidden // 32) | 1) * 32, dtype=np.int16)
        terms = np.empty((len(b), 3), dtype=np.float32)
        kernels.nade_coarsen(V, b, n_hidden, coarse, terms)
        # The share of exact logits: half the error at most, where outcomes are as likely as not.
        error = terms[:, 2]
        if np.where(np.isinf(error), 1.0, error / 2).mean() > _MOST_DOUBT:
            coarse = terms = None
    return V, b, odds, hidden_odds, n_hidden, activation, n_odds, coarse, terms


def _line_up(lines):
    """Return a copy that begins where a cache line does."""
    own = aligned_memory(*lines.shape, dtype=lines.dtype)
    own[...] = lines
    return own
