"""The FVSBN's parameters as the kernels for minibatches read them, and the gradient of a minibatch.

A step along a few hundred rows takes little longer than to go through the parameters once. So these lie in
the order in which the kernel needs them: blocks of 32 columns, in each a line of 32 weights for every
variable that may come before, in float32.
"""

import numpy as np

from . import kernels, likelihood, lists
from .engine import count_threads, map_units
from .memory import aligned_memory

_WIDTH = 2 * kernels.LANES["float32"]
# Entries that lines begin at a multiple of: those of a cache line. Where lines straddle two of these, a pass
# takes a fourth longer.
_ALIGNMENT = 16
# Nanoseconds for a row, and for a set bit, in a block.
_ROW, _BIT = 10, 2


class Lines:
    """Where the parameters of an FVSBN stand in a flat array: first the intercepts, then block after block.

    Columns stand in autoregressive order. Weights of what does not come before a column have a place in its
    block, too: they are zero, and nobody changes them. Blocks begin at multiples of 16 entries, and arrays
    serve best that begin where a cache line does, as those of :meth:`zeros`.

    Parameters
    ----------
    n_features : int
        Number of columns.

    Attributes
    ----------
    size : int
        Length of the array.
    places : ndarray of int64, shape (n_blocks + 1,)
        Where the lines of the blocks begin; the last ones end with the array.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.lines import Lines
    >>> lines = Lines(3)
    >>> flat = lines.pack(np.array([[0, 0, 0], [2, 0, 0], [3, 4, 0]]), intercept=np.array([5, 6, 7]))
    >>> flat[:3], lines.unpack(flat)[1]
    (array([5., 6., 7.], dtype=float32), array([[0., 0., 0.],
           [2., 0., 0.],
           [3., 4., 0.]]))
    """

    def __init__(self, n_features):
        self.n_features = n_features
        self._blocks = []
        start = first_line = -(-n_features // _ALIGNMENT) * _ALIGNMENT
        for first in range(0, n_features, _WIDTH):
            columns = slice(first, min(first + _WIDTH, n_features))
            n_lines = 8 * -(-(columns.stop - 1) // 8)
            self._blocks.append((columns, slice(start, start + n_lines * _WIDTH)))
            start += n_lines * _WIDTH
        self.size = start
        self.places = np.array([first_line, *(place.stop for _, place in self._blocks)], dtype=np.int64)
        self.places.flags.writeable = False

    def zeros(self):
        """Return zeros of float32 and shape (size,), which begin where a cache line does."""
        flat = aligned_memory(self.size, dtype=np.float32)
        flat[:] = 0.0
        return flat

    def runs(self):
        """Return the runs of entries that are weights, int64 of shape (n_runs, 2)."""
        found = []
        for columns, place in self._blocks:
            width = columns.stop - columns.start
            whole = columns.start if width == _WIDTH else 0
            if whole:
                found.append((place.start, place.start + whole * _WIDTH))
            for variable in range(whole, columns.stop - 1):
                line = place.start + variable * _WIDTH
                found.append((line + max(0, variable + 1 - columns.start), line + width))
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def blocks(self, flat):
        """Return slices of columns, each with its lines as a view of shape (n_lines, 32)."""
        return [(columns, flat[place].reshape(-1, _WIDTH)) for columns, place in self._blocks]

    def pack(self, coef, intercept, out=None):
        """Return parameters, or a gradient, as a flat array of float32.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_features)
            Its strict lower triangle is read.
        intercept : ndarray of shape (n_features,)
            Intercepts.
        out : ndarray of float32, shape (size,), or None, default=None
            Where to write.

        Returns
        -------
        ndarray of float32, shape (size,)
        """
        flat = self.zeros() if out is None else out
        flat[: self.n_features] = intercept
        for columns, lines in self.blocks(flat):
            before = np.tril(coef[columns, : columns.stop - 1], k=columns.start - 1)
            lines[: columns.stop - 1, : columns.stop - columns.start] = before.T
        return flat

    def unpack(self, flat):
        """Return intercepts and weights, float64, of shapes (n_features,) and (n_features, n_features)."""
        coef = np.zeros((self.n_features, self.n_features))
        for columns, lines in self.blocks(flat):
            width = columns.stop - columns.start
            coef[columns, : columns.stop - 1] = lines[: columns.stop - 1, :width].T
        return flat[: self.n_features].astype(np.float64), coef


def value_and_gradient(bits, lines, parameters, out, *, n_jobs=None):
    """Return the summed log-likelihood of a minibatch, and write its gradient.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        The rows; their weights count.
    lines : Lines
        Where the parameters stand.
    parameters : ndarray of float32, shape (lines.size,)
        The parameters.
    out : ndarray of float32, shape (lines.size,)
        The gradient; entries that are no parameters may be anything.
    n_jobs : int or None, default=None
        Number of threads; the result is the same bits for any.

    Returns
    -------
    float
        Nats.
    """
    n_samples, n_features = bits.shape
    listed = lists.list_minibatch(bits)
    if listed is None:
        columns = np.arange(n_features, dtype=np.int32)
        intercept, coef = lines.unpack(parameters)
        value, grad_coef, grad_intercept = likelihood.value_and_gradient(
            bits, columns, coef, intercept, dtype=np.float32, n_jobs=n_jobs
        )
        lines.pack(grad_coef, grad_intercept, out=out)
        return float(value.sum())
    tile, weight = bits.tile(0), bits.tile_weight(0)
    value = np.empty(n_features)
    n_blocks = len(lines.places) - 1
    n_left = np.array([n_blocks])

    def fill(_, scratch):
        kernels.compute_gradient_in_lines(
            tile, parameters, lines.places, n_left, weight, scratch, value, out, *listed
        )

    work = n_blocks * n_samples * (_ROW + int(_BIT * bits.density * n_features / 2))
    n_threads = count_threads(n_jobs, work)
    map_units(
        fill,
        range(min(n_blocks, n_threads)),
        n_jobs=n_threads,
        workspace=lambda: aligned_memory(
            2 * min(kernels.LISTED_RUN, n_samples) + 2, _WIDTH // 2, dtype=np.float32
        ),
    )
    return float(value.sum())
