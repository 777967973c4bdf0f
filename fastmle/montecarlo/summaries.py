"""Running summaries: moments, extremes and tails of values that come in parts and are not kept.

The summary of a part is merged into the summary of the parts before it, by formulas that subtract means
before they square: a mean of 1e8 and a variance of 1 lose no digits to each other.
"""

import numpy as np

from .. import kernels

_PLACES = kernels.SUMMARY_PLACES
_MOMENTS = slice(0, _PLACES["others"] + 1)
_TAILS = (
    (_PLACES["upper_tail"], _PLACES["upper_floor"], 1.0),
    (
        _PLACES["lower_tail"],
        _PLACES["lower_floor"],
        -1.0,
    ),
)
_EMPTY = kernels.summary_reference.empty_summary()
_FLOORS = [_PLACES["upper_floor"], _PLACES["lower_floor"]]
# Numbers that are centred at a time, so that they stay in the second cache, but at least so many rows, as a
# block has costs of its own; weights take more steps.
_BLOCK_NUMBERS = 2**16
_LEAST_ROWS = 2048
_WEIGHTED_ROWS = 2**15


class NonFiniteError(ValueError):
    """A value is NaN or infinite.

    Attributes
    ----------
    row, component : int
        Place of the first such value, rows first.
    value : float
        What stands there.
    """

    def __init__(self, row, component, value):
        super().__init__(f"value {value} in row {row}, component {component} is not finite")
        self.row, self.component, self.value = row, component, value


