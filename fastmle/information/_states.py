"""Running states of averaged log-probabilities: estimates that `montecarlo` has no other use for."""

import numpy as np

from ..montecarlo.states import MeanState


class RealState(MeanState):
    """The plain mean of values that are no shares, even where all of them happen to be 0 or 1."""

    @property
    def all_binary(self):
        return np.zeros(self.summary.n_components, dtype=bool)


class BoundedState(RealState):
    """The mean of logarithms of probabilities of rows of bits.

    There are finitely many, so that the variance is finite; a tail fitted to a few of them, with ties, would
    often say otherwise.
    """

    def tail_index(self, *, only_heavy=False):
        return np.full(self.summary.n_components, np.nan)


class PlugInState(BoundedState):
    """The mean over the rows of a table of values that depend on the whole table, as frequencies do."""

    def kind(self):
        return "plug-in means"

    def merge(self, other):
        raise ValueError("plug-in means of two tables do not add up: put both tables into one")
