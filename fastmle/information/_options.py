"""What the public functions share: a sum in the form that was asked for."""

import math

import numpy as np

from .. import kernels
from ._sums import Pairs, plain_settings, sum_of_pair

_VALUE, _OTHER, _LARGEST = 0, 1, 2
_SERIES = 4
# Above this the exponentials of the Renyi sum need a shift.
_MOST_EXPONENT = 600.0


def unit_of(base):
    """Return the unit that belongs to a base, in nats, and its name."""
    if base is None:
        return 1.0, "nats"
    if not (base > 0 and base != 1 and math.isfinite(base)):
        raise ValueError(f"base must be positive and not 1, such as 2 for bits, got {base!r}")
    return math.log(base), "bits" if base == 2 else f"units of log({base:g})"


def sum_up(kind, p, q, axis, keepdims, log, normalize, nan_policy, n_jobs, finish=None):
    """Return the sums of a kind of terms along an axis, with `finish` applied to them."""
    value = None if keepdims else sum_of_pair(kind, p, q, axis, log, normalize, nan_policy, n_jobs)
    if value is not None:
        return value if finish is None else float(finish(value))
    pairs = Pairs(p, q, axis=axis, log=log, normalize=normalize, nan_policy=nan_policy, n_jobs=n_jobs)
    results, _ = pairs.checked_sums(kind)
    values = results[:, _VALUE].copy()
    return pairs.shaped(values if finish is None else finish(values), keepdims)


def sum_up_renyi(alpha, p, q, axis, keepdims, log, normalize, nan_policy, n_jobs):
    """Return Renyi divergences of an order other than 1.

    With H the sum of the terms (alpha p + (1 - alpha) q - p^alpha q^(1 - alpha)) / (alpha (1 - alpha)), the
    sum of p^alpha q^(1 - alpha) is 1 - alpha (1 - alpha) H. It is that of q and p for the order 1 - alpha,
    too, by which the kernel is spared orders below 1/2. Large divergences come from the sum itself.
    """
    order = alpha
    if alpha < 0.5:
        p, q, order = q, p, 1 - alpha
    elif alpha == math.inf:
        order = 2.0
    pairs = Pairs(
        p,
        q,
        axis=axis,
        log=log,
        normalize=normalize,
        nan_policy=nan_policy,
        n_jobs=n_jobs,
        names="qp" if alpha < 0.5 else "pq",
    )
    settings = _renyi_settings(order)
    results, scales = pairs.checked_sums("renyi", settings)
    with np.errstate(all="ignore"):
        if alpha == math.inf:
            values = results[:, _LARGEST]
        else:
            change = order * (order - 1) * results[:, _VALUE]
            shifts = np.where(results[:, _LARGEST] > _MOST_EXPONENT, results[:, _LARGEST], 0.0)
            shifts[~np.isfinite(shifts)] = 0.0
            others = results[:, _OTHER]
            if shifts.any():
                shifted = pairs.sums("renyi", settings, scales, shifts)
                others = np.where(shifts > 0, shifted[:, _OTHER], others)
            whole = np.where(np.abs(change) < 0.5, np.log1p(change), np.log(others) + shifts)
            values = whole / (alpha - 1)
            values[results[:, _LARGEST] == np.inf] = np.inf
    return pairs.shaped(np.maximum(values, 0.0), keepdims)


def _renyi_settings(order):
    settings = plain_settings()
    settings[0, 2] = order
    powers = order ** np.arange(kernels.SUM_SETTINGS - _SERIES)
    factorials = [math.factorial(n) for n in range(2, 2 + len(powers))]
    settings[0, _SERIES:] = np.cumsum(powers) / factorials
    return settings
