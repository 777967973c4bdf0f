"""What the kernels of the optimisers compute, in plain NumPy, as :mod:`.reference` does for the others.

Arrays are flat; `runs`, int64 of shape (n_runs, 2), says which of their entries take part: those from
``runs[i, 0]`` up to ``runs[i, 1]``. The *slope*, which is descended, is `scale` times the gradient plus
`penalty` times the parameters; `keep` multiplies the parameters before a step. Averages that have faded to
denormal numbers are zero.
"""

import itertools

import numpy as np


def _entries(runs):
    return list(itertools.chain.from_iterable(range(start, stop) for start, stop in runs))


def _slope(parameters, gradient, runs, scale, penalty):
    """Return the entries that take part, and their slope in float64."""
    k = _entries(runs)
    return k, scale * gradient[k].astype(np.float64) + penalty * parameters[k].astype(np.float64)


def _normal(values, dtype):
    return np.where(np.abs(values) >= np.finfo(dtype).tiny, values, 0.0)


def measure_slope(parameters, gradient, runs, scale, penalty, squares):
    """Add the sum of squares of the slope to ``squares[0]``."""
    _, slope = _slope(parameters, gradient, runs, scale, penalty)
    squares[0] += slope @ slope


def update_sgd(parameters, gradient, runs, scale, penalty, keep, learning_rate):
    """Step along the slope."""
    k, slope = _slope(parameters, gradient, runs, scale, penalty)
    parameters[k] = keep * parameters[k] - learning_rate * slope


def update_momentum(
    parameters, gradient, velocity, runs, scale, penalty, keep, learning_rate, momentum, nesterov
):
    """Add the slope to the velocity, which has lost a part, and step along it (Polyak, Nesterov)."""
    k, slope = _slope(parameters, gradient, runs, scale, penalty)
    velocity[k] = _normal(momentum * velocity[k] + slope, velocity.dtype)
    step = momentum * velocity[k] + slope if nesterov else velocity[k]
    parameters[k] = keep * parameters[k] - learning_rate * step


def update_adam(
    parameters,
    gradient,
    first,
    second,
    runs,
    scale,
    penalty,
    keep,
    learning_rate,
    beta1,
    beta2,
    epsilon,
    n_steps,
):
    """Average the slope and its square, and step along the one over the root of the other (Kingma & Ba)."""
    k, slope = _slope(parameters, gradient, runs, scale, penalty)
    first[k] = _normal(beta1 * first[k] + (1 - beta1) * slope, first.dtype)
    second[k] = _normal(beta2 * second[k] + (1 - beta2) * slope**2, second.dtype)
    mean = first[k] / (1 - beta1**n_steps)
    root = np.sqrt(second[k] / (1 - beta2**n_steps))
    parameters[k] = keep * parameters[k] - learning_rate * mean / (root + epsilon)
