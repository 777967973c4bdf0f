"""What the kernels of random numbers compute, in plain NumPy: the specification the tests hold them to.

A *state* is uint64 of shape (32,): the words a, b, c and the counter of eight generators SFC64, each in all
eight lanes before the next. A *fill* takes whole rounds, one word a lane: entry i of ``out``, row by row, is
made from the word of lane i % 8 in round i // 8, and what is left of the last round is discarded.
"""

import numpy as np
from scipy.special import erfinv, ndtri

_LANES = 8


def _words(state, n):
    """Draw n words in whole rounds, each lane by NumPy's SFC64."""
    lanes = state.reshape(4, _LANES).T.copy()
    rounds = np.empty((-(-n // _LANES), _LANES), dtype=np.uint64)
    generator = np.random.SFC64(0)
    for lane, numbers in enumerate(lanes):
        generator.state = generator.state | {"state": {"state": numbers}}
        rounds[:, lane] = generator.random_raw(len(rounds))
        numbers[:] = generator.state["state"]["state"]
    state[:] = lanes.T.ravel()
    return rounds.ravel()[:n]


def start_generators(words, states):
    """Start generators from three words, as NumPy's SFC64 is started, which draws what starts the lanes.

    It draws the a of eight lanes, then their b, then their c, for one state after the other.
    """
    source = np.random.SFC64(0)
    source.state = source.state | {"state": {"state": np.array([*words, 1], dtype=np.uint64)}}
    source.random_raw(12)
    for state in states:
        state[:24], state[24:] = source.random_raw(24), 1
        _words(state, 12 * _LANES)


def draw_words(state, words):
    """Draw random words, a whole number of rounds."""
    words[:] = _words(state, len(words))


def draw_bits(states, bits, stream_columns):
    """Fill lines with 31 random bits an entry; each state draws the next `stream_columns` columns.

    An entry is half of a word, the lower half first, without its highest bit. Every line begins with a new
    round.
    """
    for state, first in zip(states, range(0, bits.shape[1], stream_columns), strict=True):
        for line in bits[:, first : first + stream_columns]:
            halves = _words(state, -(-len(line) // 2)).astype("<u8").view("<u4")
            line[:] = halves[: len(line)] & (2**31 - 1)


def _unit(words):
    """Return (k + 1/2) 2^-52 for the upper 52 bits k."""
    return ((words >> 12).astype(np.float64) + 0.5) * 2.0**-52


def _distance(words):
    """Return (k + 1/2) 2^-64, rounded once."""
    high, low = (words >> 32).astype(np.float64), (words & 0xFFFFFFFF).astype(np.float64)
    return (high * 2.0**32 + (low + 0.5)) * 2.0**-64


def _normal(words):
    """Return the quantiles at 1/2 + (s + 1/2) 2^-64, with s the word as a signed integer."""
    negative = words >> 63 == 1
    from_centre = _distance(np.where(negative, ~words, words))  # |q|
    from_end = _distance(np.where(negative, words, ~words) & (2**63 - 1))  # 1/2 - |q|
    size = np.where(from_end < 0.1, -ndtri(np.minimum(from_end, 0.1)), np.sqrt(2.0) * erfinv(2 * from_centre))
    return np.where(negative, -size, size)


def _exponential(words):
    """Return -log((k + 1/2) 2^-64)."""
    upper = words >> 63 == 1
    distance = _distance(np.where(upper, ~words, words))
    return -np.where(upper, np.log1p(-distance), np.log(distance))


def _fill(numbers, state, parameters, out):
    first, second = np.reshape(parameters, (2, out.shape[1]))
    out[:] = first + second * numbers(_words(state, out.size)).reshape(out.shape)


def fill_uniform(state, parameters, out):
    """Draw low + width u, u in (0, 1); the parameters are the columns' lows, then widths."""
    _fill(_unit, state, parameters, out)


def fill_normal(state, parameters, out):
    """Draw mean + scale z, z standard normal; the parameters are the columns' means, then scales."""
    _fill(_normal, state, parameters, out)


def fill_exponential(state, parameters, out):
    """Draw low + scale x, x standard exponential; the parameters are the columns' lows, then scales."""
    _fill(_exponential, state, parameters, out)


def fill_bernoulli(state, parameters, out):
    """Draw 1 with the columns' probabilities, else 0: where the upper 62 bits are below p 2^62."""
    limits = (np.clip(parameters, 0.0, 1.0) * 2.0**62).astype(np.uint64)
    out[:] = _words(state, out.size).reshape(out.shape) >> 2 < limits


def fill_categorical(state, parameters, out):
    """Draw outcomes from tables of aliases, the columns' own.

    The first d + 1 parameters, for d columns, are ends: the lines of column j are those from number j on
    up to number j + 1. Then all lines follow, each a threshold, the outcome below it, and the outcome from
    it on, which are any 8 bytes. With K lines the product of word and K, over 2^64, has the line's number
    before the point, and behind it, to 52 bits, what is compared with the threshold.
    """
    d = out.shape[1]
    ends, lines = parameters[: d + 1].astype(np.uint64), parameters[d + 1 :].reshape(-1, 3)
    words = _words(state, out.size).reshape(out.shape)
    n_lines = np.diff(ends)
    low = (words & 0xFFFFFFFF) * n_lines
    high = (words >> 32) * n_lines + (low >> 32)
    line = lines[ends[:-1] + (high >> 32)]
    below = _unit(high << 32 | low & 0xFFFFFFFF) < line[..., 0]
    outcomes = np.where(below, line.view(np.uint64)[..., 1], line.view(np.uint64)[..., 2])
    out[:] = outcomes.view(out.dtype)


def fill_correlated(state, parameters, out):
    """Draw rows mean + L z, z standard normal; the parameters are the means, then L row by row.

    Row j of the lower triangle L has j + 1 numbers; the covariance is L L^T.
    """
    d = out.shape[1]
    factor = np.zeros((d, d))
    factor[np.tril_indices(d)] = parameters[d:]
    z = _normal(_words(state, out.size)).reshape(out.shape)
    out[:] = parameters[:d] + z @ factor.T


def uniform_to_normal(uniform, out):
    """Write the standard normal quantiles at the given probabilities."""
    with np.errstate(invalid="ignore"):
        p = np.where((uniform >= 0) & (uniform <= 1), uniform, np.nan)
        size = np.where(np.abs(p - 0.5) < 0.4, np.sqrt(2.0) * erfinv(2 * np.abs(p - 0.5)), 0.0)
        size = np.where(size > 0, size, np.abs(ndtri(np.minimum(p, 1 - p))))
    out[:] = np.where(p < 0.5, -size, size)
