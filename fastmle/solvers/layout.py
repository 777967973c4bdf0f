"""Which entries of a flat array are parameters."""

import functools

import numpy as np

from ..engine import map_units

# The entries are cut into parts of about so many, the units of threads: a pass through the memory of a part
# should take much longer than the call.
_PART_SIZE = 2**17
# Entries that a pass goes through in the time of an elementary step: they are read and written in lines.
_ENTRIES_A_STEP = 3


class Layout:
    """Which entries of a flat array are parameters, and which of these are weights.

    The other entries are neither read nor written, such as those above the diagonal where the array is a
    lower triangular matrix. A penalty and weight decay act on weights only.

    Parameters
    ----------
    weights : array-like of int, shape (n_runs, 2)
        Runs of entries that are weights: from ``weights[i, 0]`` up to, but without, ``weights[i, 1]``.
    others : array-like of int, shape (n_runs, 2), default=()
        Runs of entries that are parameters but no weights: intercepts.

    Attributes
    ----------
    size : int
        Number of parameters.
    stop : int
        Smallest length of an array that holds them all.

    Raises
    ------
    ValueError
        If runs overlap or go backwards.

    Examples
    --------
    >>> from fastmle.solvers import Layout
    >>> layout = Layout(weights=[(2, 8)], others=[(0, 2)])
    >>> layout.size, layout.stop
    (8, 8)
    """

    def __init__(self, weights, others=()):
        weights, others = _runs("weights", weights), _runs("others", others)
        every = np.concatenate([weights, others])
        every = every[np.argsort(every[:, 0])]
        if np.any(every[1:, 0] < every[:-1, 1]):
            place = every[1:][every[1:, 0] < every[:-1, 1]][0, 0]
            raise ValueError(f"runs of entries must not overlap; entry {place} is in two of them")
        self.size = int(np.diff(every).sum())
        self.stop = int(every[:, 1].max(initial=0))
        self._runs = every
        self._parts = [(part, True) for part in _cut(weights)] + [(part, False) for part in _cut(others)]

    @classmethod
    @functools.lru_cache(maxsize=16)
    def whole(cls, size):
        """Return the layout of an array whose entries are weights, all of them."""
        return cls([(0, size)])

    @classmethod
    def lower_triangle(cls, n, *, first=0):
        """Return the layout of a flat square matrix whose weights stand below the diagonal.

        Parameters
        ----------
        n : int
            Number of rows.
        first : int, default=0
            Where the matrix begins; the entries before it are parameters too, but no weights.

        Returns
        -------
        Layout
        """
        rows = np.arange(1, n)
        starts = first + n * rows
        return cls(np.column_stack([starts, starts + rows]), [(0, first)] if first else ())

    def entries(self):
        """Return the indices of all parameters, ascending, int64 of shape (size,).

        Examples
        --------
        >>> from fastmle.solvers import Layout
        >>> Layout(weights=[(3, 5)], others=[(0, 2)]).entries()
        array([0, 1, 3, 4])
        """
        return np.concatenate([np.arange(start, stop) for start, stop in self._runs] or [self._runs[:, 0]])

    def map(self, function, *, n_jobs=None):
        """Call ``function(runs, are_weights)`` on the parts of the layout, and return the results in order.

        The parts follow from the layout alone, never from `n_jobs`.
        """
        work = self.size // _ENTRIES_A_STEP
        return map_units(lambda part: function(*part), self._parts, n_jobs=n_jobs, work=work)


def _runs(name, runs):
    """Return runs that are not empty as int64 of shape (n_runs, 2)."""
    runs = np.asarray(runs, dtype=np.int64).reshape(-1, 2)
    if np.any(runs[:, 0] > runs[:, 1]) or np.any(runs[:, 0] < 0):
        raise ValueError(f"{name} must be pairs (start, stop) with 0 <= start <= stop")
    return runs[runs[:, 0] < runs[:, 1]]


def _cut(runs):
    """Cut runs into groups of about `_PART_SIZE` entries, long ones into several."""
    pieces = [
        (start, min(start + _PART_SIZE, stop))
        for first, stop in runs.tolist()
        for start in range(first, stop, _PART_SIZE)
    ]
    pieces = np.array(pieces, dtype=np.int64).reshape(-1, 2)
    part = np.cumsum(pieces[:, 1] - pieces[:, 0]) // _PART_SIZE
    return np.split(pieces, np.flatnonzero(np.diff(part)) + 1) if len(pieces) else []
