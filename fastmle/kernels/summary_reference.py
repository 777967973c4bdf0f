"""What the kernels of running summaries compute, in plain NumPy, as :mod:`.reference` does for the others.

A *summary* is a float64 array of these numbers: count, mean, what the mean lacks by rounding, sum of squared
and of cubed deviations from the mean, minimum, maximum, number of values that are neither 0 nor 1, the floors
of the upper and of the lower tail, and the tails: the `TAIL_SIZE` largest values, and the `TAIL_SIZE` largest
of the values times -1, each with its least number first and filled up with -infinity. A number at or below a
tail's floor need not be listed, because as many larger ones are known elsewhere. `empty_summary` is that of
no values.
"""

import numpy as np

TAIL_SIZE = 512
_COUNT, _MEAN, _REST, _SQUARES, _CUBES, _MINIMUM, _MAXIMUM, _OTHERS, _UPPER_FLOOR, _LOWER_FLOOR = range(10)
_UPPER_TAIL = slice(10, 10 + TAIL_SIZE)
_LOWER_TAIL = slice(10 + TAIL_SIZE, 10 + 2 * TAIL_SIZE)
_TAILS = (_UPPER_TAIL, _UPPER_FLOOR, 1.0), (_LOWER_TAIL, _LOWER_FLOOR, -1.0)


def empty_summary():
    """Return the summary of no values."""
    summary = np.full(_LOWER_TAIL.stop, -np.inf)
    summary[[_COUNT, _MEAN, _REST, _SQUARES, _CUBES, _OTHERS]] = 0.0
    summary[_MINIMUM] = np.inf
    return summary


def summarize_values(values, summary):
    """Add values; return -1, or the place of the first that is not finite, and then change nothing."""
    values = np.asarray(values)
    if not np.isfinite(values).all():
        return int(np.argmin(np.isfinite(values)))
    if len(values) == 0:
        return -1
    other = empty_summary()
    mean = values.mean()
    rest = (values - mean).mean()
    deviations = values - mean - rest
    other[: _OTHERS + 1] = (
        len(values),
        mean,
        rest,
        (deviations**2).sum(),
        (deviations**3).sum(),
        values.min(),
        values.max(),
        np.count_nonzero((values != 0) & (values != 1)),
    )
    for tail, floor, sign in _TAILS:
        listed = np.sort(sign * values[sign * values > summary[floor]])[-TAIL_SIZE:]
        other[tail][TAIL_SIZE - len(listed) :] = listed
    merge_summaries(summary, other)
    return -1


def merge_summaries(into, other):
    """Add what another summary holds to a summary (Chan, Golub & LeVeque 1979; Pebay 2008)."""
    n, m = into[_COUNT], other[_COUNT]
    if m > 0:
        means = other[[_MEAN, _REST]].astype(np.longdouble), into[[_MEAN, _REST]].astype(np.longdouble)
        delta = float(means[0].sum() - means[1].sum()) if n > 0 else 0.0
        into[_CUBES] += other[_CUBES] + delta**3 * n * m * (n - m) / (n + m) ** 2
        into[_CUBES] += 3 * delta * (n * other[_SQUARES] - m * into[_SQUARES]) / (n + m)
        into[_SQUARES] += other[_SQUARES] + delta**2 * n * m / (n + m)
        mean = (means[1] if n > 0 else means[0]).sum() + delta * m / (n + m)
        into[_MEAN], into[_REST] = mean, mean - np.float64(mean)
        into[_COUNT] += m
        into[_MINIMUM] = min(into[_MINIMUM], other[_MINIMUM])
        into[_MAXIMUM] = max(into[_MAXIMUM], other[_MAXIMUM])
        into[_OTHERS] += other[_OTHERS]
    for tail, floor, _ in _TAILS:
        into[tail] = np.sort(np.concatenate([into[tail], other[tail]]))[TAIL_SIZE:]
        into[floor] = max(into[floor], other[floor])
