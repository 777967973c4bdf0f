"""Tables in files: read in the forms that the library takes, written whole or not at all.

=====================  ===================================================================
``.npy``               an array
``.npz``               several arrays; bit-packed rows, where there is an entry ``n_features``;
                       or a sparse matrix, as :func:`scipy.sparse.save_npz` writes it
``.csv``, ``.csv.gz``  fields separated by commas, with or without a line of column names
``.parquet``           a table with column names
=====================  ===================================================================
"""

import contextlib
import csv
import gzip
import importlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
import scipy.sparse

from .data import BitMatrix
from .outputs import replacing

# Entries of an archive that describe its arrays; n_features marks bit-packed rows.
_DESCRIPTIONS = ("n_features", "feature_names")
# What stands in a first line of values besides numbers: missing values and booleans.
_VALUE_WORDS = {"", "na", "n/a", "nan", "null", "none", "true", "false"}


def read_table(path, *, key=None, preferred=("X", "train")):
    """Read a table of zeros and ones from a file.

    The values are not checked here: that is done where the table is packed.

    Parameters
    ----------
    path : str or path-like
        A file whose name ends in .npy, .npz, .csv, .csv.gz or .parquet.
    key : str or None, default=None
        Which array of an .npz archive to read.
    preferred : sequence of str, default=("X", "train")
        Without a `key`, the arrays of an .npz archive to look for, in turn. If there are none of them,
        the only array, or else the only one with two dimensions, is taken.

    Returns
    -------
    ndarray, scipy.sparse matrix, BitMatrix or pyarrow.Table
        An ndarray from .npy (memory-mapped, read-only), from .npz, and from .csv and .parquet without
        column names; bit-packed rows as a BitMatrix; a pyarrow.Table where the columns have names.

    Raises
    ------
    ValueError
        If the ending is unknown, the file is damaged or has no table in it, or if it is not clear which
        array of an archive is meant: the message lists them.
    OSError
        If the file cannot be read.
    ImportError
        If pyarrow is needed and not installed.

    See Also
    --------
    write_table : Write such a file.

    Notes
    -----
    Nothing in these files can run code: pickled arrays are refused.

    The first line of a .csv file holds column names, unless all of its fields are numbers, booleans or
    missing. Names that merely count the columns, ``0, 1, 2, ...``, as pandas writes them for columns
    without names, are dropped; in a .csv file this takes at least three columns.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from fastmle.files import read_table, write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "coins.npz"
    ...     np.savez(path, train=[[0, 1], [1, 1]], test=[[1, 0]])
    ...     read_table(path, key="test")
    array([[1, 0]])
    """
    path = Path(path)
    ending = table_ending(path)
    with open(path, "rb"):  # a missing or unreadable file is an OSError that says so
        pass
    with _reading(path):
        if ending == ".npz":
            return _read_npz(path, key, preferred)
        if key is not None:
            raise ValueError("it holds a single table, leave out the key")
        return _READERS[ending](path)


def write_table(path, array, feature_names=None):
    """Write a table to a file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Written exactly there, in the format that its ending says: .npy, .npz (under the key "X"),
        .csv, .csv.gz or .parquet. A file that is there already is replaced.
    array : array-like of shape (n_samples, n_features) or (n_samples,)
        Numbers; a one-dimensional array is a single column.
    feature_names : sequence of str or None, default=None
        Names of the columns, which an .npy file cannot keep.

    Raises
    ------
    ValueError
        If the ending is unknown or the names do not fit the columns.
    OSError
        If the file cannot be written; one that was there before stays as it was.
    ImportError
        If pyarrow is needed and not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fastmle.files import write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "coins.csv"
    ...     write_table(path, [[0, 1], [1, 1]], feature_names=["penny", "dime"])
    ...     print(path.read_text())
    "penny","dime"
    0,1
    1,1
    <BLANKLINE>
    """
    array = np.asarray(array)
    if array.ndim not in (1, 2):
        raise ValueError(f"a table has one or two dimensions, got an array of shape {array.shape}")
    n_columns = 1 if array.ndim == 1 else array.shape[1]
    if feature_names is not None and len(feature_names) != n_columns:
        raise ValueError(f"{len(feature_names)} feature names for {n_columns} columns")
    write = _WRITERS[table_ending(path)]
    with replacing(path) as file:
        write(file, array, feature_names)


