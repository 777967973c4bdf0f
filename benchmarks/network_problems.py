"""NADE: the gradient of a minibatch, and rows drawn; the float64 answer, and how far one is off.

As the other problems, they know nothing of the peers. A network is the tuple of its parameters: output
weights of shape (n_features, n_hidden), biases of the columns, input weights, biases of the hidden units,
which are sigmoid.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from problems import random_table, terms
from scipy.special import expit


def random_network(n_features, n_hidden, density, seed=1):
    """Draw parameters; sums of hidden units and logits are of order one, off the optimum."""
    rng = np.random.default_rng(seed)
    input_weight = rng.normal(size=(n_features, n_hidden)) / np.sqrt(n_features * density)
    hidden_bias = 0.5 * rng.normal(size=n_hidden)
    output_weight = 4 * rng.normal(size=(n_features, n_hidden)) / np.sqrt(n_hidden)
    bias = np.log(density / (1 - density)) - output_weight @ expit(hidden_bias)
    bias += rng.uniform(0.3, 0.6, n_features) * rng.choice((-1, 1), n_features)
    return output_weight, bias, input_weight, hidden_bias


def hidden_units(x, network):
    """Yield the hidden units of all rows before every column; the array is kept and changes."""
    _, bias, input_weight, hidden_bias = network
    sums = np.tile(hidden_bias, (len(x), 1))
    hidden = expit(sums)
    for i in range(len(bias)):
        yield hidden
        rows = np.flatnonzero(x[:, i])
        sums[rows] += input_weight[i]
        hidden[rows] = expit(sums[rows])


def network_likelihood(X, network):
    """Return the summed log-likelihood and its gradient, a tuple like `network`, float64."""
    output_weight, bias, input_weight, _ = network
    x = X.astype(np.float64)
    value, grad_bias = 0.0, np.empty_like(bias)
    grad_output, grad_input = np.empty_like(output_weight), np.empty_like(input_weight)
    # What the conditionals so far pass back to the sums of the hidden units, a line a row.
    back = np.zeros((len(x), input_weight.shape[1]))
    for i, hidden in enumerate(hidden_units(x, network)):
        z = hidden @ output_weight[i] + bias[i]
        residual = x[:, i] - expit(z)
        value += terms(x[:, i], z).sum()
        grad_bias[i] = residual.sum()
        grad_output[i] = residual @ hidden
        back += np.outer(residual, output_weight[i]) * (hidden * (1 - hidden))
        grad_input[i] = -x[:, i] @ back
    grad_input[:-1] += x[:, :-1].T @ back  # of all conditionals, less those up to the column
    grad_input[-1] = 0.0
    return value, (grad_output, grad_bias, grad_input, back.sum(axis=0))


@dataclass(frozen=True, eq=False)
class _NetworkProblem:
    n_samples: int
    n_features: int
    n_hidden: int
    density: float
    table: np.ndarray | None = field(default=None, repr=False)
    source: str = ""

    kind: ClassVar[str]
    title: ClassVar[str]
    n_bytes: ClassVar[None] = None

    @property
    def name(self):
        shape = f"{self.n_samples} x {self.n_features}, {self.n_hidden} hidden"
        return f"NADE {self.title} {self.source}{shape}, density {self.density:.2g}"

    @cached_property
    def network(self):
        return random_network(self.n_features, self.n_hidden, self.density)


class NetworkGradient(_NetworkProblem):
    """Summed log-likelihood of a minibatch, and its gradient in all parameters."""

    kind = "network_gradient"
    title = "value + gradient"
    tolerance: ClassVar = {"value": 1e-6, "gradient": 3e-5}

    @property
    def flops(self):
        """Two products forwards, three backwards; activations are not counted."""
        return 10 * self.n_samples * self.n_features * self.n_hidden

    @cached_property
    def X(self):
        if self.table is not None:
            return self.table
        return random_table(self.n_samples, self.n_features, self.density)

    @cached_property
    def answer(self):
        return network_likelihood(self.X, self.network)

    def errors(self, answer):
        """Relative for the value; for each line of a gradient, relative to its largest entry."""
        value, gradient = answer
        error = 0.0
        for found, right in zip(gradient, self.answer[1], strict=True):
            if found.shape != right.shape:
                raise AssertionError("the gradient has another shape than the parameters")
            scale = np.abs(right).max(axis=-1, keepdims=right.ndim == 2)
            # Nothing hears of the last column, whose input weights have no gradient.
            off = np.abs(found - right) / np.where(scale > 0, scale, 1.0)
            error = np.maximum(error, off.max())  # keeps NaN
        return {"value": abs(value / self.answer[0] - 1), "gradient": error}


class NetworkSample(_NetworkProblem):
    """Draw rows; `density` only sets the parameters."""

    kind = "network_sample"
    title = "sample"
    # The largest of some d (d + n_hidden) standard normal numbers, as in Sample.
    tolerance: ClassVar = {"standard errors": 6.5}

    @property
    def flops(self):
        return 4 * self.n_samples * self.n_features * self.n_hidden

    def errors(self, answer):
        """Residuals of each column, times one, each column and each hidden unit before, in standard errors.

        One half is taken off the hidden units, as what varies in them would drown in it.
        """
        if answer.shape != (self.n_samples, self.n_features) or not np.isin(answer, (0, 1)).all():
            raise AssertionError("a table of zeros and ones of another shape was asked for")
        output_weight, bias, *_ = self.network
        x = np.column_stack([np.ones(len(answer)), answer])
        worst = 0.0
        for i, hidden in enumerate(hidden_units(answer, self.network)):
            p = expit(hidden @ output_weight[i] + bias[i])
            residual, spread, before = answer[:, i] - p, p * (1 - p), x[:, : i + 1]
            units = hidden - 0.5
            total = np.append(residual @ before, residual @ units)
            variance = np.append(spread @ before, spread @ units**2)
            # Counts whose variance is small are far from normal.
            common = np.append(variance[: i + 1] > 20, np.repeat(variance[0] > 20, self.n_hidden))
            worst = np.abs(total[common] / np.sqrt(variance[common])).max(initial=worst)
        return {"standard errors": worst}
