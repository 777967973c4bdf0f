"""Minibatches of a table, in a new random order every epoch."""

import numpy as np

from .. import kernels
from ..engine import RandomStreams
from .bitmatrix import TILE_ROWS, BitMatrix


class Minibatches:
    r"""Minibatches of a table, in a new random order every epoch.

    An epoch is a permutation of all rows, cut into batches of `batch_size`; the last one has the rows that
    are left. The rows of a batch are gathered in packed form when its turn comes: beside the data there is
    one index a row, and never a second copy of the bits.

    Calling an instance, ``minibatches(epoch, first=0)``, yields the batches of that epoch from number
    `first` on, each a :class:`BitMatrix`.

    Parameters
    ----------
    bits : BitMatrix of shape (n_samples, n_features)
        The data. A row of weight 0 is in no batch.
    batch_size : int
        Number of rows in a batch.
    random_state : None, int, RandomState or Generator, default=None
        Seed of the orders.
    mean_weight : float or None, default=None
        What the weights are divided by: that of the stream of which these rows are a part. None is their own
        mean.

    Attributes
    ----------
    n_samples : int
        Number of rows that take part: those of positive weight.
    n_batches : int
        Number of batches in an epoch.
    key : ndarray of uint64, shape (2,)
        Tells these orders from others: by seed, number of rows and batch size.

    Raises
    ------
    ValueError
        If `batch_size` is no positive integer, or larger than the number of rows.

    Notes
    -----
    The order of an epoch follows from the seed and its number alone: an epoch can be taken up in its middle,
    and threads do not matter.

    The weights :math:`w_r` of the rows are divided by their mean, so that for every batch :math:`B` of b rows

    .. math:: \frac{1}{b} \sum_{r \in B} \tilde{w}_r f(x_r), \qquad
              \tilde{w}_r = w_r \Big/ \frac{1}{n} \sum_s w_s

    is an unbiased estimate of the weighted mean of f over the data, and the estimates of an epoch, averaged
    by their shares b/n of the rows, are that mean. Without replacement the variance of an estimate is that
    of b independent rows times (n - b) / (n - 1) [1]_.

    References
    ----------
    .. [1] Cochran, W. G. Sampling Techniques, 3rd ed., section 2.6. Wiley, 1977.

    Examples
    --------
    >>> from fastmle import BitMatrix
    >>> from fastmle.data import Minibatches
    >>> bits = BitMatrix.from_array([[0, 0], [0, 1], [1, 0], [1, 1], [1, 1]])
    >>> minibatches = Minibatches(bits, 2, random_state=0)
    >>> [len(batch) for batch in minibatches(0)]
    [2, 2, 1]
    >>> sum(batch.column_counts() for batch in minibatches(1))
    array([3, 3])
    """

    def __init__(self, bits, batch_size, *, random_state=None, mean_weight=None):
        rows = np.arange(len(bits)) if bits.sample_weight is None else np.flatnonzero(bits.sample_weight)
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")
        if batch_size > len(rows):
            raise ValueError(
                f"batch_size={batch_size} is larger than the data, which have {len(rows)} rows"
                f"{'' if len(rows) == len(bits) else ' of positive weight'}; choose a smaller one"
            )
        self._bits = bits
        self._rows = rows.astype(np.int32 if len(bits) < 2**31 else np.int64)
        self._weight = None
        if bits.sample_weight is not None:
            own = bits.total_weight / len(rows)
            self._weight = bits.sample_weight / (own if mean_weight is None else mean_weight)
        elif mean_weight not in (None, 1.0):
            self._weight = np.full(len(bits), 1.0 / mean_weight)
        self._streams = RandomStreams(random_state)
        self.batch_size = int(batch_size)
        self.n_samples = len(rows)
        self.n_batches = -(-len(rows) // self.batch_size)
        self.key = self._streams.sequence(len(rows), self.batch_size).generate_state(2, np.uint64)

    def __call__(self, epoch, first=0):
        """Yield the batches of an epoch, from number `first` on."""
        order = self._rows.copy()
        self._streams.generator(epoch).shuffle(order)
        # Batches are gathered a few at a time, which shares the cache lines that their rows have in common.
        n_gathered = self.batch_size * max(1, TILE_ROWS // self.batch_size)
        for start in range(first * self.batch_size, len(order), n_gathered):
            yield from self._gather(order[start : start + n_gathered])

    def _gather(self, rows):
        """Return the batches that these rows make up."""
        n_groups, size = self._bits.n_groups, self.batch_size
        taken = np.empty(len(rows) * n_groups, dtype=np.uint8)
        places = np.empty(len(rows), dtype=np.int64)
        kernels.take_rows(self._bits._buffer, TILE_ROWS, rows, taken, min(size, TILE_ROWS), places)
        batches = []
        for start in range(0, len(rows), size):
            own = rows[start : start + size]
            batch = BitMatrix(
                taken[start * n_groups : (start + len(own)) * n_groups],
                (len(own), self._bits.shape[1]),
                feature_names=self._bits.feature_names,
                sample_weight=None if self._weight is None else self._weight[own],
            )
            # What is expected of any of its rows; counting them anew would cost as much as gathering them.
            batch.density = self._bits.density
            batch.heaviest_byte = self._bits.heaviest_byte
            batches.append(batch)
        return batches