def table_ending(path):
    """Return the ending of a table's file name.

    Raises
    ------
    ValueError
        If it is none that the library reads and writes.

    Examples
    --------
    >>> from fastmle.files import table_ending
    >>> table_ending("coins.CSV.gz")
    '.csv.gz'
    """
    name = Path(path).name.lower()
    for ending in _WRITERS:
        if name.endswith(ending):
            return ending
    raise ValueError(f"{path} is no table that fastmle knows: its name must end in {', '.join(_WRITERS)}")


# Readers


@contextlib.contextmanager
def _reading(path):
    """Turn what readers raise on a damaged file, or one without a table, into a ValueError that names it."""
    try:
        yield
    except (ValueError, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"cannot read {path}: {error}") from error
    except (csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"cannot read {path}: it is damaged ({error})") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise ValueError(f"cannot read {path}: {error}") from error


def _two_dimensional(array, what):
    if array.ndim != 2:
        raise ValueError(f"{what} has shape {array.shape}, a table has two dimensions: rows and columns")
    return array


def _read_npy(path):
    return _two_dimensional(np.lib.format.open_memmap(path, mode="r"), "its array")


def _read_npz(path, key, preferred):
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no .npz archive, or damaged")
    with np.load(path, allow_pickle=False) as archive:
        entries = list(archive.files)
        if {"format", "shape", "data"} <= set(entries):
            if key is not None:
                raise ValueError("it holds a single sparse matrix, leave out the key")
            return scipy.sparse.load_npz(path)
        keys = [name for name in entries if name not in _DESCRIPTIONS]
        if key is None:
            key = _choose_key(archive, keys, preferred)
        elif key not in keys:
            raise ValueError(f"it has no array {key!r}; its arrays are: {', '.join(keys)}")
        array = _two_dimensional(archive[key], f"its array {key!r}")
        names = archive["feature_names"].tolist() if "feature_names" in entries else None
        if "n_features" in entries:
            n_features = archive["n_features"]
            if n_features.dtype.kind not in "iu" or n_features.size != 1:
                raise ValueError("its entry n_features is not one integer, the number of columns")
            return BitMatrix.from_packed(array, int(n_features.item()), feature_names=names)
    if names is None:
        return array
    if len(names) != array.shape[1]:
        raise ValueError(f"it has {len(names)} feature names for {array.shape[1]} columns")
    return _arrow().table(list(array.T), names=names)


def _choose_key(archive, keys, preferred):
    if len(keys) == 1:
        return keys[0]
    for name in preferred:
        if name in keys:
            return name
    tables = [name for name in keys if archive[name].ndim == 2]
    if len(tables) == 1:
        return tables[0]
    if not keys:
        raise ValueError("it holds no array")
    raise ValueError(f"it is not clear which array is meant; choose one by its key: {', '.join(keys)}")


def _read_csv(path):
    _arrow()  # before anything is said about the file
    opener = gzip.open if table_ending(path) == ".csv.gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        first = next((line for line in file if line.strip()), None)
    if first is None:
        raise ValueError("it is empty")
    names = _column_names(first)
    table = _parse_csv(path, first, names)
    for j, column in enumerate(table.columns):
        _check_numbers(j, column, names)
    return _as_array(table) if names is None or _are_counts(names) else table


def _column_names(line):
    """Return the column names in the first line of a .csv file, or None if it holds values."""
    # Quotes are kept here: a quoted number is a name.
    if all(map(_is_value, next(csv.reader([line], quoting=csv.QUOTE_NONE)))):
        counted = line.rstrip().split(",")
        return counted if len(counted) > 2 and _are_counts(counted) else None
    names = next(csv.reader([line]))
    if "" in names:
        raise ValueError(
            f"column {names.index('')} has no name in the first line; if it numbers the rows, write the "
            "file without it (in pandas: index=False; in R: row.names=FALSE)"
        )
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"the column name {repeated[0]!r} stands twice in the first line")
    return names


