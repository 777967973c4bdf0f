"""The FVSBN as a problem of stochastic fits: flat parameters, minibatch gradients."""

import math

import numpy as np
from scipy.special import expit

from .. import likelihood
from ..lines import Lines, value_and_gradient
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
    """Likelihood of the FVSBN over flat parameters of float32, see :class:`fastmle.lines.Lines`.

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
        self._lines = Lines(n_features)
        self.layout = Layout(self._lines.runs(), [(0, n_features)])
        self.parameters = self._lines.zeros()
        intercept = start_intercepts(ones, self.total_weight, smoothing, label_smoothing)
        self._certain = None
        if not np.isfinite(intercept).all():
            self._certain = None if streaming else np.where(np.isfinite(intercept), 0.0, intercept)
            intercept = start_intercepts(ones, self.total_weight, _START_SMOOTHING)
        self.parameters[:n_features] = intercept
        self._smoothing = smoothing
        self._label_smoothing = label_smoothing
        self._n_jobs = n_jobs
        self._gradient = self._lines.zeros()
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
        own_intercept, own_coef = self._lines.unpack(self.parameters)
        finite = np.isfinite(intercept[self.order])
        own_intercept[finite] = intercept[self.order][finite]
        own_coef[finite] = coef[np.ix_(self.order, self.order)][finite]
        self._lines.pack(own_coef, own_intercept, out=self.parameters)

    def value_and_gradient(self, batch, parameters, place):
        """Return the summed log-likelihood of a batch and its gradient, see :class:`Problem`."""
        gradient = self._gradient
        value = value_and_gradient(batch, self._lines, parameters, gradient, n_jobs=self._n_jobs)
        in_intercept = gradient[: len(self.order)]
        if self._smoothing:
            intercept = parameters[: len(self.order)].astype(np.float64)
            pseudo = self._smoothing * len(batch) / self.total_weight
            in_intercept -= pseudo * (expit(intercept) - expit(-intercept))
        if self._label_smoothing:
            ones, gram = batch.column_counts(n_jobs=self._n_jobs), batch.gram(n_jobs=self._n_jobs)
            shift, shift_coef = label_shift(ones, gram, batch.total_weight, self._label_smoothing)
            gradient += self._lines.pack(shift_coef, shift)
        return value, gradient

    def log_likelihood(self, bits, parameters):
        """Return the mean log-likelihood of rows, see :class:`Problem`."""
        intercept, coef = self._lines.unpack(parameters)
        scores = likelihood.log_likelihood(bits, coef, intercept, n_jobs=self._n_jobs)
        return float(np.average(scores, weights=bits.sample_weight))

    def attributes(self, parameters):
        """Return the fitted attributes that parameters stand for, see :class:`Problem`."""
        intercept, coef = self._lines.unpack(parameters)
        if self._certain is not None:
            certain = self._certain != 0
            intercept[certain] = self._certain[certain]
            coef[certain] = 0.0
        place = np.argsort(self.order)
        return {"coef_": coef[np.ix_(place, place)], "intercept_": intercept[place]}
