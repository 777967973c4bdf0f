"""Every compiled kernel against its NumPy definition. Its numbers: test_kernel_numerics.py."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import kernels
from fastmle.kernels import CATALOGUE, LANES

pytestmark = pytest.mark.usefixtures("level")

FLOATS = ("float32", "float64")
# Kernels compiled for both precisions; the others take float64 or no floating-point numbers at all.
OF_BOTH_PRECISIONS = {
    "add_terms",
    "build_tables",
    "compute_logits",
    "logits_to_residuals",
    "logits_to_terms",
    "scatter_gradient",
}
N_ROWS = (1, 63, 64, 65, 4096)
N_COLUMNS = (1, 7, 8, 9, 63, 64, 65)
# Sums of up to 4096 terms, relative to the largest entry of the result.
TOLERANCE = {"float64": 1e-13, "float32": 2e-5}


def frozen(array):
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


class Cases:
    """The arguments of every kernel, for one shape; equal seeds give equal arguments.

    A method named like the kernel returns the arguments, and a list of those (or parts of those) that
    the kernel writes. All others are read-only.
    """

    def __init__(self, seed, dtype, n_rows, n_columns, weighted):
        self._rng = np.random.default_rng(seed)
        self._dtype, self._lanes = np.dtype(dtype), LANES[dtype]
        self._n_rows, self._n_columns, self._weighted = n_rows, n_columns, weighted
        self._width = int(self._rng.integers(1, min(self._lanes, n_columns) + 1))
        chosen = self._rng.choice(n_columns, size=self._width, replace=False)
        self._columns = frozen(np.sort(chosen).astype(np.int32))  # with gaps, as the solver asks
        self._n_groups = (int(self._columns[-1]) + 7) // 8
        self._bits = frozen(self._rng.integers(0, 2, size=(n_rows, n_columns), dtype=np.uint8))
        self._tile = frozen(np.packbits(self._bits, axis=1, bitorder="little").T)

    def _normal(self, *shape, dtype=np.float64):
        return (3 * self._rng.normal(size=shape)).astype(dtype)

    def _garbage(self, *shape):
        """Scratch memory as a thread finds it: nothing in it may survive."""
        return np.full(shape, np.nan, dtype=self._dtype)

    def _lines(self):
        """One line a row, with garbage behind the block's columns."""
        z = self._garbage(self._n_rows, self._lanes)
        z[:, : self._width] = self._normal(self._n_rows, self._width)
        return z

    def _weight(self):
        return frozen(self._rng.exponential(size=self._n_rows) * (self._rng.random(self._n_rows) < 0.8))

    def _strided(self):
        """The weights or gradients of a block, beside an intercept column: rows are further apart."""
        parameters = self._normal(self._width, self._n_columns)
        return parameters, parameters[:, 1:]

    def pack_rows(self):
        tile = np.full(self._tile.shape, 255, dtype=np.uint8)
        return (self._bits, tile), [tile]

    def pack_sparse_rows(self):
        index = np.int32 if self._weighted else np.int64
        indptr = np.concatenate([[0], np.cumsum(self._bits.sum(axis=1, dtype=np.int64))])
        tile = np.zeros(self._tile.shape, dtype=np.uint8)
        indices = np.nonzero(self._bits)[1]
        return (frozen(indptr.astype(index)), frozen(indices.astype(index)), tile), [tile]

    def unpack_rows(self):
        rows = np.full((self._n_rows, self._n_columns), 255, dtype=np.uint8)
        return (self._tile, rows), [rows]

    def count_columns(self):
        counts = self._rng.integers(100, size=self._n_columns)
        return (self._tile, counts), [counts]

    def sum_columns(self):
        sums = self._normal(self._n_columns)
        return (self._tile, self._weight(), sums), [sums]

    def column_words(self):
        words = np.full((self._n_columns, -(-self._n_rows // 64)), 2**64 - 1, dtype=np.uint64)
        return (self._tile, words), [words]

    def count_pairs(self):
        words = self._rng.integers(2**64, size=(self._n_columns, -(-self._n_rows // 64)), dtype=np.uint64)
        words[::3] = 2**64 - 1  # pairs that agree in whole words
        first, last = sorted(self._rng.integers(self._n_columns + 1, size=2).tolist())
        counts = self._rng.integers(100, size=(self._n_columns, self._n_columns))
        return (frozen(words), first, last, counts), [counts]

    def build_tables(self):
        _, coef = self._strided()
        for lane, column in enumerate(self._columns):
            coef[lane, column:] = np.nan  # not a predecessor: not to be read
        coef.flags.writeable = False
        tables = self._garbage(self._n_groups, 256, self._lanes)
        return (coef, self._columns, tables), [tables[..., : self._width]]

    def compute_logits(self):
        tables = frozen(self._normal(self._n_groups, 256, self._lanes, dtype=self._dtype))
        z = self._garbage(self._n_rows, self._lanes)
        return (self._tile, tables, frozen(self._normal(self._width)), z), [z[:, : self._width]]

    def logits_to_terms(self):
        z = self._lines()
        return (self._tile, self._columns, z), [z[:, : self._width]]

    def add_terms(self):
        total = self._normal(self._n_rows)
        return (frozen(self._lines()), self._width, total), [total]

    def logits_to_residuals(self):
        z, value = self._lines(), self._normal(self._width)
        weight = self._weight() if self._weighted else None
        return (self._tile, self._columns, weight, z, value), [z[:, : self._width], value]

    def scatter_gradient(self):
        whole, grad_coef = self._strided()
        grad_intercept = self._normal(self._width)
        buckets = self._garbage(256, self._lanes)
        residual = frozen(self._lines())
        return (
            (self._tile, residual, self._columns, self._n_groups, buckets, grad_coef, grad_intercept),
            [whole, grad_intercept],
        )

    def sample_group(self):
        n_lanes = min(8, self._n_columns)
        first_bit = int(self._rng.integers(n_lanes + 1))
        group_bytes = self._rng.integers(1 << first_bit, size=self._n_rows).astype(np.uint8)
        weights = frozen(np.tril(self._normal(8, 8), k=-1))
        uniform = frozen(self._rng.random((self._n_rows, 8)))
        z = frozen(self._normal(self._n_rows, 8))
        return (z, weights, uniform, first_bit, n_lanes, group_bytes), [group_bytes]

    def _rings(self, memory=3):
        """The state of a quasi-Newton method: rings that are empty, half full, or have gone round."""
        lengths = self._rng.integers(1, 12, size=self._n_columns)
        offsets = memory * (np.cumsum(lengths) - lengths)
        rows = np.flatnonzero(self._rng.random(self._n_columns) < 0.7)
        counts = self._rng.integers(2 * memory + 1, size=self._n_columns)
        steps, changes, solved = (self._normal(memory * int(lengths.sum())) for _ in range(3))
        curvatures = 0.5 + self._rng.random((self._n_columns, memory))
        problems = tuple(map(frozen, (rows, lengths, offsets)))
        state = (steps, changes, solved, curvatures, counts)
        return problems, state, self._normal(len(rows), 12), self._normal(len(rows), 3)

    def store_pairs(self):
        problems, state, steps, _ = self._rings()
        changes, solved = self._normal(*steps.shape), self._normal(*steps.shape)
        steps[:1] = 0.0  # an inner product of exactly zero is left out, like the negative ones
        return (*problems, *map(frozen, (steps, changes, solved)), *state), list(state)

    def first_loop(self):
        problems, state, directions, coefficients = self._rings()
        vectors = self._normal(*directions.shape)
        outputs = [vectors, directions, coefficients]
        return (*problems, *map(frozen, state), *outputs), outputs

    def second_loop(self):
        problems, state, directions, coefficients = self._rings()
        steps, changes, _, curvatures, counts = map(frozen, state)
        rings = (steps, changes, curvatures, counts)
        return (*problems, *rings, directions, frozen(coefficients)), [directions]

    def solve_leading_blocks(self):
        d = self._n_columns
        factor = self._normal(d, d) / d + 2 * np.eye(d)  # what stands above the diagonal is not read
        sizes = np.sort(self._rng.integers(1, d + 1, size=5))
        vectors = self._normal(5, d)
        vectors[np.arange(d) >= sizes[:, None]] = 0.0
        return (factor, frozen(sizes), vectors), [vectors]


def test_every_kernel_of_the_catalogue_has_a_case():
    cases = {name for name in vars(Cases) if not name.startswith("_")}
    assert cases == set(CATALOGUE), "give the new kernel a method in Cases"
    assert set(CATALOGUE) <= set(kernels.__all__)


def variants():
    """Every kernel at the precisions and instruction-set levels in which it exists."""
    return [
        pytest.param(name, dtype, level, id=f"{name}-{dtype}-{level}")
        for name, (kernel, _) in CATALOGUE.items()
        for dtype in (FLOATS if name in OF_BOTH_PRECISIONS else ["float64"])
        for level in (kernels.available_levels() if kernel.__module__.endswith("_fvsbn") else [kernels.LEVEL])
    ]


@pytest.mark.parametrize("n_rows", N_ROWS)
@pytest.mark.parametrize(("name", "dtype", "level"), variants(), indirect=["level"])
def test_kernel_computes_what_its_definition_says(name, dtype, n_rows, rng):
    kernel, reference = CATALOGUE[name]
    for n_columns, weighted in itertools.product(N_COLUMNS, (False, True)):
        case = (int(rng.integers(2**32)), dtype, n_rows, n_columns, weighted)
        arguments, got = getattr(Cases(*case), name)()
        returned = kernel(*arguments)
        arguments, expected = getattr(Cases(*case), name)()
        assert (None if returned is None else bool(returned)) == reference(*arguments)
        arguments, again = getattr(Cases(*case), name)()
        kernel(*arguments)
        for a, b, c in zip(got, expected, again, strict=True):
            scale = TOLERANCE[dtype] * np.abs(b).max(initial=1.0) if b.dtype.kind == "f" else 0
            assert_allclose(a, b, rtol=0, atol=scale, err_msg=str(case))
            assert_array_equal(a, c, err_msg=f"not the same bits again: {case}")


# Packing


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "f4", "f8"])
def test_pack_rows_reads_every_layout(dtype, random_bits):
    wide = frozen(random_bits(2 * 67, 2 * 19).astype(dtype))
    layouts = {
        "C": wide,
        "Fortran": np.asfortranarray(wide),
        "every other": wide[::2, ::2],
        "backwards": wide[::-1, ::-1],
    }
    for name, rows in layouts.items():
        tile = np.empty((-(-rows.shape[1] // 8), rows.shape[0]), dtype=np.uint8)
        assert kernels.pack_rows(rows, tile)
        assert_array_equal(np.unpackbits(tile.T, axis=1, bitorder="little", count=rows.shape[1]), rows, name)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "f4", "f8"])
def test_pack_rows_notices_a_wrong_value_anywhere(dtype):
    size = 8 * int(dtype[1])
    floats = [-1.0, 0.5, 2.0, np.nan, np.inf, -np.inf, 1e-40, 256.0]
    wrong = floats if dtype[0] == "f" else [2, 128, *(2**k for k in range(8, size, 8)), 2**size - 1]
    tile = np.empty((2, 70), dtype=np.uint8)
    for value in wrong:
        for place in [(0, 0), (63, 7), (64, 8), (69, 12)]:
            rows = np.ones((70, 13), dtype=dtype)
            rows[place] = value
            assert not kernels.pack_rows(rows, tile), (value, place)


# Levels


def test_levels_are_chosen_by_name(level):
    assert level in kernels.available_levels()
    assert kernels.choose_level(level) == level
    assert kernels.choose_level() == list(kernels.available_levels())[-1]
    with pytest.raises(ValueError, match=r"'sse9'.*baseline.*FASTMLE_LEVEL"):
        kernels.choose_level("sse9")
