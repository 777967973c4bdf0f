"""NADE as a problem of stochastic fits: flat parameters, minibatch gradients."""

import numpy as np

from .. import network
from ..engine import RandomStreams
from ..solvers import Layout

# Streams of the problem's seed: the start, and the hidden units that are left out.
_START, _DROPOUT = range(2)
# Pseudo-observations of each outcome at the start.
_START_SMOOTHING = 0.5
# The output weights begin at so small a share of their usual scale that the start is nearly the marginals.
_OUTPUT_SCALE = 0.1
# Default learning rates. Of a stream every row comes but once.
_ADAM_RATE, _ADAM_STREAM_RATE, _SGD_RATE, _MOMENTUM_RATE = 0.002, 0.04, 0.1, 0.01


class NADEProblem:
    """Likelihood of NADE over flat float32 parameters, see :class:`fastmle.network.Shape`.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        Training rows, or the first of them, columns in autoregressive order.
    order : ndarray of int64, shape (n_features,)
        That order.
    n_hidden : int
        Number of hidden units.
    activation : {"sigmoid", "relu"}
        Of the hidden units.
    dropout, label_smoothing : float
        As in :class:`fastmle.network.Gradient`.
    seed : numpy.random.SeedSequence
        Of the start, and of the hidden units that are left out.
    streaming : bool, default=False
        Whether more rows will come.
    n_jobs : int or None, default=None
        Number of threads.
    """

    def __init__(
        self,
        bits,
        order,
        *,
        n_hidden,
        activation,
        dropout,
        label_smoothing,
        seed,
        streaming=False,
        n_jobs=None,
    ):
        n_features = bits.shape[1]
        streams = RandomStreams(seed)
        self.total_weight = bits.total_weight
        self.order = order
        self._activation = activation
        self._n_jobs = n_jobs
        self._shape = shape = network.Shape(n_features, n_hidden)
        self._gradient = network.Gradient(
            shape,
            activation,
            dropout=dropout,
            label_smoothing=label_smoothing,
            streams=RandomStreams(streams.sequence(_DROPOUT)),
            n_jobs=n_jobs,
        )
        self.layout = Layout(weights=[(shape.first_weight, shape.size)], others=[(0, shape.first_weight)])
        self.parameters = shape.pack(*self._start(bits, streams.generator(_START), label_smoothing))
        adam = _ADAM_STREAM_RATE if streaming else _ADAM_RATE
        self.learning_rates = {
            "sgd": _SGD_RATE,
            "momentum": _MOMENTUM_RATE,
            "nesterov": _MOMENTUM_RATE,
            "adam": adam,
            "adamw": adam,
        }

    def _start(self, bits, generator, label_smoothing):
        """Return parameters with small random weights, and nearly the smoothed marginals."""
        n_features, n_hidden = bits.shape[1], self._shape.n_hidden
        input_weight = generator.normal(scale=n_features**-0.5, size=(n_features, n_hidden))
        input_weight[-1] = 0.0  # no conditional hears of the last column
        output_weight = generator.normal(scale=_OUTPUT_SCALE * n_hidden**-0.5, size=(n_features, n_hidden))
        ones = bits.column_counts(n_jobs=self._n_jobs).astype(np.float64)
        share = (ones + _START_SMOOTHING) / (self.total_weight + 2 * _START_SMOOTHING)
        share += label_smoothing * (0.5 - share)
        idle = 0.5 if self._activation == "sigmoid" else 0.0
        bias = np.log(share / (1 - share)) - idle * output_weight.sum(axis=1)
        return output_weight, bias, input_weight, np.zeros(n_hidden)

    def start_from(self, model):
        """Start from an earlier fit."""
        own = model.output_weights_, model.intercept_, model.input_weights_
        ordered = (array[self.order] for array in own)
        self.parameters[:] = self._shape.pack(*ordered, model.hidden_intercept_)

    def value_and_gradient(self, batch, parameters, place):
        """Return the summed log-likelihood of a batch and its gradient, see :class:`Problem`."""
        return self._gradient(batch, parameters, place)

    def log_likelihood(self, bits, parameters):
        """Return the mean log-likelihood of rows, see :class:`Problem`."""
        own = network.Network(self._shape, parameters, self._activation)
        scores = network.log_likelihood(bits, own, n_jobs=self._n_jobs)
        return float(np.average(scores, weights=bits.sample_weight))

    def attributes(self, parameters):
        """Return the fitted attributes that parameters stand for, see :class:`Problem`."""
        output_weight, bias, input_weight, hidden_bias = self._shape.unpack(parameters)
        place = np.argsort(self.order)
        return {
            "output_weights_": output_weight[place],
            "intercept_": bias[place],
            "input_weights_": input_weight[place],
            "hidden_intercept_": hidden_bias,
            "activation_": self._activation,
        }
