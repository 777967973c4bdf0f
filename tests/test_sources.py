"""The door: every kind of table in, the same bits out, and exact complaints about what is no bit."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from fastmle import BitMatrix
from fastmle.data.bitmatrix import TILE_ROWS

SHAPES = [(1, 1), (65, 9), (TILE_ROWS + 70, 19)]


def check_same(bits, X):
    """Compare a BitMatrix with a table of 0 and 1, and check what the kernels rely on."""
    assert bits.shape == X.shape
    assert len(bits) == len(X)
    assert bits.n_bytes == len(X) * -(-X.shape[1] // 8)
    assert_array_equal(bits.to_array(), X)
    for index in range(bits.n_tiles):
        beyond = bits.tile(index)[-1].astype(int) >> ((X.shape[1] - 1) % 8 + 1)
        assert not beyond.any(), "a bit beyond the last variable is set"


def names(n_features):
    return [f"c{j}" for j in range(n_features)]


def columns_of(X, *, dtypes=("int64",)):
    return {name: X[:, j].astype(dtypes[j % len(dtypes)]) for j, name in enumerate(names(X.shape[1]))}


# What comes in

DTYPES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "O")
BIG_ENDIAN = (">i2", ">i4", ">u8", ">f2", ">f4", ">f8")
FORMS = {dtype: lambda X, dtype=dtype: X.astype(dtype) for dtype in DTYPES + BIG_ENDIAN} | {
    "Fortran bytes": np.asfortranarray,
    "Fortran floats": lambda X: np.asfortranarray(X, dtype=np.float64),
    "every other": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "every other float": lambda X: np.repeat(np.repeat(X.astype("f8"), 2, axis=0), 2, axis=1)[::2, ::2],
    "backwards": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "backwards big-endian": lambda X: np.ascontiguousarray(X[::-1, ::-1], dtype=">i4")[::-1, ::-1],
    "transposed view": lambda X: np.ascontiguousarray(X.T).T,
    "negative zero": lambda X: np.where(X == 1, 1.0, -0.0),
    "list": lambda X: X.tolist(),
    "tuple of bools": lambda X: tuple(map(tuple, X.astype(bool).tolist())),
    "objects of many types": lambda X: np.concatenate(
        [X[:, :1].astype(float).astype("O"), X[:, 1:2] == 1, X[:, 2:]], axis=1
    ),
    "BitMatrix": BitMatrix.from_array,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
def test_dense_input(form, shape, random_bits):
    X = random_bits(*shape)
    table = FORMS[form](X)
    if isinstance(table, np.ndarray):
        table.flags.writeable = False
    check_same(BitMatrix.from_array(table, n_jobs=2), X)


@pytest.mark.parametrize("dtype", ["u1", "f8", ">f4"])
def test_read_only_memory_map(dtype, tmp_path, random_bits):
    X = random_bits(TILE_ROWS + 3, 11)
    X.astype(dtype).tofile(tmp_path / "table")
    check_same(BitMatrix.from_array(np.memmap(tmp_path / "table", dtype=dtype, mode="r", shape=X.shape)), X)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.float64])
@pytest.mark.parametrize("container", ["matrix", "array"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sparse_input(form, container, dtype, index, random_bits):
    X = random_bits(TILE_ROWS + 70, 19, density=0.1)
    X[::3] = 0  # empty rows
    kind = getattr(sp, f"{form}_{container}")
    table = kind(X.astype(dtype))
    if form == "coo":
        table = kind((table.data, tuple(c.astype(index) for c in table.coords)), shape=X.shape)
    else:
        table.indices, table.indptr = table.indices.astype(index), table.indptr.astype(index)
    check_same(BitMatrix.from_array(table), X)


def test_untidy_sparse_input_is_summed_and_left_as_it_was():
    data = np.array([1.0, 0.0, 1.0, -1.0, 2.0, 0.5, 0.5, 1.0])
    indices, indptr = np.array([8, 1, 0, 3, 3, 5, 5, 2]), np.array([0, 2, 2, 8])
    table = sp.csr_array((data.copy(), indices.copy(), indptr.copy()), shape=(3, 9))
    expected = np.zeros((3, 9), dtype=np.uint8)
    expected[0, 8] = expected[2, [0, 2, 3, 5]] = 1
    check_same(BitMatrix.from_array(table), expected)
    check_same(BitMatrix.from_array(table.tocoo()), expected)
    for before, after in [(data, table.data), (indices, table.indices), (indptr, table.indptr)]:
        assert_array_equal(before, after)


FRAMES = {
    "pandas integers": lambda X: pd.DataFrame(columns_of(X)),
    "pandas bools": lambda X: pd.DataFrame(columns_of(X, dtypes=["bool"])),
    "pandas one block": lambda X: pd.DataFrame(X, columns=names(X.shape[1])),
    "pandas nullable": lambda X: pd.DataFrame(columns_of(X)).astype("Int64"),
    "pandas nullable bools": lambda X: pd.DataFrame(columns_of(X)).astype("boolean"),
    "pandas mixed": lambda X: pd.DataFrame(columns_of(X, dtypes=["bool", "int8", "f4", "u8", "O"])).astype(
        {"c0": "Int8"}
    ),
    "pandas shuffled index": lambda X: pd.DataFrame(columns_of(X), index=np.arange(len(X))[::-1] * 3),
    "polars": lambda X: pl.DataFrame(columns_of(X, dtypes=["bool", "int8", "f4", "u8"])),
    "arrow": lambda X: pa.table(columns_of(X, dtypes=["bool", "int8", "f4", "u8"])),
    "arrow in chunks": lambda X: pa.concat_tables([pa.table(columns_of(X[:1])), pa.table(columns_of(X[1:]))]),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FRAMES)
def test_frames_keep_their_names(form, shape, random_bits):
    X = random_bits(*shape)
    bits = BitMatrix.from_array(FRAMES[form](X), n_jobs=2)
    check_same(bits, X)
    assert bits.feature_names.tolist() == names(shape[1])
    others = [f"d{j}" for j in range(shape[1])]
    assert BitMatrix.from_array(FRAMES[form](X), feature_names=others).feature_names.tolist() == others


def test_frames_without_names_have_none(random_bits):
    assert BitMatrix.from_array(pd.DataFrame(random_bits(3, 4))).feature_names is None
    with pytest.raises(TypeError, match=r"string names.*\['int', 'str'\].*X.columns.astype\(str\)"):
        BitMatrix.from_array(pd.DataFrame([[0, 1]], columns=["a", 1]))


@pytest.mark.parametrize("bitorder", ["little", "big"])
@pytest.mark.parametrize("shape", [*SHAPES, (10, 8), (10, 64)])
def test_packed_input(bitorder, shape, random_bits, weights):
    X, weight = random_bits(*shape), weights(shape[0])
    packed = np.asfortranarray(np.packbits(X, axis=1, bitorder=bitorder))
    packed.flags.writeable = False
    bits = BitMatrix.from_packed(
        packed, np.int64(shape[1]), bitorder=bitorder, sample_weight=weight, feature_names=names(shape[1])
    )
    check_same(bits, X)
    assert_array_equal(bits.sample_weight, weight)
    assert bits.feature_names.tolist() == names(shape[1])


@pytest.mark.parametrize(
    ("packed", "arguments", "message"),
    [
        (np.zeros((3, 2), "u1"), (17,), r"17 packed variables.*\(n_samples, 3\).*\(3, 2\)"),
        (np.zeros((3, 2), "i4"), (16,), r"uint8.*int32"),
        (np.zeros(3, "u1"), (8,), r"\(n_samples, 1\).*\(3,\)"),
        (np.zeros((3, 0), "u1"), (0,), "0 packed variables"),
        (np.zeros((0, 1), "u1"), (8,), "0 sample"),
        (np.zeros((3, 1), "u1"), (8.0,), r"n_features.*8\.0"),
        (np.zeros((3, 1), "u1"), (True,), r"n_features.*True"),
        (np.zeros((3, 1), "u1"), (8, "middle"), "bitorder.*'middle'"),
        (
            np.array([[7], [8]], "u1"),
            (3, "little"),
            "row 1 .* beyond variable 2: check n_features",
        ),
        (np.array([[224], [16]], "u1"), (3, "big"), "row 1 .* beyond variable 2"),
    ],
)
def test_packed_input_that_does_not_fit(packed, arguments, message):
    with pytest.raises(ValueError, match=message):
        BitMatrix.from_packed(packed, arguments[0], bitorder=(*arguments, "little")[1])


# Refused values

WRONG = [
    (2, ["u1", "i1", ">i2", "i8", "f2", "f4", "f8", ">f8", "O"], r"2(\.0)?"),
    (-1, ["i1", ">i2", "i4", "i8", "f4", "f8", "O"], r"-1(\.0)?"),
    (0.5, ["f2", "f4", "f8", ">f4", "O"], r"0\.5"),
    (0.5, ["g"], r".*0\.5.*"),
    (2**64 - 1, ["u8"], str(2**64 - 1)),
    ("1", ["O"], "'1'"),
    ("yes", ["O"], "'yes'"),
    (None, ["O"], "None"),
    (1 + 1j, ["O"], re.escape("(1+1j)")),
]
FLOATS = ("f2", "f4", "f8", "g", ">f8", "O")
NOT_FINITE = [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")]
REMEDY = r": every value must be 0 or 1\. To turn values into bits, pass binarize=threshold"
NO_NAN = ": input must not contain NaN or inf; fill in or drop such rows first"


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [(value, dtype, shown + REMEDY) for value, dtypes, shown in WRONG for dtype in dtypes]
    + [(value, dtype, shown + NO_NAN) for value, shown in NOT_FINITE for dtype in FLOATS],
)
def test_a_wrong_value_is_named(value, dtype, message):
    for layout in (np.ascontiguousarray, np.asfortranarray):
        X = np.zeros((TILE_ROWS + 9, 10), dtype=dtype)
        X[TILE_ROWS + 5, 8] = value
        with pytest.raises(ValueError, match=rf"^X\[{TILE_ROWS + 5}, 8\] is {message}$"):
            BitMatrix.from_array(layout(X))


FRAMES_OF_VALUES = {
    "pandas": lambda X: pd.DataFrame(X, columns=names(X.shape[1])),
    "polars": lambda X: pl.DataFrame(X, schema=names(X.shape[1])),
    "arrow": lambda X: pa.table({name: X[:, j] for j, name in enumerate(names(X.shape[1]))}),
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "dense": np.asarray,
    "dense bytes": lambda X: X.astype("i1"),
    "objects": lambda X: X.astype(object),
}


@pytest.mark.parametrize("form", FRAMES_OF_VALUES)
def test_the_first_wrong_value_is_named_whatever_the_threads(form):
    X = np.zeros((6 * TILE_ROWS, 12))
    # Later tiles, a later row of the same tile in an earlier column, a later column of the same row.
    for row, column in [(5 * TILE_ROWS, 0), (3 * TILE_ROWS + 8, 0), (3 * TILE_ROWS + 7, 11)]:
        X[row, column] = 3
    X[3 * TILE_ROWS + 7, 9] = 2
    place = rf"^X\[{3 * TILE_ROWS + 7}, 9\]"
    column = r" \(column 'c9'\)" if form in ("pandas", "polars", "arrow") else ""
    for n_jobs in (1, 2, 2, 2):
        with pytest.raises(ValueError, match=rf"{place}{column} is 2(\.0)?{REMEDY}$"):
            BitMatrix.from_array(FRAMES_OF_VALUES[form](X), n_jobs=n_jobs)


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix", "coo_array"])
@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN" + NO_NAN), (-2.0, r"-2\.0" + REMEDY)])
def test_sparse_errors_name_the_row(kind, value, message):
    X = np.zeros((TILE_ROWS + 50, 7))
    X[:, 3] = np.arange(len(X)) % 5 == 0
    X[TILE_ROWS + 37, 5] = value  # between empty rows
    with pytest.raises(ValueError, match=rf"^X\[{TILE_ROWS + 37}, 5\] is {message}$"):
        BitMatrix.from_array(getattr(sp, kind)(X))


def test_sparse_duplicates_that_add_up_to_two_are_wrong():
    table = sp.csr_array(([1, 1, 1], [0, 2, 2], [0, 1, 3]), shape=(2, 3))
    with pytest.raises(ValueError, match=r"^X\[1, 2\] is 2" + REMEDY):
        BitMatrix.from_array(table)


@pytest.mark.parametrize(("row", "column"), [(0, 3), (0, 8), (TILE_ROWS, -1)])
def test_sparse_indices_out_of_range_are_refused(row, column):
    # SciPy does not check them. The places are such that a kernel that is handed them writes into the
    # matrix's own memory; others end the process.
    indptr = (np.arange(TILE_ROWS + 2) > row).astype(np.int64)
    table = sp.csr_array(([1], [column], indptr), shape=(TILE_ROWS + 1, 3))
    with pytest.raises(ValueError, match=str(column)):
        BitMatrix.from_array(table)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.Series([0, None]), r"^X\[1, 1\] \(column 'b'\) is NaN" + NO_NAN),
        (pd.array([0, None], "Int64"), r"^X\[1, 1\] \(column 'b'\) is NaN" + NO_NAN),
        (pd.array([0, None], "boolean"), r"^X\[1, 1\] \(column 'b'\) is NaN" + NO_NAN),
        (pd.Series([0, pd.NA], dtype=object), r"^X\[1, 1\] \(column 'b'\) is NaN" + NO_NAN),
        (pd.Series([0, "1"], dtype=object), r"^X\[1, 1\] \(column 'b'\) is '1'" + REMEDY),
        (pd.Series(["0", "1"]), "column 'b' of X holds String.*zeros and ones"),
        (pd.Series(["x", "y"], dtype="category"), "column 'b' of X holds Categorical.*zeros and ones"),
        (pd.to_datetime(["2024-01-01"] * 2), "column 'b' of X holds Datetime.*zeros and ones"),
        (pd.Series([1j, 0]), "column 'b' of X holds"),
    ],
)
def test_columns_of_a_frame_that_are_no_bits(column, message):
    with pytest.raises(ValueError, match=message):
        BitMatrix.from_array(pd.DataFrame({"a": [0, 1], "b": column}))


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table])
@pytest.mark.parametrize("values", [[0, None], [False, None], [0.0, None]])
def test_nulls_of_other_frames_are_named(frame, values):
    with pytest.raises(ValueError, match=r"^X\[1, 1\] \(column 'b'\) is NaN" + NO_NAN):
        BitMatrix.from_array(frame({"a": [0, 1], "b": values}))


def test_a_missing_value_of_pandas_in_an_object_array_is_named():
    with pytest.raises(ValueError, match=r"^X\[1, 0\] is "):
        BitMatrix.from_array(np.array([[0, 1], [pd.NA, 1]], dtype=object))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([["0", "1"]], "dtype <U1.*zeros and ones"),
        (np.array([["2024-01-01"]], "M8[D]"), "dtype datetime64.*zeros and ones"),
        (np.array([[1 + 0j]]), "Complex data not supported"),
        (sp.csr_array([[1 + 0j]]), "Complex data not supported"),
        ([0, 1], "Expected 2D array"),
        (1, "Expected 2D array"),
        (np.zeros((2, 2, 2)), "dim 3"),
        (pd.Series([0, 1]), "2-dimensional"),
        (np.zeros((0, 3)), "0 sample"),
        (np.zeros((3, 0)), "0 feature"),
        (sp.csr_array((0, 3)), "0 sample"),
        (pd.DataFrame({"a": []}), "0 sample"),
        (pd.DataFrame(index=[0, 1]), "0 feature"),
        ([], "Expected 2D array"),
    ],
)
def test_what_is_no_table_of_numbers(table, message):
    with pytest.raises(ValueError, match=message):
        BitMatrix.from_array(table)


# Thresholds


@pytest.mark.parametrize("dtype", ["u1", ">i4", "f2", ">f4", "f8", "g", "O"])
@pytest.mark.parametrize("threshold", [-1, 0, np.float32(0.5), 3.0, np.inf])
def test_binarize_is_strictly_greater(dtype, threshold, rng):
    X = rng.integers(6, size=(70, 11)).astype(dtype)
    check_same(BitMatrix.from_array(X, binarize=threshold), np.greater(X, threshold).astype(np.uint8))


@pytest.mark.parametrize("form", FRAMES_OF_VALUES)
def test_binarize_takes_every_form(form, rng):
    X = rng.integers(-3, 5, size=(TILE_ROWS + 9, 11)).astype(np.float64)
    check_same(
        BitMatrix.from_array(FRAMES_OF_VALUES[form](X), binarize=1.0, n_jobs=2), (X > 1).astype(np.uint8)
    )


@pytest.mark.parametrize("form", ["csr", "csc", "dense", "objects", "pandas", "polars", "arrow"])
@pytest.mark.parametrize(("value", "message"), NOT_FINITE)
def test_binarize_wants_finite_values(form, value, message):
    X = np.ones((9, 3))
    X[5, 2] = X[7, 0] = value
    column = r" \(column 'c2'\)" if form in ("pandas", "polars", "arrow") else ""
    with pytest.raises(ValueError, match=rf"^X\[5, 2\]{column} is {message}{NO_NAN}$"):
        BitMatrix.from_array(FRAMES_OF_VALUES[form](X), binarize=0.5)


def test_binarize_refuses_to_fill_a_sparse_matrix():
    with pytest.raises(ValueError, match=r"binarize=-0\.5 .* zeros of a sparse matrix into ones"):
        BitMatrix.from_array(sp.eye_array(3), binarize=-0.5)


@pytest.mark.parametrize("value", ["yes", None])
def test_binarize_names_what_cannot_be_compared(value):
    X = np.array([[0, 1], [1, value]], dtype=object)
    with pytest.raises(ValueError, match=rf"^X\[1, 1\] is {re.escape(repr(value))}"):
        BitMatrix.from_array(X, binarize=0.5)


@pytest.mark.parametrize("threshold", ["0.5", np.nan, True, [0.5], 1j])
def test_binarize_is_a_number(threshold):
    with pytest.raises(ValueError, match="binarize must be a number or None, got"):
        BitMatrix.from_array([[0, 1]], binarize=threshold)
