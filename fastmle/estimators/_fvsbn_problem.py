"""The FVSBN as a problem of stochastic fits: flat parameters, minibatch gradients."""

import math

import numpy as np
from scipy.special import expit

from .. import likelihood
from ..objectives import label_shift, start_intercepts
from ..solvers import Layout

# Adam changes every parameter by about its learning rate, so a logit by that times the root of the number of
# ones; steps of 0.15 to 0.5 were the best on tables of 16 to 1058 columns.
_ADAM_RATE = 0.3
# Steps with momentum add up to 1 / (1 - 0.9) of one.
_MOMENTUM_SHARE = 0.1
# Pseudo-observations of each outcome at the start where the model has none.
_START_SMOOTHING = 0.5


class FVSBNProblem:
    """Likelihood of the FVSBN over flat parameters: first the intercepts, then the matrix of weights.

    Everything is float64: the update of an optimiser in float32 would be as much quicker as it takes to turn
    parameters and gradients into the other type.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        Training rows, or the first of them, columns in autoregressive order.
    order : ndarray of int64, shape (n_features,)
        That order.
    smoothing : float
        Pseudo-observations of each outcome, in an all-zero context.
    label_smoothing : float
        Share of every outcome that is replaced by half of each.
    streaming : bool, default=False
        Whether more rows will come, so that no outcome is certain yet.
    n_jobs : int or None, default=None
        Number of threads.
    """

    def __init__(self, bits, order, *, smoothing, label_smoothing, streaming=False, n_jobs=None):
        n_features = bits.shape[1]
        ones = bits.column_counts(n_jobs=n_jobs).astype(np.float64)
        self.total_weight = bits.total_weight
        self.order = order
        self.layout = Layout.lower_triangle(n_features, first=n_features)
        self.parameters = np.zeros(n_features * (n_features + 1))
        intercept, _ = self._parts(self.parameters)
        intercept[:] = start_intercepts(ones, self.total_weight, smoothing, label_smoothing)
        self._certain = None
        if not np.isfinite(intercept).all():
            self._certain = None if streaming else np.where(np.isfinite(intercept), 0.0, intercept)
            intercept[:] = start_intercepts(ones, self.total_weight, _START_SMOOTHING)
        self._smoothing = smoothing
        self._label_smoothing = label_smoothing
        self._n_jobs = n_jobs
        self._columns = np.arange(n_features, dtype=np.int32)
        self._gradient = np.zeros_like(self.parameters)
        # Squares of the rows' lengths, with the one of the intercept, on average: four times a bound of the
        # curvature.
        length = 1.0 + ones.sum() / self.total_weight
        sgd, adam = 4.0 / length, _ADAM_RATE / math.sqrt(length)
        momentum = _MOMENTUM_SHARE * sgd
        self.learning_rates = {
            "sgd": sgd,
            "momentum": momentum,
            "nesterov": momentum,
            "adam": adam,
            "adamw": adam,
        }

    def start_from(self, coef, intercept):
        """Start from an earlier fit, in original columns, where that is finite."""
        own_intercept, own_coef = self._parts(self.parameters)
        finite = np.isfinite(intercept[self.order])
        own_intercept[finite] = intercept[self.order][finite]
        own_coef[finite] = coef[np.ix_(self.order, self.order)][finite]

    def value_and_gradient(self, batch, parameters, place):
        """Return the summed log-likelihood of a batch and its gradient, see :class:`Problem`."""
        intercept, coef = self._parts(parameters)
        in_intercept, in_coef = self._parts(self._gradient)
        value, _, of_intercept = likelihood.value_and_gradient(
            *(batch, self._columns, coef, intercept),
            dtype=np.float32,
            out=in_coef,
            n_jobs=self._n_jobs,
        )
        in_intercept[:] = of_intercept
        if self._smoothing:
            pseudo = self._smoothing * len(batch) / self.total_weight
            in_intercept -= pseudo * (expit(intercept) - expit(-intercept))
        if self._label_smoothing:
            ones, gram = batch.column_counts(n_jobs=self._n_jobs), batch.gram(n_jobs=self._n_jobs)
            more_intercept, more_coef = label_shift(ones, gram, batch.total_weight, self._label_smoothing)
            in_intercept += more_intercept
            in_coef += np.tril(more_coef, k=-1)
        return value.sum(), self._gradient

    def log_likelihood(self, bits, parameters):
        """Return the mean log-likelihood of rows, see :class:`Problem`."""
        intercept, coef = self._parts(parameters)
        scores = likelihood.log_likelihood(bits, coef, intercept, n_jobs=self._n_jobs)
        return float(np.average(scores, weights=bits.sample_weight))

    def attributes(self, parameters):
        """Return the fitted attributes that parameters stand for, see :class:`Problem`."""
        intercept, coef = (part.copy() for part in self._parts(parameters))
        if self._certain is not None:
            certain = self._certain != 0
            intercept[certain] = self._certain[certain]
            coef[certain] = 0.0
        place = np.argsort(self.order)
        return {"coef_": coef[np.ix_(place, place)], "intercept_": intercept[place]}

    def _parts(self, flat):
        """Return intercepts and weights as views."""
        n_features = len(self.order)
        return flat[:n_features], flat[n_features:].reshape(n_features, n_features)
