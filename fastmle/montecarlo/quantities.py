"""What is evaluated at every sample: the integrand, and what variance reduction adds to it.

A quantity turns a block of samples into a table with one row a sample; the columns are what its running
state (`states`) takes up. Every value is checked here, where it is known which function it came from.
"""

import numpy as np

from .adapters import as_distribution
from .integrand import make_integrand


class NotFinite(Exception):
    """A function returned NaN or an infinity: at which row of the block, what, and for which sample."""

    def __init__(self, name, row, value, sample):
        self.name, self.row, self.value, self.sample = name, row, value, sample

    def error(self, first_row):
        """Return what the user is told; the block starts at sample `first_row`."""
        return ValueError(
            f"{self.name} returned {self.value} at sample {first_row + self.row}, x = {self.sample}; an "
            "expectation needs finite values: exclude such samples in the function, or mend it"
        )


def check_finite(values, name, block, allowed=None):
    """Raise NotFinite for the first row with a NaN or an infinity, unless it equals `allowed`."""
    # A sum is finite unless an entry is not (or it overflows): a quick look that nearly always settles it.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    finite = np.isfinite(values)
    if allowed is not None:
        finite |= values == allowed
    if finite.all():
        return
    row, *component = np.unravel_index(np.argmin(finite), values.shape)
    value = values[(row, *component)]
    where = f"{name} (component {component[0]})" if component else name
    raise NotFinite(where, int(row), value, describe_sample(block[row]))


def describe_sample(sample):
    """Return a sample as text of one line."""
    if np.ndim(sample) == 0:
        return repr(sample.item())
    return np.array2string(np.asarray(sample), threshold=24, max_line_width=10**6, separator=", ")


class Plain:
    """The values of g."""

    is_vector = False

    def __init__(self, g):
        self.g = g

    @property
    def integrand(self):
        """The integrand alone, where there is nothing else to evaluate: its loop can be fused with a fill."""
        return self.g if type(self) is Plain else None

    def __call__(self, block, stop=None):
        """Return the table of a block; where `stop` is set meanwhile, it is without meaning."""
        values = self.g.values(block, stop)
        self.is_vector = values.ndim == 2
        if stop is None or not stop.is_set():
            check_finite(values, self.g.name, block)
        return values

    def average(self, tables, shares=None):
        """Return the table of the averages along the second axis, whose entries have these shares."""
        return np.average(tables, axis=1, weights=shares)


class WithControl(Plain):
    """The values of g, then those of the control variates."""

    def __init__(self, g, control, n_controls):
        super().__init__(g)
        self.control, self.n_controls = control, n_controls

    def __call__(self, block, stop=None):
        values = super().__call__(block, stop)
        control = self.control.values(block, stop)
        n_controls = 1 if control.ndim == 1 else control.shape[1]
        if n_controls != self.n_controls:
            raise ValueError(
                f"control returns {n_controls} values a sample, and control_mean has {self.n_controls}"
            )
        if stop is None or not stop.is_set():
            check_finite(control, self.control.name, block)
        return np.column_stack([values, control])


class LogWeights:
    """log p(x) - log q(x) of samples from a proposal q."""

    name = "log_weights"

    def __init__(self, target, proposal):
        self.target, self.proposal = target, proposal

    def values(self, block, stop=None):
        """Return the log weights, shape (n,)."""
        shapes = self.target.row_shape, self.proposal.row_shape
        if None not in shapes and shapes[0] != shapes[1]:
            raise ValueError(
                f"samples of P have the shape {shapes[0]}, those of the proposal {shapes[1]}: they must agree"
            )
        with np.errstate(divide="ignore"):  # where there is no density
            target, proposal = (np.asarray(P.log_density(block)) for P in (self.target, self.proposal))
        return (target - proposal).reshape(len(block))


class Weighted(Plain):
    """The log weights, then the values of g."""

    def __init__(self, g, log_weights):
        super().__init__(g)
        self.log_weights = log_weights

    def __call__(self, block, stop=None):
        values = self.g.values(block, stop)
        self.is_vector = values.ndim == 2
        log_weights = self.log_weights.values(block, stop)
        if log_weights.ndim != 1:
            raise ValueError(f"{self.log_weights.name} must return one number a sample")
        # Where the weight is zero, the value does not count, whatever it is.
        zero = log_weights == -np.inf
        if zero.any():
            values = np.where(zero.reshape(-1, *[1] * (values.ndim - 1)), 0.0, values)
        if stop is None or not stop.is_set():
            check_finite(log_weights, self.log_weights.name, block, allowed=-np.inf)
            check_finite(values, self.g.name, block)
        return np.column_stack([log_weights, values])

    def average(self, tables, shares=None):
        """Return the logarithm of the average weight, and the averages by weight."""
        log_weights = tables[:, :, 0]
        if shares is not None:
            log_weights = log_weights + np.log(np.multiply(shares, len(shares)))
        largest = log_weights.max(axis=1, keepdims=True)
        weights = np.exp(log_weights - np.where(largest > -np.inf, largest, 0.0))
        total = weights.sum(axis=1)
        with np.errstate(divide="ignore"):
            log_mean = largest[:, 0] + np.log(np.where(total > 0, total, 1.0) / tables.shape[1])
        values = np.einsum("mk,mkc->mc", weights, tables[:, :, 1:]) / np.where(total > 0, total, 1.0)[:, None]
        return np.column_stack([log_mean, values])


class Exponent(Plain):
    """The values of h, for E[exp h], with log weights added where there is a proposal."""

    def __init__(self, h, log_weights=None):
        super().__init__(h)
        self.log_weights = log_weights

    def __call__(self, block, stop=None):
        values = self.g.values(block, stop)
        if values.ndim != 1:
            raise TypeError("log_expectation takes a function that returns one number")
        if self.log_weights is not None:
            # Where the weight is zero, the value does not count, whatever it is.
            log_weights = self.log_weights.values(block, stop)
            if stop is None or not stop.is_set():
                check_finite(log_weights, self.log_weights.name, block, allowed=-np.inf)
            values = np.where(log_weights == -np.inf, -np.inf, values + log_weights)
        if stop is None or not stop.is_set():
            check_finite(values, self.g.name, block, allowed=-np.inf)
        return values


def make_log_weights(log_weights, P, proposal, vectorized):
    """Return what evaluates log weights: the user's function, or the ratio of the densities."""
    target, proposal = None if P is None else as_distribution(P), as_distribution(proposal)
    if log_weights is not None:
        return make_integrand(log_weights, vectorized=vectorized, name="log_weights")
    if target is None:
        raise ValueError("with P=None, pass log_weights: the log of p(x)/q(x) for samples of the proposal")
    return LogWeights(target, proposal)
