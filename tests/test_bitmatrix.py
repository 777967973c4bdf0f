"""BitMatrix as a table: rows, columns, weights, counts, copies. How tables come in: test_sources.py."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import BitMatrix
from fastmle.data import cooccurrence
from fastmle.data.bitmatrix import TILE_ROWS

N_ROWS = 2 * TILE_ROWS + 100


@pytest.fixture
def table(random_bits, weights):
    """A table of three tiles, its weights, and both as a BitMatrix with names."""
    X, weight = random_bits(N_ROWS, 19), weights(N_ROWS)
    return X, weight, BitMatrix.from_array(X, sample_weight=weight, feature_names=names(19))


def names(n_features):
    return [f"c{j}" for j in range(n_features)]


def check_same(bits, X, weight=None, feature_names=None):
    """Compare bits, weights and names, and the padding on which the kernels rely."""
    assert bits.shape == X.shape
    assert_array_equal(bits.to_array(), X)
    assert_allclose(bits.column_counts(), X.sum(axis=0) if weight is None else weight @ X, rtol=1e-12)
    for index in range(bits.n_tiles):
        beyond = bits.tile(index)[-1].astype(int) >> ((X.shape[1] - 1) % 8 + 1)
        assert not beyond.any(), "a bit beyond the last variable is set"
    if weight is None:
        assert bits.sample_weight is None
    else:
        assert_array_equal(bits.sample_weight, weight)
    assert (None if bits.feature_names is None else bits.feature_names.tolist()) == feature_names


# Behaviour of a table


def test_size_and_looks(random_bits, weights):
    X = random_bits(TILE_ROWS + 1, 17)
    bits = BitMatrix.from_array(X)
    assert (bits.shape, bits.ndim, bits.dtype, len(bits)) == (X.shape, 2, np.uint8, TILE_ROWS + 1)
    assert bits.n_bytes == 3 * (TILE_ROWS + 1)
    assert (bits.n_groups, bits.n_tiles) == (3, 2)
    assert [bits.tile(i).shape for i in range(2)] == [(3, TILE_ROWS), (3, 1)]
    assert bits.total_weight == TILE_ROWS + 1
    assert repr(bits) == f"<BitMatrix {TILE_ROWS + 1} x 17, {3 * TILE_ROWS + 3} bytes>"
    weight = weights(TILE_ROWS + 1)
    weighted = BitMatrix.from_array(bits, sample_weight=weight)
    assert repr(weighted) == f"<BitMatrix {TILE_ROWS + 1} x 17, {3 * TILE_ROWS + 3} bytes, weighted>"
    assert_allclose(weighted.total_weight, weight.sum(), rtol=1e-14)


def test_arrays_are_copies(table):
    X, _, bits = table
    for array in (np.asarray(bits), np.array(bits), bits.to_array()):
        assert array.dtype == np.uint8
        assert_array_equal(array, X)
        array[:] = 1
    assert_array_equal(bits.to_array(), X)
    assert np.asarray(bits, dtype=np.float32).dtype == np.float32
    assert bits.to_array(bool).dtype == bool
    with pytest.raises(ValueError, match="needs a copy"):
        np.array(bits, copy=False)
    with pytest.raises(TypeError):
        np.ones((N_ROWS, 19)) + bits


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda bits: pickle.loads(pickle.dumps(bits))])
def test_copies_are_complete(copied, table):
    X, weight, bits = table
    check_same(copied(bits), X, weight, names(19))
    plain = BitMatrix.from_array(X)
    check_same(copied(plain), X)


# Rows

SLICES = [
    slice(None),
    slice(0, 1),
    slice(5, TILE_ROWS + 5),
    slice(TILE_ROWS - 1, TILE_ROWS + 1),
    slice(None, None, 3),
    slice(None, None, -1),
    slice(-50, None),
    slice(-1, 3, -777),
    slice(TILE_ROWS, None),
    slice(10, 10),
    slice(N_ROWS, N_ROWS + 9),
]


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_slices(key, table):
    X, weight, bits = table
    check_same(bits[key], X[key], weight[key], names(19))
    check_same(BitMatrix.from_array(X)[key], X[key])


def test_masks_and_lists_of_rows(table, rng):
    X, weight, bits = table
    mask = rng.random(N_ROWS) < 0.7
    chosen = rng.integers(-N_ROWS, N_ROWS, size=N_ROWS + 5000)  # more rows than there are, some again
    for key in (mask, mask.tolist(), np.zeros(N_ROWS, bool), chosen, chosen.tolist(), [3], [-1, 0, 0]):
        check_same(bits[key], X[key], weight[key], names(19))
    check_same(bits[[]], X[:0], weight[:0], names(19))


@pytest.mark.parametrize("row", [0, TILE_ROWS, -1, -N_ROWS, np.int64(5), np.uint8(200), np.array(7)])
def test_an_integer_gives_one_unpacked_row(row, table):
    X, _, bits = table
    assert bits[row].shape == (19,)
    assert_array_equal(bits[row], X[row])


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (N_ROWS, IndexError),
        (-N_ROWS - 1, IndexError),
        ([0, N_ROWS], IndexError),
        ([True, False], IndexError),
        ([0.0, 1.0], IndexError),
        (1.0, TypeError),
        ("c0", TypeError),
        (None, TypeError),
    ],
)
def test_rows_that_are_not_there(key, error, table):
    with pytest.raises(error):
        table[2][key]


def test_all_columns_may_be_asked_for_and_no_others(table):
    X, weight, bits = table
    check_same(bits[[5, 3], :], X[[5, 3]], weight[[5, 3]], names(19))
    check_same(bits[2:9, ...], X[2:9], weight[2:9], names(19))
    for key in [(slice(None), 0), (0, 0), (slice(None), slice(0, 5)), (slice(None), slice(None), 0)]:
        with pytest.raises(TypeError, match=r"rows only.*take_columns"):
            bits[key]


# Columns


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_take_columns(n_jobs, table, rng):
    X, weight, bits = table
    for columns in (
        rng.permutation(19),
        [4],
        [18, -1, 0, 0],
        rng.integers(19, size=70),
        np.arange(19) % 3 == 0,
        range(16),
    ):
        taken = bits.take_columns(columns, n_jobs=n_jobs)
        columns = list(columns) if isinstance(columns, range) else columns
        check_same(taken, X[:, columns], weight, np.array(names(19))[columns].tolist())
    check_same(BitMatrix.from_array(X).take_columns([2, 1]), X[:, [2, 1]])


@pytest.mark.parametrize("columns", [[19], [-20], [0.0], [True, False]])
def test_columns_that_are_not_there(columns, table):
    with pytest.raises(IndexError):
        table[2].take_columns(columns)


# Counts


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (63, 8), (64, 9), (65, 65), (TILE_ROWS, 7), (TILE_ROWS + 65, 64)])
def test_counts_and_co_occurrences(shape, n_jobs, random_bits):
    X = random_bits(*shape, density=0.3)
    bits = BitMatrix.from_array(X)
    counts, gram = bits.column_counts(n_jobs=n_jobs), bits.gram(n_jobs=n_jobs)
    assert counts.dtype.kind == gram.dtype.kind == "i"
    assert_array_equal(counts, X.sum(axis=0))
    assert_array_equal(gram, X.T.astype(np.int64) @ X)


@pytest.mark.parametrize("n_features", [1, 7, 8, 9, 63, 64, 65])
@pytest.mark.parametrize(
    "n_rows", [1, 63, 64, 65, TILE_ROWS - 1, TILE_ROWS, TILE_ROWS + 1, 2 * TILE_ROWS + 64]
)
def test_weighted_counts_and_co_occurrences(n_rows, n_features, random_bits, weights):
    X, weight = random_bits(n_rows, n_features), weights(n_rows)
    bits = BitMatrix.from_array(X, sample_weight=weight)
    gram, counts = bits.gram(n_jobs=1), bits.column_counts(n_jobs=1)
    assert_allclose(counts, weight @ X, rtol=1e-12)
    assert_allclose(gram, X.T @ (weight[:, None] * X), rtol=1e-12)
    assert_array_equal(gram, gram.T)
    assert_array_equal(bits.gram(n_jobs=2), gram)
    assert_array_equal(bits.column_counts(n_jobs=2), counts)
    repeated = BitMatrix.from_array(np.repeat(X, 2, axis=0))
    doubled = BitMatrix.from_array(X, sample_weight=np.full(n_rows, 2.0))
    assert_array_equal(doubled.gram(), repeated.gram())
    assert_array_equal(doubled.column_counts(), repeated.column_counts())


@pytest.mark.usefixtures("level")
def test_co_occurrences_at_every_level(random_bits, weights):
    X, weight = random_bits(1000, 20), weights(1000)
    assert_array_equal(BitMatrix.from_array(X).gram(), X.T.astype(np.int64) @ X)
    gram = BitMatrix.from_array(X, sample_weight=weight).gram()
    assert_allclose(gram, X.T @ (weight[:, None] * X), rtol=1e-12)


def test_counts_of_nothing(table):
    X, _, bits = table
    for empty, d in [(bits[[]], 19), (bits.take_columns([]), 0), (BitMatrix.from_array(X)[:0], 19)]:
        assert_array_equal(empty.gram(), np.zeros((d, d)))
        assert_array_equal(empty.column_counts(), np.zeros(d))
        assert empty.gram().dtype == empty.column_counts().dtype
        assert empty.to_array().shape == empty.shape


@pytest.mark.parametrize("max_bytes", [1, cooccurrence.MAX_WORD_BYTES])
def test_co_occurrences_of_many_rows(max_bytes, random_bits, monkeypatch):
    # Several runs of tiles, whose words are held one by one or together.
    monkeypatch.setattr(cooccurrence, "MAX_WORD_BYTES", max_bytes)
    X = random_bits((2 * cooccurrence.RUN_TILES + 1) * TILE_ROWS + 70, 20, density=0.3)
    bits = BitMatrix.from_array(X)
    expected = X.T.astype(np.float64) @ X
    for n_jobs in (1, 2):
        assert_array_equal(bits.gram(n_jobs=n_jobs), expected)


@pytest.mark.parametrize("density", [0.002, 0.05, 0.9])
def test_weighted_co_occurrences_of_sparse_rows(density, random_bits, weights):
    # Few rows with a bit in a group are added bit by bit, many of them through buckets.
    X, weight = random_bits(TILE_ROWS + 300, 40, density), weights(TILE_ROWS + 300)
    gram = BitMatrix.from_array(X, sample_weight=weight).gram()
    assert_allclose(gram, X.T @ (weight[:, None] * X), rtol=1e-12)


# Weights and names


def test_weights_and_names_can_be_exchanged(table, weights):
    X, weight, bits = table
    other = weights(N_ROWS)
    check_same(BitMatrix.from_array(bits), X, weight, names(19))
    check_same(BitMatrix.from_array(bits, sample_weight=other), X, other, names(19))
    others = [f"d{j}" for j in range(19)]
    check_same(BitMatrix.from_array(bits, feature_names=others), X, weight, others)
    check_same(bits, X, weight, names(19))


def test_weights_are_copied(random_bits):
    weight = np.ones(5)
    bits = BitMatrix.from_array(random_bits(5, 2), sample_weight=weight)
    weight[:] = np.nan
    assert_array_equal(bits.sample_weight, np.ones(5))


@pytest.mark.parametrize("pack", [lambda X: X, BitMatrix.from_array], ids=["array", "BitMatrix"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, 1.0, -0.5], r"sample_weight\[2\] is -0\.5: .*not negative"),
        ([1.0, np.nan, np.inf], r"sample_weight\[1\] is nan: .*finite"),
        ([np.inf, 1.0, 1.0], r"sample_weight\[0\] is inf: .*finite"),
        ([0, 0, 0], "zero for every row"),
        ([1, 1], r"shape \(2,\), expected \(3,\)"),
        ([[1], [1], [1]], r"shape \(3, 1\), expected \(3,\)"),
    ],
)
def test_weights_that_make_no_sense(weight, message, pack, random_bits):
    with pytest.raises(ValueError, match=message):
        BitMatrix.from_array(pack(random_bits(3, 2)), sample_weight=weight)


@pytest.mark.parametrize("pack", [lambda X: X, BitMatrix.from_array], ids=["array", "BitMatrix"])
@pytest.mark.parametrize(
    ("feature_names", "message"),
    [(["a"], "must be 2 strings"), (["a", 1], "must be 2 strings"), (["a", "a"], "differ from one another")],
)
def test_names_that_do_not_fit(feature_names, message, pack, random_bits):
    with pytest.raises(ValueError, match=message):
        BitMatrix.from_array(pack(random_bits(3, 2)), feature_names=feature_names)


def test_density_is_the_share_of_ones(random_bits):
    X = random_bits(TILE_ROWS + 5, 11, density=0.2)
    assert BitMatrix.from_array(X).density == pytest.approx(X.mean(), rel=1e-15)
    assert BitMatrix.from_array(X, sample_weight=np.arange(len(X))).density == pytest.approx(X.mean())


def test_heaviest_byte_is_the_largest_share_of_rows_with_a_byte(random_bits):
    X = random_bits(2 * TILE_ROWS + 100, 40, density=0.02)
    assert BitMatrix.from_array(X).heaviest_byte < 0.1
    X[TILE_ROWS : TILE_ROWS + 1024, 8:16] = 1  # half of 2048 rows
    assert 0.45 < BitMatrix.from_array(X).heaviest_byte < 0.55
    assert BitMatrix.from_array(np.zeros((10, 3), dtype=np.uint8)).heaviest_byte == 0
    assert BitMatrix.from_array(np.ones((10, 3), dtype=np.uint8)).heaviest_byte == 1
