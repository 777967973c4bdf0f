"""The door: every kind of table becomes a source that packs its rows into tiles.

A source has `shape`, `feature_names` and ``pack(start, stop, tile)``, which checks the values of those
rows while it packs them. Nothing behind the door knows where a tile came from.
"""

import numbers
import operator
from decimal import Decimal

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse
from narwhals.exceptions import DuplicateError
from sklearn.utils.validation import check_array

from .. import kernels

# What the kernels read a type as: unsigned integers by size (a signed -1 is a large number, which is
# neither 0 nor 1 just the same) and the two common floats; other types go through NumPy.
_COMPILED = {f"{kind}{size}": f"u{size}" for kind in "iu" for size in (1, 2, 4, 8)}
_COMPILED |= {"b1": "u1", "f2": "f4", "f4": "f4", "f8": "f8"}


def open_source(X, binarize=None):
    """Return the source of a table of any supported kind.

    Raises
    ------
    TypeError
        If the kind of table, or the type of its column names, is not supported.
    ValueError
        If it is empty, not two-dimensional, or of a dtype that cannot hold 0 and 1.
    """
    threshold = _check_threshold(binarize)
    if type(X) is np.ndarray and X.ndim == 2 and X.size and X.dtype.kind in "buif":
        return DenseSource(X, threshold)  # the checks below take a hundred times as long as a small table
    if nw.dependencies.is_into_dataframe(X):
        try:
            frame = nw.from_native(X, eager_only=True)
        except DuplicateError as error:
            raise ValueError("the column names of X must differ from one another; rename them") from error
        return FrameSource(frame, threshold)
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        row = np.argwhere(np.ma.getmaskarray(X))[0].tolist()
        raise ValueError(f"X{row} is masked: fill in or drop what is missing, then pass X.filled()")
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise ValueError(f"Complex data not supported: X has dtype {X.dtype}, values must be 0 or 1")
    if scipy.sparse.issparse(X):
        _check_indices(X)
        X = check_array(X, accept_sparse="csr", dtype=None, ensure_all_finite=False)
        return SparseSource(X, threshold)
    X = check_array(X, dtype=None, ensure_all_finite=False, input_name="X")
    if X.dtype.kind not in "buifO":
        raise ValueError(
            f"X has dtype {X.dtype}: fastmle needs numbers or booleans equal to 0 or 1; encode strings, "
            "dates and categories as columns of zeros and ones first"
        )
    return DenseSource(X, threshold)


def _check_indices(matrix):
    """Raise a ValueError if a sparse matrix points outside itself, which SciPy lets one build."""
    if matrix.format in ("csr", "csc"):
        try:
            matrix.check_format(full_check=True)
        except ValueError as error:
            limit = matrix.shape[1 if matrix.format == "csr" else 0]
            outside = matrix.indices[(matrix.indices < 0) | (matrix.indices >= limit)]
            found = f", found {outside[0]}" if len(outside) else ""
            raise ValueError(f"X is a damaged sparse matrix ({error}{found}); build it again") from error


