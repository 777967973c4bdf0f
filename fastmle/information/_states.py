"""Running states of averaged log-probabilities: estimates that `montecarlo` has no other use for."""

import numpy as np

from ..montecarlo.states import MeanState


class RealState(MeanState):
    """The plain mean of values that are no shares, even where all of them happen to be 0 or 1."""

    @property
    def all_binary(self):
        return np.zeros(self.summary.n_components, dtype=bool)


class PlugInState(RealState):
    """The mean over the rows of a table of values that depend on the whole table, as frequencies do."""

    def kind(self):
        return "plug-in means"

    def merge(self, other):
        raise ValueError("plug-in means of two tables do not add up: put both tables into one")
