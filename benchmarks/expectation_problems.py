"""Expectations by Monte Carlo: what is averaged over what, the exact answer, and how far an answer is off.

As the other problems, they know nothing of the peers. An answer is a mean, and the standard error that its
peer gives with it, or None. Draws differ from peer to peer; so means are measured in standard errors, which
follow exactly from the variance of one value.
"""

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from problems import random_parameters
from scipy.special import erf, expit


@dataclass(frozen=True, eq=False)
class Expectation:
    """The mean of independent values; derived classes have their `mean` and `variance`."""

    n_samples: int

    kind: ClassVar[str]
    title: ClassVar[str]
    # Five are exceeded once in two million runs; an own one, of a thousand values, is off by a per cent.
    tolerance: ClassVar[dict] = {"standard errors": 5.0, "own standard error": 0.05}
    flops: ClassVar[None] = None
    n_bytes: ClassVar[None] = None

    @property
    def name(self):
        return f"expectation {self.title}, {self.n_samples:,} samples"

    def errors(self, answer):
        """Of the mean in standard errors; of the standard error that a peer gives, relative."""
        mean, standard_error = answer
        right = math.sqrt(self.variance / self.n_samples)
        errors = {"standard errors": abs(mean - self.mean) / right}
        if standard_error is not None:
            errors["own standard error"] = abs(standard_error / right - 1)
        return errors


class NormalExpectation(Expectation):
    """E exp(-x^2) for a standard normal x."""

    kind = "normal_expectation"
    title = "exp(-x^2), x normal"
    mean = 1 / math.sqrt(3)
    variance = 1 / math.sqrt(5) - 1 / 3


class FirstExpectation(NormalExpectation):
    """The same, for the first time in a process that has made its imports: what has to be compiled, is."""

    kind = "first_expectation"
    title = "exp(-x^2), first call of a process"


class CircleExpectation(Expectation):
    """The probability of the quarter of the unit circle, x^2 + y^2 < 1, in the unit square."""

    kind = "circle_expectation"
    title = "pi / 4 from the unit square"
    mean = math.pi / 4
    variance = mean * (1 - mean)


class CubeExpectation(Expectation):
    """E exp(-rate sum (x_i - 1/2)^2) over the unit cube of ten dimensions.

    The rate is low enough for the values to have an error that some thousand of them can tell.
    """

    kind = "cube_expectation"
    title = "Gaussian peak, unit cube, d = 10"
    n_features = 10
    rate = 5.0

    @property
    def mean(self):
        return self._moment(1)

    @property
    def variance(self):
        return self._moment(2) - self.mean**2

    def _moment(self, power):
        rate = power * self.rate
        return (math.sqrt(math.pi / rate) * erf(math.sqrt(rate) / 2)) ** self.n_features


class CorrelatedExpectation(Expectation):
    """E exp(-x'x / 2) for ten correlated normals, of which neighbours correlate by one half."""

    kind = "correlated_expectation"
    title = "exp(-x'x / 2), correlated normals, d = 10"
    n_features = 10

    @cached_property
    def covariance(self):
        return 0.5 ** np.abs(np.subtract.outer(np.arange(self.n_features), np.arange(self.n_features)))

    @property
    def mean(self):
        return self._moment(1)

    @property
    def variance(self):
        return self._moment(2) - self.mean**2

    def _moment(self, power):
        return np.linalg.det(np.eye(self.n_features) + power * self.covariance) ** -0.5


@dataclass(frozen=True, eq=False)
class ModelExpectation(Expectation):
    """The probability of x_3 and not x_7 in an FVSBN, of which whole rows are drawn."""

    n_features: int = 64

    kind = "model_expectation"
    title = "x_3 and not x_7, FVSBN"
    density = 0.3

    @property
    def name(self):
        return f"expectation {self.title}, {self.n_samples:,} rows x {self.n_features}"

    @cached_property
    def _parameters(self):
        return random_parameters(self.n_features, self.density)

    @property
    def coef(self):
        return self._parameters[0]

    @property
    def intercept(self):
        return self._parameters[1]

    @cached_property
    def mean(self):
        """The sum over the first eight columns, on which those after them have no influence."""
        rows = np.array(list(itertools.product((0, 1), repeat=8)))
        p = expit(rows @ self.coef[:8, :8].T + self.intercept[:8])
        return np.where(rows == 1, p, 1 - p).prod(axis=1) @ ((rows[:, 3] == 1) & (rows[:, 7] == 0))

    @property
    def variance(self):
        return self.mean * (1 - self.mean)