def packed_source(packed, n_features, bitorder="little"):
    """Return the source of rows packed as by numpy.packbits along axis 1."""
    packed = np.asarray(packed)
    if isinstance(n_features, bool) or not isinstance(n_features, numbers.Integral):
        raise ValueError(f"n_features must be an integer, got {n_features!r}")
    n_bytes = -(-int(n_features) // 8)
    if bitorder not in ("little", "big"):
        raise ValueError(f"bitorder must be 'little' or 'big', got {bitorder!r}")
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != n_bytes or n_features < 1:
        raise ValueError(
            f"{n_features} packed variables need a uint8 array of shape (n_samples, {n_bytes}), got "
            f"{packed.dtype} of shape {packed.shape}"
        )
    _refuse_empty("array", packed.shape)
    return PackedSource(packed, int(n_features), bitorder)


class DenseSource:
    """A NumPy array, whatever its layout, byte order or dtype; read in tiles, never copied whole."""

    def __init__(self, array, threshold):
        self._array = array
        self._threshold = threshold
        compiled = _COMPILED.get(f"{array.dtype.kind}{array.dtype.itemsize}")
        self._compiled = None if threshold is not None or compiled is None else np.dtype(compiled)
        self.shape = array.shape
        self.feature_names = None

    def pack(self, start, stop, tile):
        """Check the rows start <= r < stop and pack them into the tile."""
        block = self._array[start:stop]
        if self._compiled is not None:
            if block.dtype.kind in "bi":
                native = block.view(self._compiled.newbyteorder(block.dtype.byteorder))
            else:
                native = block
            if kernels.pack_rows(native.astype(self._compiled, copy=False), tile):
                return
        bits, first_wrong = _to_bits(block, self._threshold)
        if first_wrong is not None:
            row, column = np.unravel_index(first_wrong, block.shape)
            _raise_value(start + int(row), int(column), block[row, column], self._threshold, None)
        kernels.pack_rows(bits.view(np.uint8), tile)


class PackedSource:
    """Rows of packed bytes."""

    def __init__(self, packed, n_features, bitorder):
        self._packed = packed
        self._reverse = bitorder == "big"
        self._unused = 0xFF & ~((1 << (n_features - 8 * (packed.shape[1] - 1))) - 1)
        self.shape = (len(packed), n_features)
        self.feature_names = None

    def pack(self, start, stop, tile):
        """Check the padding of the rows start <= r < stop and transpose them into the tile."""
        block = self._packed[start:stop]
        if self._reverse:
            block = np.packbits(np.unpackbits(block, axis=1, bitorder="big"), axis=1, bitorder="little")
        wrong = np.flatnonzero(block[:, -1] & self._unused)
        if len(wrong):
            raise ValueError(
                f"row {start + wrong[0]} of the packed data has bits set beyond variable "
                f"{self.shape[1] - 1}: check n_features and bitorder"
            )
        tile[:] = block.T


class SparseSource:
    """A SciPy CSR matrix or array with 32- or 64-bit indices."""

    def __init__(self, matrix, threshold):
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        if threshold is not None and threshold < 0:
            raise ValueError(
                f"binarize={threshold} would turn the zeros of a sparse matrix into ones; use a "
                "threshold >= 0 or a dense array"
            )
        self._matrix = matrix
        self._threshold = threshold
        self.shape = matrix.shape
        self.feature_names = None

    def pack(self, start, stop, tile):
        """Check the stored values of the rows start <= r < stop and set their bits."""
        bounds = self._matrix.indptr[start : stop + 1]
        stored = slice(bounds[0], bounds[-1])
        values, columns = self._matrix.data[stored], self._matrix.indices[stored]
        ones, first_wrong = _to_bits(values, self._threshold)
        if first_wrong is not None:
            row = int(np.searchsorted(bounds, bounds[0] + first_wrong, side="right")) - 1
            _raise_value(start + row, columns[first_wrong], values[first_wrong], self._threshold, None)
        indptr = bounds - bounds[0]
        if not ones.all():
            indptr = np.concatenate([[0], np.cumsum(ones)])[indptr].astype(columns.dtype)
            columns = columns[ones]
        tile[:] = 0
        kernels.pack_sparse_rows(
            np.ascontiguousarray(indptr, dtype=columns.dtype), np.ascontiguousarray(columns), tile
        )


class FrameSource:
    """A pandas or polars DataFrame or a pyarrow Table, read column by column in runs of rows."""

    def __init__(self, frame, threshold):
        n_samples, n_features = frame.shape
        _refuse_empty("data frame", frame.shape)
        self._frame = frame
        self._threshold = threshold
        self.shape = (n_samples, n_features)
        self.feature_names = frame_names(frame)
        for name, dtype in frame.schema.items():
            if not (dtype.is_numeric() or dtype == nw.Boolean or dtype == nw.Object):
                raise ValueError(
                    f"column {name!r} of X holds {dtype}: fastmle needs numbers or booleans equal to 0 "
                    "or 1; encode it as columns of zeros and ones first"
                )

    def pack(self, start, stop, tile):
        """Check the rows start <= r < stop and pack them into the tile."""
        columns = np.empty((self.shape[1], stop - start), dtype=np.uint8)
        part = self._frame[start:stop]
        wrong = []
        for j, (series, ones) in enumerate(zip(part.iter_columns(), columns, strict=True)):
            values = _column_values(series)
            bits, first_wrong = _to_bits(values, self._threshold)
            if first_wrong is not None:
                wrong.append((first_wrong, j, values[first_wrong]))
            ones[:] = bits
        if wrong:
            row, j, value = min(wrong, key=operator.itemgetter(0, 1))
            _raise_value(start + row, j, value, self._threshold, self._frame.columns)
        kernels.pack_rows(columns.T, tile)


def _column_values(series):
    """Return a column as a NumPy array with NaN for what is missing."""
    if series.null_count() == 0:
        return series.to_numpy()
    values = np.array(series.to_list(), dtype=object)
    values[series.is_null().to_numpy()] = np.nan
    return values


def _to_bits(values, threshold):
    """Return values as booleans, and the flat index of the first that cannot be one, or None."""
    if values.dtype.kind == "O":
        numbers_only = [_as_number(value, strict=threshold is None) for value in values.ravel()]
        values = np.array(numbers_only, dtype=np.float64).reshape(values.shape)
    if threshold is None:
        bits = values == 1
        good = bits | (values == 0)
    else:
        bits = values > threshold
        good = np.isfinite(values)
    if good.all():
        return bits, None
    return bits, int(np.argmin(good.ravel()))


def _as_number(value, strict):
    """Return an object as a float, NaN for text and what is missing.

    Anything else is NaN too where zeros and ones are demanded, and a TypeError where numbers are.
    """
    if isinstance(value, (numbers.Real, Decimal, np.bool_)):
        return float(value)
    missing = value is None or type(value).__name__ == "NAType"  # pandas.NA, not imported here
    return np.nan if strict or missing or isinstance(value, (str, bytes)) else float(value)


def _raise_value(row, column, value, threshold, names):
    """Raise the error about a value that is no bit."""
    place = f"X[{row}, {column}]"
    if names is not None:
        place += f" (column {names[column]!r})"
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, numbers.Real) and not np.isfinite(value):
        shown = "NaN" if value != value else str(value)
        raise ValueError(
            f"{place} is {shown}: input must not contain NaN or inf; fill in or drop such rows first"
        )
    if threshold is None:
        raise ValueError(
            f"{place} is {value!r}: every value must be 0 or 1. To turn values into bits, pass "
            "binarize=threshold"
        )
    raise ValueError(f"{place} is {value!r}, which cannot be compared with binarize={threshold}")


