"""BitMatrix: a table of zeros and ones, one bit a value."""

import functools
import itertools
import operator

import numpy as np

from .. import kernels
from ..engine import map_units
from .cooccurrence import count_pairs, weigh_pairs
from .duplicates import count_distinct
from .sources import check_sample_weight, make_feature_names, open_source, packed_source

TILE_ROWS = 4096


class BitMatrix:
    """A table of zeros and ones, one bit a value.

    The rows lie in tiles of 4096 (the last one is shorter). Inside a tile the bytes are group-major:
    for every group of eight variables, one contiguous run with one byte a row, variable ``8 g + h``
    in bit ``h``. That is the form that the kernels read. Estimators take a BitMatrix wherever they
    take a table, so that data is packed once and fitted many times.

    Make one with :meth:`from_array` or :meth:`from_packed`.

    Attributes
    ----------
    shape : tuple of int
        (n_samples, n_features).
    n_bytes : int
        Size of the packed bits.
    feature_names : ndarray of object, shape (n_features,), or None
        Names of the columns, where the table had them.
    sample_weight : ndarray of float64, shape (n_samples,), or None
        Weights of the rows; None means one each.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmle import BitMatrix
    >>> bits = BitMatrix.from_array(np.array([[1, 0, 1], [0, 0, 1]]))
    >>> bits.shape, bits.n_bytes
    ((2, 3), 2)
    >>> bits.column_counts()
    array([1, 0, 2])
    >>> bits[1:].to_array()
    array([[0, 0, 1]], dtype=uint8)
    """

    # Arithmetic with an array is the array's mistake, not an element-wise operation.
    __array_ufunc__ = None

    def __init__(self, buffer, shape, *, feature_names=None, sample_weight=None):
        self._buffer = buffer
        self.shape = shape
        self.feature_names = feature_names
        self.sample_weight = sample_weight

    @classmethod
    def from_array(cls, X, *, sample_weight=None, binarize=None, feature_names=None, n_jobs=None):
        """Pack a table.

        Parameters
        ----------
        X : array-like, sparse matrix, data frame or BitMatrix, shape (n_samples, n_features)
            Values must be 0 or 1: bool, any integer or float dtype, or objects equal to 0 or 1, in
            any memory layout or byte order; a SciPy sparse matrix or array; a pandas or polars
            DataFrame or a pyarrow Table, whose column names are kept.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Finite weights >= 0 of the rows, not all zero. A weight of k is the row k times.
        binarize : float or None, default=None
            Opt in to thresholding: a value becomes 1 where it is greater than `binarize`.
        feature_names : sequence of str or None, default=None
            Names of the columns, for input that has none of its own.
        n_jobs : int or None, default=None
            Number of threads.

        Returns
        -------
        BitMatrix

        Raises
        ------
        ValueError
            If a value is neither 0 nor 1 (the message names the first such row, column and value), or
            with `binarize` not finite; if the table is empty or not two-dimensional; for weights or
            names that do not fit.
        TypeError
            If the table is of a kind that is not understood.

        Examples
        --------
        >>> from fastmle import BitMatrix
        >>> BitMatrix.from_array([[0.2, 0.7]], binarize=0.5).to_array()
        array([[0, 1]], dtype=uint8)
        >>> BitMatrix.from_array([[0, 1], [2, 0]])
        Traceback (most recent call last):
            ...
        ValueError: X[1, 0] is 2: every value must be 0 or 1. To turn values into bits, pass \
binarize=threshold
        """
        if isinstance(X, cls):
            return X._with(feature_names=feature_names, sample_weight=sample_weight)
        source = open_source(X, binarize)
        return cls._from_source(source, feature_names, sample_weight, n_jobs)

    @classmethod
    def from_packed(cls, packed, n_features, *, bitorder="little", sample_weight=None, feature_names=None):
        """Take rows that are packed already, as by :func:`numpy.packbits` along axis 1.

        Parameters
        ----------
        packed : array-like of uint8, shape (n_samples, ceil(n_features / 8))
            The packed rows; the bits beyond the last variable must be 0.
        n_features : int
            Number of variables.
        bitorder : {"little", "big"}, default="little"
            Where the first variable of a byte stands: in its lowest or its highest bit.
        sample_weight, feature_names
            As in :meth:`from_array`.

        Returns
        -------
        BitMatrix

        Raises
        ------
        ValueError
            If shape, dtype or bit order do not fit, or a bit beyond the last variable is set.

        Examples
        --------
        >>> import numpy as np
        >>> from fastmle import BitMatrix
        >>> packed = np.packbits([[1, 0, 1]], axis=1, bitorder="little")
        >>> BitMatrix.from_packed(packed, 3).to_array()
        array([[1, 0, 1]], dtype=uint8)
        """
        source = packed_source(packed, n_features, bitorder)
        return cls._from_source(source, feature_names, sample_weight, None)

    @classmethod
    def _from_source(cls, source, feature_names, sample_weight, n_jobs):
        n_samples, n_features = source.shape
        if feature_names is None:
            feature_names = source.feature_names
        else:
            feature_names = make_feature_names(feature_names, n_features)
        sample_weight = check_sample_weight(sample_weight, n_samples)
        n_groups = (n_features + 7) // 8
        bits = cls(
            np.empty(n_samples * n_groups, dtype=np.uint8),
            (n_samples, n_features),
            feature_names=feature_names,
            sample_weight=sample_weight,
        )

        def pack(index):
            rows = bits.tile_rows(index)
            source.pack(rows.start, rows.stop, bits.tile(index))

        map_units(pack, range(bits.n_tiles), n_jobs=n_jobs, work=n_samples * n_features)
        return bits

    def _with(self, *, feature_names=None, sample_weight=None):
        """Return the same bits with other names or weights, where given."""
        if feature_names is None and sample_weight is None:
            return self
        return BitMatrix(
            self._buffer,
            self.shape,
            feature_names=self.feature_names
            if feature_names is None
            else make_feature_names(feature_names, self.shape[1]),
            sample_weight=self.sample_weight
            if sample_weight is None
            else check_sample_weight(sample_weight, self.shape[0]),
        )

    @functools.cached_property
    def density(self):
        """Share of ones among all values; weights do not count."""
        ones = sum(int(np.bitwise_count(self.tile(index)).sum()) for index in range(self.n_tiles))
        return ones / max(1, self.shape[0] * self.shape[1])

    @functools.cached_property
    def heaviest_byte(self):
        """Largest share of 2048 rows in turn that agree in a byte with a set bit, by every eighth row."""
        first = 256 * np.arange(self.n_groups)[:, None]
        largest = 0.0
        for index, start in itertools.product(range(self.n_tiles), range(0, TILE_ROWS, 2048)):
            sample = self.tile(index)[:, start : start + 2048 : 8]
            if sample.shape[1] > 0:
                counts = np.bincount((sample + first).ravel(), minlength=256 * self.n_groups)
                largest = max(largest, float(counts.reshape(-1, 256)[:, 1:].max() / sample.shape[1]))
        return largest

    # Tiles

    @property
    def n_groups(self):
        """Number of groups of eight variables."""
        return (self.shape[1] + 7) // 8

    @property
    def n_tiles(self):
        """Number of row tiles."""
        return -(-self.shape[0] // TILE_ROWS)

    def tile_rows(self, index):
        """Return the slice of rows of a tile."""
        return slice(index * TILE_ROWS, min((index + 1) * TILE_ROWS, self.shape[0]))

    def tile(self, index):
        """Return a tile as a view, uint8 of shape (n_groups, rows in the tile)."""
        rows = self.tile_rows(index)
        n_groups = self.n_groups
        part = self._buffer[rows.start * n_groups : rows.stop * n_groups]
        return part.reshape(n_groups, rows.stop - rows.start)

    def tiles(self, run):
        """Return the bytes of a range of tiles as a view, one tile behind the other."""
        n_groups = self.n_groups
        rows = slice(self.tile_rows(run[0]).start, self.tile_rows(run[-1]).stop)
        return self._buffer[rows.start * n_groups : rows.stop * n_groups]

    def tile_weight(self, index):
        """Return the weights of a tile's rows, or None where every row counts once."""
        return None if self.sample_weight is None else self.sample_weight[self.tile_rows(index)]

    # Behaviour of a table

    dtype = np.dtype(np.uint8)
    ndim = 2

    @property
    def n_bytes(self):
        """Size of the packed bits in bytes."""
        return self._buffer.nbytes

    @property
    def total_weight(self):
        """Sum of the weights: the number of rows where there are none."""
        return float(self.shape[0] if self.sample_weight is None else self.sample_weight.sum())

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        weighted = "" if self.sample_weight is None else ", weighted"
        return f"<BitMatrix {self.shape[0]} x {self.shape[1]}, {self.n_bytes} bytes{weighted}>"

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("a BitMatrix has to be unpacked: an array needs a copy")
        return self.to_array(np.uint8 if dtype is None else dtype)

    def to_array(self, dtype=np.uint8):
        """Unpack all rows.

        Parameters
        ----------
        dtype : dtype, default=numpy.uint8
            Of the result.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        rows = np.empty(self.shape, dtype=np.uint8)
        for index in range(self.n_tiles):
            kernels.unpack_rows(self.tile(index), rows[self.tile_rows(index)])
        return rows.astype(dtype, copy=False)

    def __getitem__(self, key):
        """Return the rows of a slice, mask or list of indices; one row, unpacked, for an integer."""
        n_samples = self.shape[0]
        if isinstance(key, tuple):
            # rows, and all columns: how scikit-learn's splitters select rows
            whole = len(key) == 2 and (
                key[1] is Ellipsis or (isinstance(key[1], slice) and key[1] == slice(None))
            )
            if not whole:
                raise TypeError(
                    "a BitMatrix is indexed by rows only; select columns with take_columns(columns)"
                )
            key = key[0]
        if not isinstance(key, slice) and np.ndim(key) == 0:
            row = operator.index(key)
            return self._take_rows(np.arange(n_samples)[[row]]).to_array()[0]
        rows = np.arange(n_samples)[key]
        if rows.ndim != 1:
            raise IndexError(f"rows are selected by one axis of indices, got {rows.ndim}")
        return self._take_rows(rows)

    def distinct_rows(self, *, n_jobs=None):
        """Return each kind of row once, with the total weight of its copies, in order of first appearance.

        Rows of weight zero do not count.

        Parameters
        ----------
        n_jobs : int or None, default=None
            Number of threads; the result does not depend on it.

        Returns
        -------
        BitMatrix of shape (n_distinct, n_features)
            Its `sample_weight` has the weights: numbers of copies, where the rows have none.

        Notes
        -----
        Rows are told apart by their bits; hashes only tell where to look. Beside the result, up to 34 bytes a
        row are needed, and rows of more than 64 columns once again: less where rows repeat.

        Examples
        --------
        >>> from fastmle import BitMatrix
        >>> bits = BitMatrix.from_array([[0, 1], [1, 1], [0, 1]]).distinct_rows()
        >>> bits.to_array().tolist(), bits.sample_weight.tolist()
        ([[0, 1], [1, 1]], [2.0, 1.0])
        """
        first, weight = count_distinct(self, n_jobs)
        distinct = self._take_rows(first, n_jobs)
        distinct.sample_weight = weight
        return distinct

    def _take_rows(self, rows, n_jobs=None):
        n_groups = self.n_groups
        taken = BitMatrix(
            np.empty(len(rows) * n_groups, dtype=np.uint8),
            (len(rows), self.shape[1]),
            feature_names=self.feature_names,
            sample_weight=None if self.sample_weight is None else self.sample_weight[rows],
        )
        rows = np.ascontiguousarray(rows)

        def take(index, places):
            wanted = taken.tile_rows(index)
            tile = taken.tile(index).reshape(-1)
            kernels.take_rows(self._buffer, TILE_ROWS, rows[wanted], tile, TILE_ROWS, places)

        map_units(
            take,
            range(taken.n_tiles),
            n_jobs=n_jobs,
            workspace=lambda: np.empty(min(len(rows), TILE_ROWS), dtype=np.int64),
            work=len(rows) * n_groups,
        )
        return taken

    def take_columns(self, columns, *, n_jobs=None):
        """Return the matrix of the given columns, in the given order.

        Parameters
        ----------
        columns : array-like of int
            Indices of columns.
        n_jobs : int or None, default=None
            Number of threads.

        Returns
        -------
        BitMatrix

        Raises
        ------
        IndexError
            If an index is out of range.
        """
        columns = np.atleast_1d(np.asarray(columns))
        columns = np.arange(self.shape[1], dtype=np.int64)[
            columns if columns.size else columns.astype(np.intp)
        ]
        taken = BitMatrix(
            np.empty(self.shape[0] * ((len(columns) + 7) // 8), dtype=np.uint8),
            (self.shape[0], len(columns)),
            feature_names=None if self.feature_names is None else self.feature_names[columns],
            sample_weight=self.sample_weight,
        )

        def take(index):
            kernels.take_columns(self.tile(index), columns, taken.tile(index))

        map_units(take, range(self.n_tiles), n_jobs=n_jobs, work=self.shape[0] * len(columns))
        return taken

    # Statistics

    def column_counts(self, *, n_jobs=None):
        """Return the number of ones in every column, or the weight of those rows.

        Parameters
        ----------
        n_jobs : int or None, default=None
            Number of threads.

        Returns
        -------
        ndarray of shape (n_features,)
            int64, or float64 where the rows have weights.
        """
        weighted = self.sample_weight is not None

        zeros = np.zeros(self.shape[1], dtype=np.float64 if weighted else np.int64)

        def count(index):
            counts = zeros.copy()
            if weighted:
                kernels.sum_columns(self.tile(index), self.tile_weight(index), counts)
            else:
                kernels.count_columns(self.tile(index), counts)
            return counts

        work = self.shape[0] * self.n_groups
        return sum(map_units(count, range(self.n_tiles), n_jobs=n_jobs, work=work), start=zeros)

    def gram(self, *, n_jobs=None):
        """Return the pairwise co-occurrence counts, X^T X, or X^T diag(weight) X.

        Parameters
        ----------
        n_jobs : int or None, default=None
            Number of threads.

        Returns
        -------
        ndarray of shape (n_features, n_features)
            Symmetric; entry (i, j) counts (int64), or weighs (float64), the rows in which both
            columns are one.

        Examples
        --------
        >>> from fastmle import BitMatrix
        >>> BitMatrix.from_array([[1, 1, 0], [0, 1, 0]]).gram()
        array([[1, 1, 0],
               [1, 2, 0],
               [0, 0, 0]])
        """
        if 0 in self.shape:
            dtype = np.int64 if self.sample_weight is None else np.float64
            return np.zeros((self.shape[1], self.shape[1]), dtype=dtype)
        return (count_pairs if self.sample_weight is None else weigh_pairs)(self, n_jobs)