def _is_value(field):
    field = field.strip()
    if field.lower() in _VALUE_WORDS:
        return True
    try:
        float(field)
    except ValueError:
        return False
    return True


def _are_counts(names):
    return list(names) == [str(j) for j in range(len(names))]


def _parse_csv(path, first, names):
    """Parse the file with the smallest of the types that hold its values."""
    pyarrow, pyarrow_csv = _arrow(), _arrow("csv")
    n_columns = len(next(csv.reader([first])))
    read_options = pyarrow_csv.ReadOptions(
        autogenerate_column_names=names is None,
        block_size=max(1 << 20, 16 * len(first)),  # a line must fit into a block
    )
    # Left to itself the parser takes eight bytes a value, and judges a column by its first block.
    for value_type in (pyarrow.uint8(), pyarrow.float64(), None):
        types = None
        if value_type is not None:
            types = dict.fromkeys(names or (f"f{j}" for j in range(n_columns)), value_type)
        options = pyarrow_csv.ConvertOptions(column_types=types)
        try:
            return pyarrow_csv.read_csv(path, read_options=read_options, convert_options=options)
        except pyarrow.ArrowInvalid:
            if value_type is None:
                raise


def _check_numbers(j, column, names):
    """Raise a ValueError that names the first entry of a column which is neither number nor boolean."""
    kinds = _arrow("types")
    if kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_boolean(column.type):
        return
    texts = column.cast("string").to_pylist()
    row = next((i for i, text in enumerate(texts) if text is not None and not _is_value(text)), 0)
    name = "" if names is None else f" (column {names[j]!r})"
    separators = "; are its fields separated by commas?" if len(names or ()) == 1 else ""
    raise ValueError(f"X[{row}, {j}]{name} is {texts[row]!r}, which is not a number{separators}")


def _read_parquet(path):
    with _arrow("parquet").ParquetFile(path) as file:
        table = file.read()
    return _as_array(table) if _are_counts(table.column_names) else table


def _as_array(table):
    """Return a table whose columns have no names as an array, with NaN for what is missing."""
    return np.column_stack([column.to_numpy() for column in table.columns])


_READERS = {".npy": _read_npy, ".csv": _read_csv, ".csv.gz": _read_csv, ".parquet": _read_parquet}


# Writers


def _write_npy(file, array, feature_names):
    np.save(file, array)


def _write_npz(file, array, feature_names):
    names = {} if feature_names is None else {"feature_names": np.asarray(feature_names, dtype=str)}
    np.savez_compressed(file, X=array, **names)


def _write_csv(file, array, feature_names):
    options = _arrow("csv").WriteOptions(include_header=feature_names is not None)
    _arrow("csv").write_csv(_as_table(array, feature_names), file, options)


def _write_csv_gz(file, array, feature_names):
    # Neither name nor time go into the archive: the same rows make the same bytes.
    with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as compressed:
        _write_csv(compressed, array, feature_names)


def _write_parquet(file, array, feature_names):
    _arrow("parquet").write_table(_as_table(array, feature_names), file)


def _as_table(array, feature_names):
    columns = [array] if array.ndim == 1 else list(array.T)
    # Names that count the columns stand for none, see read_table.
    names = [str(j) for j in range(len(columns))] if feature_names is None else list(feature_names)
    return _arrow().table(columns, names=names)


_WRITERS = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".csv.gz": _write_csv_gz,
    ".parquet": _write_parquet,
}


def _arrow(module=None):
    """Return pyarrow, or one of its modules."""
    try:
        return importlib.import_module("pyarrow" if module is None else f"pyarrow.{module}")
    except ImportError as error:
        raise ImportError(
            '.csv and .parquet files need pyarrow, which is not installed: pip install "fastmle[arrow]"'
        ) from error
