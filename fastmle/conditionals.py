"""The conditionals of fitted densities: what rows cost, and how rows are drawn, whatever makes them up.

Every class here has an `order`, the autoregressive order of the columns, None where it is that in which they
stand, and the methods of :class:`LogisticConditionals`, to which rows are given in that order.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from . import likelihood, network, network_sampling


class LogisticConditionals(NamedTuple):
    """Logistic regressions of every column on those before it.

    Attributes
    ----------
    coef : ndarray of float64, shape (n_features, n_features), or None
        Weights, columns in autoregressive order; None where the variables are independent.
    intercept : ndarray of float64, shape (n_features,)
        Intercepts, in that order.
    order : ndarray of int64, shape (n_features,), or None
        The autoregressive order, where it is not that of the columns.
    """

    coef: np.ndarray | None
    intercept: np.ndarray
    order: np.ndarray | None

    def log_likelihood(self, bits, *, dtype=None, n_jobs=None):
        """Return the log-likelihood of every row, nats, float64 of shape (n_samples,).

        Parameters
        ----------
        bits : BitMatrix of shape (n_samples, n_features)
            Rows, columns in autoregressive order.
        dtype : {numpy.float32, numpy.float64} or None, default=None
            Precision of the terms; None takes float32 where rows depend on weights.
        n_jobs : int or None, default=None
            Number of threads.
        """
        if dtype is None:
            dtype = np.float64 if self.coef is None else np.float32
        return likelihood.log_likelihood(bits, self.coef, self.intercept, dtype=dtype, n_jobs=n_jobs)

    def feature_terms(self, bits, *, logits=False, n_jobs=None):
        """Return log p(x_i | x_<i) of every row and column, or with `logits` those of x_i = 1; float64."""
        return likelihood.feature_terms(bits, self.coef, self.intercept, logits=logits, n_jobs=n_jobs)

    def sample(self, n_samples, *, random_state=None, prefix=None, n_jobs=None):
        """Draw rows as a BitMatrix; the first variables of all are given by `prefix`, if it is not None."""
        return likelihood.sample(
            n_samples, self.coef, self.intercept, random_state=random_state, prefix=prefix, n_jobs=n_jobs
        )


@dataclass(eq=False)
class NetworkConditionals:
    """Conditionals that share the hidden units of NADE.

    Attributes
    ----------
    output_weight, input_weight : ndarray of float64, shape (n_features, n_hidden)
        Weights, columns in autoregressive order.
    bias : ndarray of float64, shape (n_features,)
        Biases of the columns, in that order.
    hidden_bias : ndarray of float64, shape (n_hidden,)
        Biases of the hidden units.
    activation : {"sigmoid", "relu"}
        Of the hidden units.
    order : ndarray of int64, shape (n_features,), or None
        The autoregressive order, where it is not that of the columns.
    """

    output_weight: np.ndarray
    bias: np.ndarray
    input_weight: np.ndarray
    hidden_bias: np.ndarray
    activation: str
    order: np.ndarray | None

    _made: dict = field(default_factory=dict, init=False, repr=False)

    def log_likelihood(self, bits, *, dtype=None, n_jobs=None):
        """Return the log-likelihood of every row, in float32 unless `dtype` says otherwise.

        No outcome is impossible to the network: rows whose terms overflow in float32 go on in float64.
        """
        if dtype == np.float64:
            return network.log_likelihood(bits, self._network(np.float64), n_jobs=n_jobs)
        scores = network.log_likelihood(bits, self._network(np.float32), n_jobs=n_jobs)
        lost = np.flatnonzero(~np.isfinite(scores))
        if len(lost):
            scores[lost] = self.log_likelihood(bits[lost], dtype=np.float64, n_jobs=n_jobs)
        return scores

    def feature_terms(self, bits, *, logits=False, n_jobs=None):
        """Return log p(x_i | x_<i) of every row and column, or with `logits` those of x_i = 1; float64."""
        return network.feature_terms(bits, self._network(np.float64), logits=logits, n_jobs=n_jobs)

    def sample(self, n_samples, *, random_state=None, prefix=None, n_jobs=None):
        """Draw rows as a BitMatrix; the first variables of all are given by `prefix`, if it is not None."""
        if "sampler" not in self._made:
            self._made["sampler"] = network_sampling.Sampler(self._network(np.float32))
        sampler = self._made["sampler"]
        return sampler.sample(n_samples, random_state=random_state, prefix=prefix, n_jobs=n_jobs)

    def represent(self, bits, *, n_jobs=None):
        """Return the hidden units of every row after its last column, float64, (n_samples, n_hidden)."""
        return network.represent(bits, self._network(np.float64), n_jobs=n_jobs)

    def _network(self, dtype):
        """Return the parameters as the kernels take them, made once for each precision."""
        if dtype not in self._made:
            shape = network.Shape(*self.output_weight.shape, dtype)
            parameters = self.output_weight, self.bias, self.input_weight, self.hidden_bias
            flat = shape.pack(*parameters)
            self._made[dtype] = network.Network(shape, flat, self.activation)
        return self._made[dtype]