def _check_threshold(binarize):
    if binarize is None:
        return None
    if isinstance(binarize, bool) or not isinstance(binarize, numbers.Real) or binarize != binarize:
        raise ValueError(f"binarize must be a number or None, got {binarize!r}")
    return float(binarize)


def frame_names(frame):
    """Return the column names of a frame as an object array, or None where they are no strings.

    Raises
    ------
    TypeError
        If some names are strings and some are not.
    """
    columns = list(frame.columns)
    kinds = {isinstance(name, str) for name in columns}
    if kinds == {True, False}:
        types = sorted({type(name).__qualname__ for name in columns})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input "
            f"has {types} as feature name / column name types. Convert them all to strings, for example "
            "by X.columns = X.columns.astype(str)."
        )
    return np.asarray(columns, dtype=object) if kinds == {True} else None


def make_feature_names(names, n_features):
    """Return the names as an object array of n_features different strings."""
    names = np.asarray(list(names), dtype=object)
    if names.shape != (n_features,) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"feature_names must be {n_features} strings, one a column")
    if len(set(names)) < n_features:
        raise ValueError("feature_names must differ from one another")
    return names


def check_not_empty(bits):
    """Return a BitMatrix that has rows, columns and weight; slices of one need not.

    Raises
    ------
    ValueError
        If it has none.
    """
    _refuse_empty("BitMatrix", bits.shape)
    if bits.sample_weight is not None:
        _refuse_weightless(bits.sample_weight)
    return bits


def _refuse_empty(kind, shape):
    for count, what in zip(shape, ("sample(s)", "feature(s)"), strict=True):
        if count == 0:
            raise ValueError(f"Found {kind} with 0 {what} (shape={shape}) while a minimum of 1 is required.")


def _refuse_weightless(weight):
    if not weight.any():
        raise ValueError("sample_weight is zero for every row; at least one weight must be positive")


def check_sample_weight(sample_weight, n_samples):
    """Return the weights as float64 of shape (n_samples,), or None.

    Raises
    ------
    ValueError
        If a weight is negative, NaN or infinite, if all are zero, or if their number is wrong.
    """
    if sample_weight is None:
        return None
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        order="C",
        copy=True,
        ensure_all_finite=False,
        input_name="sample_weight",
    )
    if weight.shape != (n_samples,):
        raise ValueError(f"sample_weight has shape {weight.shape}, expected ({n_samples},): one weight a row")
    good = np.isfinite(weight) & (weight >= 0)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"sample_weight[{row}] is {weight[row]}: weights must be finite and not negative")
    _refuse_weightless(weight)
    with np.errstate(over="ignore"):
        if not np.isfinite(weight.sum()):
            raise ValueError("the sum of sample_weight overflows; divide the weights by their largest")
    return weight
