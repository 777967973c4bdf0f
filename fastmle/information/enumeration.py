"""All states of a few variables, and the probabilities that densities and data give them."""

import numpy as np

from ..data import BitMatrix
from ..engine import map_units

# With more variables there are too many states: those of 20 take a fraction of a second.
MOST_VARIABLES = 20
_UNIT_STATES = 2**15
# What scores in single precision may be off.
_TOLERANCE = 1e-5


def check_few(n_features, what):
    """Raise a ValueError if there are too many variables to go through all their states."""
    if n_features > MOST_VARIABLES:
        raise ValueError(
            f"{what} goes through all states, and {n_features} variables have 2^{n_features} of them: it "
            f"takes {MOST_VARIABLES} variables at most"
        )


def all_states(n_features, start=0, stop=None):
    """Return states as packed rows: the binary digits of start, start + 1, .., the lowest digit first.

    Parameters
    ----------
    n_features : int
        Number of variables, below 32.
    start, stop : int
        Range of states; by default all of them.

    Returns
    -------
    BitMatrix of shape (stop - start, n_features)

    Examples
    --------
    >>> from fastmle.information.enumeration import all_states
    >>> all_states(2).to_array().tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    numbers = np.arange(start, 2**n_features if stop is None else stop, dtype=np.uint32)
    n_groups = -(-n_features // 8)
    bits = BitMatrix(np.empty(len(numbers) * n_groups, dtype=np.uint8), (len(numbers), n_features))
    for index in range(bits.n_tiles):
        rows = numbers[bits.tile_rows(index)]
        for group, byte in enumerate(bits.tile(index)):
            byte[:] = (rows >> np.uint32(8 * group)).astype(np.uint8)
    return bits


def log_probabilities(density, n_jobs=None):
    """Return the logarithm of the probability of every state, in the order of :func:`all_states`.

    Raises
    ------
    ValueError
        If there are too many states, or if their probabilities do not sum to one.
    """
    n_features = density.n_features
    check_few(n_features, "an exact sum")
    logs = np.empty(2**n_features)

    def score(start):
        stop = min(start + _UNIT_STATES, len(logs))
        logs[start:stop] = density.scores(all_states(n_features, start, stop))

    map_units(score, range(0, len(logs), _UNIT_STATES), n_jobs=n_jobs, work=len(logs) * n_features)
    with np.errstate(over="ignore"):
        total = np.exp(logs).sum()
    if not abs(total - 1) <= _TOLERANCE:
        raise ValueError(
            f"the probabilities that {density.name} gives to all rows of {n_features} zeros and ones sum to "
            f"{total:.6g}, not to one, so that no sum over them is exact; for densities of other rows "
            'kl_divergence, cross_entropy and entropy have method="monte_carlo"'
        )
    return logs


def state_weights(bits):
    """Return the total weight of the rows in every state, in the order of :func:`all_states`."""
    check_few(bits.shape[1], "a table of frequencies")
    weights = np.zeros(2 ** bits.shape[1])
    for index in range(bits.n_tiles):
        numbers = np.zeros(bits.tile(index).shape[1], dtype=np.int64)
        for group, byte in enumerate(bits.tile(index)):
            numbers |= byte.astype(np.int64) << (8 * group)
        weights += np.bincount(numbers, weights=bits.tile_weight(index), minlength=len(weights))
    return weights
