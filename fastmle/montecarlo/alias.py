"""Tables of aliases, by which an outcome of many is drawn with one random number (Walker 1977)."""

import numpy as np


def alias_table(probabilities, outcomes=None):
    """Make the table by which `fill_categorical` draws one of K outcomes.

    A line holds a threshold t, an outcome, and another: a draw takes one line of the K, all with equal
    probability, and the first outcome with probability t, else the other. The table is made as by
    Vose (1991).

    Parameters
    ----------
    probabilities : array-like of shape (K,)
        Not negative; they are divided by their sum.
    outcomes : array-like of shape (K,) or None, default=None
        float64 or 64-bit integers; None stands for 0, 1, .., K - 1 as int64.

    Returns
    -------
    ndarray of shape (K, 3), float64
        The lines; the outcomes stand in it with their own 8 bytes, whatever they are.

    Raises
    ------
    ValueError
        If there are no probabilities, one is negative or not finite, all are zero, the outcomes are not as
        many, or are not of 8 bytes.

    Examples
    --------
    >>> from fastmle.montecarlo.alias import alias_table
    >>> alias_table([0.25, 0.75], outcomes=[-1.0, 1.0])
    array([[ 0.5, -1. ,  1. ],
           [ 1. ,  1. ,  1. ]])
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 1 or len(p) == 0:
        raise ValueError(f"probabilities must be one-dimensional and not empty; their shape is {p.shape}")
    if not np.all(np.isfinite(p)) or np.any(p < 0):
        place = int(np.argmin(np.isfinite(p) & (p >= 0)))
        raise ValueError(f"probabilities must be finite and not negative; number {place} is {p[place]}")
    # Divided by the largest first, so that no sum overflows or is lost below the smallest numbers.
    if not p.any():
        raise ValueError("at least one probability must be positive")
    p = p / p.max()
    outcomes = np.arange(len(p)) if outcomes is None else np.asarray(outcomes)
    if outcomes.shape != p.shape:
        raise ValueError(f"{len(p)} probabilities need as many outcomes; their shape is {outcomes.shape}")
    if outcomes.dtype not in (np.dtype(np.float64), np.dtype(np.int64), np.dtype(np.uint64)):
        raise ValueError(f"outcomes must be float64, int64 or uint64, not {outcomes.dtype}")

    share = p * (len(p) / p.sum())
    threshold, other = np.ones(len(p)), np.arange(len(p))
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while small and large:
        short, long = small.pop(), large[-1]
        threshold[short], other[short] = share[short], long
        share[long] -= 1 - share[short]
        if share[long] < 1:
            small.append(large.pop())
    # What is left has a share of 1 but for rounding; an outcome without probability cannot be among it
    # unless no other took its place.
    for place in small:
        if p[place] == 0:
            threshold[place], other[place] = 0.0, int(np.argmax(p))
    table = np.empty((len(p), 3))
    table[:, 0] = threshold
    table.view(outcomes.dtype)[:, 1] = outcomes
    table.view(outcomes.dtype)[:, 2] = outcomes[other]
    return table


def categorical_parameters(tables):
    """Return the parameters of `fill_categorical` for columns with these tables.

    Parameters
    ----------
    tables : sequence of ndarray of shape (K_j, 3)
        One a column, as :func:`alias_table` returns them; K_j is less than 2**32.

    Returns
    -------
    ndarray of shape (d + 1 + 3 * sum(K_j),), float64
        The numbers of the lines at which columns begin and end, then all lines.
    """
    ends = np.cumsum([0, *(len(table) for table in tables)]).astype(np.float64)
    return np.concatenate([ends, *(np.ascontiguousarray(table).ravel() for table in tables)])