class Summary:
    """Moments, extremes and tails of values with one or more components, in constant memory.

    Parts are merged by the formulas of Chan, Golub & LeVeque [1]_ and Pebay [2]_: with numbers n and m of
    values, delta the difference of means, and S the sums of squared deviations,
    ``S = S_n + S_m + delta^2 n m / (n + m)``; for cubes and products of components alike. The digits
    depend on how the values are divided into parts and on nothing else.

    Parameters
    ----------
    n_components : int, default=1
        Number c of components.
    floors : array-like of shape (c, 2) or None, default=None
        :meth:`floors` of another summary. Values that do not pass them are left out of the tails, which
        saves time and leaves the tails the same once this summary is merged with that one.

    Attributes
    ----------
    scalars : ndarray of float64, shape (c, kernels.SUMMARY_SIZE)
        A summary of each component, as `kernels.summarize_values` writes it; compiled loops with one
        component may write here themselves.
    comoments : ndarray of float64, shape (c, c), or None
        Sums of products of deviations; None for one component.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for
       computing sample variances", Stanford STAN-CS-79-773, 1979.
    .. [2] P. Pebay, "Formulas for robust, one-pass parallel computation of covariances and
       arbitrary-order statistical moments", Sandia SAND2008-6212, 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.montecarlo.summaries import Summary
    >>> first, second = Summary(), Summary()
    >>> first.add(np.array([1.0, 2.0, 3.0]))
    >>> second.add(np.array([6.0]))
    >>> first.merge(second)
    >>> first.mean, first.variance, first.count
    (array([3.]), array([4.66666667]), 4.0)
    """

    def __init__(self, n_components=1, floors=None):
        self.scalars = np.empty((n_components, len(_EMPTY)))
        self.scalars[:] = _EMPTY
        if floors is not None:
            self.scalars[:, _FLOORS] = floors
        self.comoments = np.zeros((n_components, n_components)) if n_components > 1 else None

    def add(self, values, weights=None):
        """Add values.

        Products of components are a matter of BLAS, whose threads the caller limits.

        Parameters
        ----------
        values : array-like of shape (n,) or (n, c)
            One row a value; (n,) for one component only.
        weights : array-like of shape (n,) or None, default=None
            Frequencies: a weight of k is the row k times, zero the row removed. Where they are no
            integers, the tails take the next larger ones.

        Raises
        ------
        NonFiniteError
            If a value is NaN or infinite and has a weight; the summary is as it was.
        ValueError
            If a weight is negative or not finite.
        """
        values = np.require(values, np.float64, "A")  # fields of packed records stand anywhere
        if values.ndim == 1:
            values = values[:, None]
        if values.shape[1] != len(self.scalars):
            raise ValueError(f"{values.shape[1]} components, where the summary has {len(self.scalars)}")
        if weights is not None:
            self._add_weighted(values, np.asarray(weights, dtype=np.float64))
        elif self.comoments is None:
            row = kernels.summarize_values(values[:, 0], self.scalars[0])
            if row >= 0:
                raise NonFiniteError(row, 0, float(values[row, 0]))
        else:
            _check_finite(values)
            n_rows = max(_LEAST_ROWS, _BLOCK_NUMBERS // len(self.scalars))
            for start in range(0, len(values), n_rows):
                self._add_block(values[start : start + n_rows])

    def add_counts(self, n, n_ones):
        """Add n values of a single component that are all 0 or 1, as their numbers tell.

        Nothing enters the lists of extremes: ties have no tail.
        """
        if n == 0:
            return
        share = n_ones / n
        squares = n_ones * (1 - share)
        other = Summary()
        moments = {
            "count": n,
            "mean": share,
            "squares": squares,
            "cubes": squares * (1 - 2 * share),
            "minimum": float(n_ones == n),
            "maximum": float(n_ones > 0),
        }
        for name, moment in moments.items():
            other.scalars[0, _PLACES[name]] = moment
        kernels.merge_summaries(self.scalars[0], other.scalars[0])

    def _add_block(self, block):
        other = Summary(len(self.scalars), floors=self.floors())
        columns = block.T.copy()  # contiguous: not to be written where the values stand
        for column, scalar in zip(columns, other.scalars, strict=True):
            kernels.summarize_values(column, scalar)
        columns -= other.mean[:, None]
        rest = other.scalars[:, _PLACES["rest"]]
        other.comoments = columns @ columns.T - len(block) * np.multiply.outer(rest, rest)
        self.merge(other)

    def _add_weighted(self, values, weights):
        if weights.shape != (len(values),):
            raise ValueError(f"weights of shape {weights.shape}, where {(len(values),)} is needed")
        if not (weights >= 0).all() or np.isinf(weights).any():
            raise ValueError("weights must be finite and not negative")
        rows = np.flatnonzero(weights)
        values, weights = values[rows], weights[rows]
        _check_finite(values, rows)
        for start in range(0, len(values), _WEIGHTED_ROWS):
            part = slice(start, start + _WEIGHTED_ROWS)
            self._add_weighted_block(values[part], weights[part])

    def _add_weighted_block(self, block, weights):
        other = Summary(len(self.scalars), floors=self.floors())
        total = weights.sum()
        mean = weights @ block / total
        rest = weights @ (block - mean) / total
        centred = block - mean - rest
        squares = centred * centred  # a power of three would take logarithms
        moments = {
            "count": total,
            "mean": mean,
            "rest": rest,
            "squares": weights @ squares,
            "cubes": weights @ (squares * centred),
            "minimum": block.min(axis=0),
            "maximum": block.max(axis=0),
            "others": weights @ ((block != 0) & (block != 1)),
        }
        for name, moment in moments.items():
            other.scalars[:, _PLACES[name]] = moment
        if self.comoments is not None:
            other.comoments = centred.T @ (weights[:, None] * centred)
        for column, scalar in zip(block.T, other.scalars, strict=True):
            for tail, floor, sign in _TAILS:
                rows = np.flatnonzero(sign * column > scalar[floor])
                rows = rows[np.argsort(-sign * column[rows], kind="stable")[: kernels.TAIL_SIZE]]
                times = np.ceil(np.minimum(weights[rows], kernels.TAIL_SIZE)).astype(np.int64)
                listed = np.repeat(sign * column[rows], times)[: kernels.TAIL_SIZE]
                scalar[tail][kernels.TAIL_SIZE - len(listed) :] = listed[::-1]
        self.merge(other)

    def merge(self, other):
        """Add what another summary of as many components holds; its values come after the own ones."""
        if self.comoments is not None and other.count > 0:
            delta = other.mean - self.mean
            delta += other.scalars[:, _PLACES["rest"]] - self.scalars[:, _PLACES["rest"]]
            self.comoments += other.comoments
            self.comoments += (
                self.count * (other.count / (self.count + other.count)) * np.multiply.outer(delta, delta)
            )
        for scalar, another in zip(self.scalars, other.scalars, strict=True):
            kernels.merge_summaries(scalar, another)

    def copy(self):
        """Return a summary of the same values."""
        copied = Summary.__new__(Summary)
        copied.scalars = self.scalars.copy()
        copied.comoments = None if self.comoments is None else self.comoments.copy()
        return copied

    def floors(self):
        """Return floors for other summaries that will be merged with this one.

        Returns
        -------
        ndarray of shape (c, 2)
            For the upper and the lower tail: the least number of a list that is full, or this summary's
            own floor where that is higher.
        """
        least = [self.scalars[:, tail.start] for tail, _, _ in _TAILS]
        return np.maximum(np.stack(least, axis=1), self.scalars[:, _FLOORS])

    @property
    def n_components(self):
        """Number of components."""
        return len(self.scalars)

    @property
    def count(self):
        """Number of values, or sum of their weights."""
        return float(self.scalars[0, _PLACES["count"]])

    @property
    def mean(self):
        """Means, shape (c,); 0 without values."""
        return self.scalars[:, _PLACES["mean"]].copy()

    @property
    def minimum(self):
        """Least values, shape (c,); infinite without values."""
        return self.scalars[:, _PLACES["minimum"]].copy()

    @property
    def maximum(self):
        """Largest values, shape (c,); -infinite without values."""
        return self.scalars[:, _PLACES["maximum"]].copy()

    @property
    def variance(self):
        """Sums of squares over n - 1, shape (c,); NaN where n is 1 or less."""
        return self._per_degree_of_freedom(self.scalars[:, _PLACES["squares"]])

    @property
    def covariance(self):
        """Sums of products over n - 1, shape (c, c); NaN where n is 1 or less."""
        products = np.zeros((1, 1)) if self.comoments is None else self.comoments.copy()
        np.einsum("ii->i", products)[:] = self.scalars[:, _PLACES["squares"]]
        return self._per_degree_of_freedom(products)

    def _per_degree_of_freedom(self, sums):
        # Weights that add up to one, but for rounding, are one value.
        return sums / (self.count - 1) if self.count > 1 + 1e-9 else np.full_like(sums, np.nan)

    @property
    def standard_error(self):
        """Standard errors of the means, sqrt(variance / n), shape (c,); NaN where n is 1 or less."""
        return np.sqrt(self.variance / max(self.count, 1.0))

    @property
    def skewness(self):
        """Third central moments over the 3/2-th power of the second, shape (c,); NaN for equal values."""
        n, squares = self.count, self.scalars[:, _PLACES["squares"]]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(
                squares > 0, self.scalars[:, _PLACES["cubes"]] / squares * np.sqrt(n / squares), np.nan
            )

    @property
    def all_binary(self):
        """Whether all values were exactly 0 or 1, shape (c,)."""
        return self.scalars[:, _PLACES["others"]] == 0

    def largest(self, component=0):
        """Return the largest values of a component that are known, descending, 512 at most.

        They are the largest of all once summaries are merged with those that floors were taken from.
        """
        return _listed(self.scalars[component, _PLACES["upper_tail"]])

    def smallest(self, component=0):
        """Return the smallest values of a component that are known, ascending; see :meth:`largest`."""
        return -_listed(self.scalars[component, _PLACES["lower_tail"]])


class PairwiseSum:
    """Merges summaries in the order in which they come, as a balanced tree, in memory O(log n).

    Two trees of equal height become one at once, as the digits of a binary counter do, so that the result
    depends on the order alone and a rounding error passes through few merges.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle.montecarlo.summaries import PairwiseSum, Summary
    >>> tree = PairwiseSum()
    >>> for value in range(5):
    ...     summary = Summary()
    ...     summary.add(np.array([float(value)]))
    ...     tree.push(summary)
    >>> tree.total().mean
    array([2.])
    """

    def __init__(self):
        self._heights = []
        self._summaries = []

    def push(self, summary):
        """Take the next summary, which is the tree's own from now on."""
        height = 0
        while self._heights and self._heights[-1] == height:
            earlier = self._summaries.pop()
            earlier.merge(summary)
            summary = earlier
            height = self._heights.pop() + 1
        self._heights.append(height)
        self._summaries.append(summary)

    def total(self):
        """Return a summary of everything so far, or None if there is nothing; the tree stays as it is."""
        total = None
        for summary in reversed(self._summaries):
            summary = summary.copy()
            if total is not None:
                summary.merge(total)
            total = summary
        return total


def _check_finite(values, rows=None):
    """Raise for the first value that is not finite; `rows` are the numbers of the rows, where given."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, component = wrong[0].tolist()
        raise NonFiniteError(
            row if rows is None else int(rows[row]), component, float(values[row, component])
        )


def _listed(tail):
    return np.sort(tail[tail > -np.inf])[::-1]
