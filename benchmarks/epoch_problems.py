"""An epoch of stochastic steps: the data, the float64 run, and how far behind it an answer is.

As the other problems, they know nothing of the peers.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from problems import dependent_table, objective
from scipy.special import expit, logit


@dataclass(frozen=True, eq=False)
class Epoch:
    """One epoch of AdamW for the FVSBN, along minibatches in a random order.

    A step follows the gradient of -sum log p / batch_size + alpha / (2 n_samples) ||W||^2 with PyTorch's
    moments, without weight decay. Weights start at zero, and intercepts at the marginals of half an
    observation more of each outcome.
    """

    n_samples: int
    n_features: int
    density: float
    batch_size: int
    table: np.ndarray | None = field(default=None, repr=False)
    source: str = ""
    alpha: float = 1.0
    learning_rate: float = 0.005

    kind: ClassVar[str] = "epoch"
    n_bytes: ClassVar[None] = None

    @property
    def name(self):
        return f"FVSBN epoch {self.source}{self.n_samples} x {self.n_features}, batch {self.batch_size}"

    @property
    def tolerance(self):
        """What the order of the rows may make of it, which is everybody's own: the less, the more rows."""
        return {"behind": max(0.01, 1.2 / np.sqrt(self.n_samples))}

    @property
    def flops(self):
        return 4 * self.n_samples * self.n_features**2

    @cached_property
    def X(self):
        if self.table is not None:
            return self.table
        return dependent_table(self.n_samples, self.n_features, self.density)

    @cached_property
    def start(self):
        """Intercepts at the start."""
        return logit((self.X.sum(axis=0) + 0.5) / (self.n_samples + 1))

    def objective(self, coef, intercept):
        """Return the mean negative log-likelihood of all rows with the penalty, nats, float64."""
        return objective(self.X, coef, intercept, self.alpha).sum() / self.n_samples

    @cached_property
    def answer(self):
        """The objectives at the start, and after the epoch in an order of this problem's own."""
        d = self.n_features
        at_start = self.objective(np.zeros((d, d)), self.start)
        return at_start, self.objective(*descend(self))

    def errors(self, answer):
        """How much less the objective fell than in the float64 run, relative to its fall there."""
        at_start, at_end = self.answer
        return {"behind": (self.objective(*answer) - at_end) / (at_start - at_end)}


def descend(problem, n_steps=None, seed=0):
    """Take the steps of the epoch, or the first of them, in float64; (coef, intercept)."""
    n, d, size = problem.n_samples, problem.n_features, problem.batch_size
    parameters = np.zeros((d, d + 1))  # intercepts stand in the last column
    parameters[:, d] = problem.start
    first, second = np.zeros((2, d, d + 1))
    order = np.random.default_rng(seed).permutation(n)
    for step, begin in enumerate(range(0, n, size)[:n_steps], start=1):
        rows = problem.X[np.sort(order[begin : begin + size])].astype(np.float64)
        residual = (expit(rows @ parameters[:, :d].T + parameters[:, d]) - rows) / len(rows)
        gradient = problem.alpha / n * parameters
        gradient[:, :d] += np.tril(residual.T @ rows, k=-1)
        gradient[:, d] = residual.sum(axis=0)
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient**2 - second)
        scale = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        parameters -= problem.learning_rate * first / (1 - 0.9**step) / scale
    return parameters[:, :d], parameters[:, d]
