"""What expectations are taken over: every kind of P behind one small set of methods.

A *stream* is the seed sequence of one block. Samples of a block are a C-contiguous array with one sample a
row: (n,) where a sample is a number, (n, d) where it is a row.
"""

import math

import numpy as np
from scipy import sparse

from .. import kernels
from ..data import BitMatrix
from ..engine import compiled_generators

# Numbers drawn from one stream, in blocks that NumPy works on, which should stay in a near cache, and in
# those that compiled loops see a chunk at a time. Changing these constants changes what a seed draws.
_BLOCK_NUMBERS = 2**16
_FILLED_NUMBERS = 2**19
# The stream of the samples that only tell their shape: no block has this index.
_SETTLING = 2**32 - 1


class Distribution:
    """Draws samples in blocks of `block_rows`, each from a stream of its own.

    Attributes
    ----------
    name : str
        For messages and summaries.
    row_shape : tuple of int or None
        Shape of a sample; None until the first block is drawn, where nothing tells it.
    n_dimensions : int
        Numbers of a sample, and dimension of the unit cube that `transform` maps to samples.
    block_rows : int
        Samples of one block.
    fill : str or None
        The compiled fill that draws these samples, with `parameters` and `dtype`. In a compiled loop a
        block has `filled_rows` samples.
    """

    fill = None

    def __init__(self, name, row_shape):
        self.name, self.row_shape = name, row_shape
        self.n_dimensions = math.prod(row_shape or ())
        self.block_rows = max(1, _BLOCK_NUMBERS // max(1, self.n_dimensions))

    def settle(self, streams):
        """Find out the shape of a sample, where nothing has told it."""

    def draw(self, stream, n):
        """Return n samples."""
        raise NotImplementedError

    def transform(self, uniform):
        """Return the samples that belong to points of the unit cube, shape (n, n_dimensions)."""
        raise TypeError(
            f"{self.name} has no quantile function, which antithetic, stratified and quasi-Monte Carlo "
            'sampling need; use method="plain"'
        )

    def log_density(self, samples):
        """Return the logarithm of the density or probability of samples, shape (n,)."""
        raise TypeError(f"{self.name} has no log density; pass log_weights")


class Filled(Distribution):
    """A distribution with a compiled fill."""

    def __init__(self, name, fill, parameters, row_shape, dtype, transform, log_density):
        super().__init__(name, row_shape)
        self.filled_rows = max(1, _FILLED_NUMBERS // self.n_dimensions)
        self.fill, self.dtype = fill, np.dtype(dtype)
        self.parameters = np.ascontiguousarray(parameters, dtype=np.float64)
        self._transform, self.log_density = transform, log_density

    def draw(self, stream, n):
        samples = np.empty((n, *self.row_shape), dtype=self.dtype)
        rows = samples.reshape(n, -1)
        getattr(kernels, self.fill)(compiled_generators(stream)[0], self.parameters, rows)
        return samples

    def transform(self, uniform):
        return self._transform(uniform).reshape(len(uniform), *self.row_shape)


class Drawn(Distribution):
    """A distribution that another library, or the user, draws from with a NumPy generator."""

    def __init__(
        self,
        name,
        draw,
        *,
        row_shape=None,
        transform=None,
        log_density=None,
        block_numbers=_BLOCK_NUMBERS,
        least_rows=1,
    ):
        super().__init__(name, row_shape)
        self._block_numbers, self._least_rows = block_numbers, least_rows
        self._draw = draw
        if transform is not None:
            self.transform = transform
        if log_density is not None:
            self.log_density = log_density

    def settle(self, streams):
        if self.row_shape is None:
            samples = self.draw(streams.sequence(_SETTLING), 2)
            self.n_dimensions = math.prod(samples.shape[1:])
            self.block_rows = max(self._least_rows, self._block_numbers // max(1, self.n_dimensions))

    def draw(self, stream, n):
        samples = _as_samples(self._draw(np.random.Generator(np.random.SFC64(stream)), n), n, self.name)
        if self.row_shape is None:
            self.row_shape = samples.shape[1:]
        elif samples.shape[1:] != self.row_shape:
            raise ValueError(
                f"{self.name} drew samples of shape {samples.shape[1:]}, before that {self.row_shape}"
            )
        return samples


class Data(Distribution):
    """The rows of a table, each of them once: the empirical distribution."""

    def __init__(self, rows, weights):
        self.rows = rows
        self.n_rows = rows.shape[0]
        super().__init__("the data", tuple(rows.shape[1:]))
        self.weights = None
        if isinstance(rows, BitMatrix):
            weights = rows.sample_weight if weights is None else weights
        if weights is not None:
            self.weights = _checked_weights(weights, self.n_rows)

    def block(self, start, stop):
        """Return the samples of some rows, as an array of their own."""
        if isinstance(self.rows, BitMatrix):
            return np.asarray(self.rows[start:stop])
        if sparse.issparse(self.rows):
            return _as_samples(self.rows[start:stop].toarray(), stop - start, self.name)
        return _as_samples(np.array(self.rows[start:stop]), stop - start, self.name)

    def draw(self, stream, n):
        raise TypeError("the average over data takes every row once: leave out proposals and designs")


def as_table(P):
    """Return data as something that has a shape and slices of rows.

    Raises
    ------
    TypeError
        If it is no data.
    ValueError
        If it has no row.
    """
    if isinstance(P, BitMatrix):
        return P
    if sparse.issparse(P):
        return P.tocsr()
    if not hasattr(P, "__array__") and not isinstance(P, (list, tuple)):
        raise TypeError(
            f"cannot take an expectation over {type(P).__name__}; pass a frozen SciPy distribution, a fitted "
            "density, an array of data, a BitMatrix, or a sampler: a function (rng, n) -> samples"
        )
    if np.ma.is_masked(P):
        raise ValueError("the data have masked entries; leave these rows out, or fill them in")
    table = P if isinstance(P, np.ndarray) else np.asarray(P)
    if table.ndim == 0 or len(table) == 0:
        raise ValueError("there is no row to average over")
    if table.dtype.kind not in "biuf":
        table = _as_samples(table, len(table), "the data")
    return table


def _as_samples(samples, n, name):
    """Return samples as a C-contiguous array with n rows: bool, float64, int64 or, to be widened, 8 bits."""
    if not isinstance(samples, np.ndarray):
        samples = np.asarray(samples)
    if samples.ndim == 0 or len(samples) != n:
        raise ValueError(
            f"{name} was asked for {n} samples and returned an array of shape {samples.shape}; "
            f"its first axis must have length {n}"
        )
    if samples.dtype == object:
        try:
            samples = samples.astype(np.float64)
        except (TypeError, ValueError):
            raise TypeError(f"{name} returned objects; samples must be numbers") from None
    if samples.dtype.kind not in "biuf":
        raise TypeError(f"{name} returned {samples.dtype}; samples must be real numbers")
    # Unsigned and short numbers would wrap around in the integrand.
    if samples.dtype.kind == "f" or samples.dtype == np.uint64:
        samples = samples.astype(np.float64, copy=False)
    elif samples.dtype.kind in "iu" and samples.dtype.itemsize > 1:
        samples = samples.astype(np.int64, copy=False)
    return np.ascontiguousarray(samples)


def _checked_weights(weights, n_rows):
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_rows,):
        raise ValueError(f"weights must have the shape ({n_rows},), one a row; got {weights.shape}")
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"weights must be finite and not negative; row {row} has {weights[row]}")
    if not weights.any():
        raise ValueError("all weights are zero")
    return weights
