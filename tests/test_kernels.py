"""Every compiled kernel against its NumPy definition. Its numbers: test_kernel_numerics.py."""

import itertools

import numpy as np
import pytest
from distinct_cases import DistinctCases
from information_cases import InformationCases
from nade_cases import NadeCases
from numpy.testing import assert_allclose, assert_array_equal
from optimizer_cases import OptimizerCases
from random_cases import RandomCases

from fastmle import kernels
from fastmle.kernels import (
    CATALOGUE,
    LANES,
    LISTED_LINES,
    LISTED_ROWS,
    LISTED_RUN,
    LISTING_SLACK,
    SCRATCH_LINES,
    SUMMARY_PLACES,
    reference,
    summary_reference,
)

pytestmark = pytest.mark.usefixtures("level")

FLOATS = ("float32", "float64")
# Kernels compiled for both precisions; the others take float64 or no floating-point numbers at all.
OF_BOTH_PRECISIONS = {
    *("add_gradient", "add_log_likelihood", "compute_logits", "logits_to_terms"),
    *("nade_add_gradient", "nade_log_likelihood", "nade_logits", "nade_represent", "nade_sample"),
    *("measure_slope", "update_adam", "update_momentum", "update_sgd"),
}
OF_SINGLE_PRECISION = {"compute_gradient_in_lines", "nade_coarsen", "nade_odds"}
# Modules whose kernels are compiled for every instruction-set level.
OF_LEVELS = {"_bits", "_fvsbn", "_information", "_nade", "_optimizers", "_random", "_summaries"}
N_ROWS = (1, 63, 64, 65, 300, 4096)
N_COLUMNS = (1, 7, 8, 9, 63, 64, 65)
# Sums of up to 4096 terms, relative to the largest entry of the result.
TOLERANCE = {"float64": 1e-13, "float32": 2e-5}


def precisions_of(name):
    if name in OF_SINGLE_PRECISION:
        return ["float32"]
    return FLOATS if name in OF_BOTH_PRECISIONS else ["float64"]


def frozen(array):
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


class Cases(DistinctCases, InformationCases, NadeCases, OptimizerCases, RandomCases):
    """The arguments of every kernel, for one shape; equal seeds give equal arguments.

    A method named like the kernel returns the arguments, and a list of those (or parts of those) that
    the kernel writes. All others are read-only.
    """

    def __init__(self, seed, dtype, n_rows, n_columns, weighted):
        self._rng = np.random.default_rng(seed)
        self._dtype, self._lanes = np.dtype(dtype), LANES[dtype]
        self._n_rows, self._n_columns, self._weighted = n_rows, n_columns, weighted
        self._width = int(self._rng.integers(1, min(2 * self._lanes, n_columns) + 1))
        chosen = self._rng.choice(n_columns, size=self._width, replace=False)
        self._columns = frozen(np.sort(chosen).astype(np.int32))  # with gaps, as the solver asks
        self._bits = frozen(self._rng.integers(0, 2, size=(n_rows, n_columns), dtype=np.uint8))
        self._tile = frozen(np.packbits(self._bits, axis=1, bitorder="little").T)

    def _normal(self, *shape, dtype=np.float64):
        return (3 * self._rng.normal(size=shape)).astype(dtype)

    def _scratch(self):
        """Working memory as a thread finds it: nothing in it may survive. And the lines of the logits."""
        n_lines = SCRATCH_LINES + LISTED_LINES * len(self._tile)
        scratch = np.full((n_lines + self._n_rows, self._lanes), np.nan, dtype=self._dtype)
        return scratch, scratch[n_lines:, : self._width]

    def _one_block(self):
        """Keep to the columns of one block, for kernels that do not take two."""
        self._columns = self._columns[: self._lanes]
        self._width = len(self._columns)

    def _coef(self):
        """Weights of the block; what is no predecessor is not to be read. One in four has none at all."""
        if self._rng.random() < 0.25:
            return frozen(np.empty((self._width, 0)))
        _, coef = self._strided()
        for lane, column in enumerate(self._columns):
            coef[lane, column:] = np.nan
        coef.flags.writeable = False
        return coef

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

    def take_columns(self):
        columns = self._rng.integers(
            self._n_columns, size=int(self._rng.integers(1, 2 * self._n_columns + 1))
        )
        taken = np.full((-(-len(columns) // 8), self._n_rows), 255, dtype=np.uint8)
        return (self._tile, frozen(columns), taken), [taken]

    def take_rows(self):
        height, taken_height = (int(self._rng.integers(1, self._n_rows + 1)) for _ in range(2))
        n_groups = len(self._tile)
        index = np.int32 if self._weighted else np.int64
        rows = self._rng.integers(self._n_rows, size=int(self._rng.integers(1, 200))).astype(index)
        tiles = self._rng.integers(256, size=self._n_rows * n_groups, dtype=np.uint8)
        taken = np.full(len(rows) * n_groups, 255, dtype=np.uint8)
        places = np.full(len(rows), -1, dtype=np.int64)
        return (frozen(tiles), height, frozen(rows), taken, taken_height, places), [taken]

    def count_columns(self):
        counts = self._rng.integers(100, size=self._n_columns)
        return (self._tile, counts), [counts]

    def sum_columns(self):
        sums = self._normal(self._n_columns)
        return (self._tile, self._weight(), sums), [sums]

    def column_words(self):
        n_words = -(-self._n_rows // 64)
        wide = np.full((self._n_columns, n_words + 3), 2**64 - 1, dtype=np.uint64)
        return (self._tile, wide[:, 1 : n_words + 1]), [wide]

    def count_pairs(self):
        words = self._rng.integers(2**64, size=(self._n_columns, -(-self._n_rows // 64)), dtype=np.uint64)
        words[::3] = 2**64 - 1  # pairs that agree in whole words
        first, last = sorted(self._rng.integers(self._n_columns + 1, size=2).tolist())
        counts = self._rng.integers(100, size=(self._n_columns, self._n_columns))
        return (frozen(words), first, last, counts), [counts]

    def weigh_pairs(self):
        group = int(self._rng.integers(len(self._tile)))
        scratch = (
            np.full(self._n_rows, -1, dtype=np.int32),
            np.full((self._n_rows, 8), np.nan),
            np.full((256, 8), np.nan),
        )
        sums = self._normal(self._n_columns, self._n_columns)
        return (self._tile, self._weight(), group, *scratch, sums), [sums]

    def compute_logits(self):
        self._one_block()
        scratch, z = self._scratch()
        return (self._tile, self._columns, self._coef(), frozen(self._normal(self._width)), scratch), [z]

    def logits_to_terms(self):
        self._one_block()
        scratch, z = self._scratch()
        z[:] = self._normal(*z.shape)
        return (self._tile, self._columns, scratch), [z]

    def add_log_likelihood(self):
        scratch, _ = self._scratch()
        total, intercept = self._normal(self._n_rows), frozen(self._normal(self._width))
        lists = self._lists()
        return (self._tile, self._columns, self._coef(), intercept, scratch, total, *lists), [total]

    def add_gradient(self):
        scratch, _ = self._scratch()
        coef = self._coef()
        height = int(self._rng.choice([self._n_rows, (self._n_rows + 2) // 3]))
        tiles = [self._tile[:, start : start + height] for start in range(0, self._n_rows, height)]
        whole = self._normal(2, self._width, self._n_columns)
        grad_coef = whole[:, :, 1:] if coef.shape[1] else whole[:, :, :0]
        value, grad_intercept = self._normal(2, self._width), self._normal(2, self._width)
        # Two parts of the tiles, each with its own results, and two blocks or one of two lines.
        listed = self._rng.random() < 0.5
        middle = min(self._lanes, self._width)
        blocks = [(0, self._width)] if listed else [(0, middle), (middle, self._width)]
        cut = int(self._rng.integers(1, len(tiles) + 1))
        units = [
            (part, *run, *block, listed, self._rng.random() < 0.5)
            for block in blocks
            for part, run in enumerate([(0, cut), (cut, len(tiles))])
            if block[0] < block[1]
        ]
        n_left = np.array([self._rng.integers(1, len(units) + 1)])
        n_taken = int(self._rng.integers(1, len(units) + 1))
        table = np.concatenate([tile.ravel() for tile in tiles])
        weight = self._weight() if self._weighted else None
        intercept = frozen(self._normal(self._width))
        data = frozen(table), height, self._n_rows, self._columns, coef, intercept, weight
        work = scratch, np.array(units, dtype=np.int64), n_left, n_taken
        sums = value, grad_coef, grad_intercept
        lists = self._lists_of_tiles(tiles) if listed else ()
        return (*data, *work, *sums, *lists), [value, whole, grad_intercept]

    def _lists_of_tiles(self, tiles):
        starts = np.zeros((len(tiles), tiles[0].shape[1] + 1), dtype=np.int32)
        bits = np.empty(int(self._bits.sum()) + 1, dtype=np.uint16)
        place = 0
        for own, tile in zip(starts, tiles, strict=True):
            own = own[: tile.shape[1] + 1]
            reference.list_set_bits(tile, own, bits[place:])
            own += place
            place = int(own[-1])
        return frozen(starts), frozen(bits)

    def compute_gradient_in_lines(self):
        d, lanes = self._n_columns, 2 * LANES["float32"]
        n_pairs = -(-d // lanes)
        n_lines = 8 * self._rng.integers(len(self._tile) + 1, size=n_pairs)
        places = d + int(self._rng.integers(3)) + np.concatenate([[0], lanes * np.cumsum(n_lines)])
        parameters = self._normal(places[-1]).astype(np.float32)
        for pair in range(n_pairs):
            lines = parameters[places[pair] : places[pair + 1]].reshape(-1, lanes)
            lines[d:] = 0
            lines[:, d - lanes * pair :] = 0
        n_left = np.array([self._rng.integers(1, n_pairs + 1)])
        weight = self._weight() if self._weighted else None
        n_lines = 2 * min(LISTED_RUN, self._n_rows) + 2
        scratch = np.full((n_lines, LANES["float32"]), np.nan, dtype=np.float32)
        value, gradient = self._normal(d), self._normal(len(parameters)).astype(np.float32)
        block = self._tile, frozen(parameters), frozen(places), n_left, weight, scratch
        written = [value, gradient[:d]]
        for pair in range(n_pairs):  # nothing is said of lanes beyond the last column
            lines = gradient[places[pair] : places[pair + 1]].reshape(-1, lanes)
            written.append(lines[:, : d - lanes * pair])
        return (*block, value, gradient, *self._whole_lists("list_rows")), written

    def _lists(self):
        """The lists of set bits that may be given; every other time they are not."""
        return () if self._rng.random() < 0.5 else self._whole_lists("list_set_bits")

    def _whole_lists(self, kernel):
        arguments, _ = getattr(self, kernel)()
        getattr(reference, kernel)(*arguments)
        return tuple(frozen(own) for own in arguments[1:])

    def list_set_bits(self):
        starts = np.full(self._n_rows + 1, -1, dtype=np.int32)
        bits = np.full(max(1, int(self._bits.sum())), 2**16 - 1, dtype=np.uint16)
        return (self._tile, starts, bits), [starts, bits]

    def list_rows(self):
        starts = np.full(8 * len(self._tile) * -(-self._n_rows // LISTED_RUN) + 1, -1, dtype=np.int32)
        parts = np.split(self._bits, list(range(LISTED_RUN, self._n_rows, LISTED_RUN)))
        length = sum(
            -(-int(count) // LISTED_ROWS) * LISTED_ROWS for part in parts for count in part.sum(axis=0)
        )
        rows = np.full(length + LISTING_SLACK, 2**16 - 1, dtype=np.uint16)
        return (self._tile, starts, rows), [starts, rows[:length]]

    def sample_block(self):
        first = 8 * int(self._rng.integers(-(-self._n_columns // 8)))
        width = min(LANES["float32"], self._n_columns - first)
        n_given = int(self._rng.integers(width + 1))
        tile = self._tile.copy()
        tile[first // 8 :] = 0
        given = self._bits.copy()
        given[:, first + n_given :] = 0
        tile[first // 8 :] = np.packbits(given, axis=1, bitorder="little").T[first // 8 :]
        # Few different numbers, none near another: no draw hangs on the last place of a probability.
        coef = self._rng.integers(-4, 5, size=(width, self._n_columns)) / 4
        intercept = self._rng.integers(-8, 9, size=width) / 4
        uniform = (2 * self._rng.integers(256, size=(width, self._n_rows), dtype=np.int32) + 1) << 22
        scratch = np.full((SCRATCH_LINES + self._n_rows, 16), np.nan, dtype=np.float32)
        return (tile, first, n_given, frozen(coef), frozen(intercept), frozen(uniform), scratch), [tile]

    def sample_rows(self):
        # Of few draws none hangs on the last place of a probability.
        n_rows = min(self._n_rows, 200)
        n_given = int(self._rng.integers(self._n_columns + 1))
        given = self._bits[:n_rows].copy()
        given[:, n_given:] = 0
        tile = np.ascontiguousarray(np.packbits(given, axis=1, bitorder="little").T)
        coef = self._rng.integers(-4, 5, size=(self._n_columns, self._n_columns)) / 4
        intercept = self._rng.integers(-8, 9, size=self._n_columns) / 4
        stream_rows = max(1, n_rows // 3)
        states = self._rng.integers(2**64, size=(-(-n_rows // stream_rows), 32), dtype=np.uint64)
        uniform = np.zeros((LANES["float32"], n_rows), dtype=np.int32)
        scratch = np.full((SCRATCH_LINES + n_rows, 16), np.nan, dtype=np.float32)
        parameters = frozen(coef), frozen(intercept)
        return (tile, n_given, *parameters, states, stream_rows, uniform, scratch), [tile, states]

    def advance_rows(self, memory=3):
        """Rows whose rings are empty, half full or gone round, with trials of every fate."""
        d, width, draw = self._n_columns, 12, self._rng.random
        lengths = self._rng.integers(1, width + 1, size=d)
        offsets = 3 * memory * (np.cumsum(lengths) - lengths)
        support = np.arange(width) < lengths[:, None]
        counts = self._rng.integers(2 * memory + 1, size=d)
        pairs, curvatures = np.zeros(3 * memory * int(lengths.sum())), np.ones((d, memory))
        for row, n in enumerate(lengths):
            ring = pairs[offsets[row] : offsets[row] + 3 * memory * n].reshape(memory, 3, n)
            ring[:, 0] = self._normal(memory, n)
            ring[:, 1:] = (0.8 + 0.4 * draw((memory, 2, n))) * ring[:, :1]
            curvatures[row] = np.einsum("ij,ij->i", ring[:, 0], ring[:, 1])
        x, gradient = self._normal(d, width) * support, self._normal(d, width) * support
        gradient[draw(d) < 0.1] *= -1e-3
        solved, direction = gradient * (0.5 + draw((d, 1))), -gradient
        solved[draw(d) < 0.1] *= -1  # uphill, as rounding can leave it
        slope = np.einsum("ij,ij->i", gradient, direction)
        high = np.where(draw(d) < 0.5, np.inf, 2.0)
        n_trials = np.where(draw(d) < 0.3, 29.0, 3.0)  # one more is the last
        search = np.column_stack([np.full(d, 0.7), slope, np.full(d, 0.1), 0.8 * slope, high, n_trials])
        value = self._normal(d)

        active = np.flatnonzero(draw(d) < 0.8)
        k = len(active)
        # Steps along the direction to where the gradient is this share of the first one: far below zero
        # is too long, 1 too short, 0 has converged; the change of the gradient is not always uphill.
        share = self._rng.choice([-3.0, -0.3, 0.0, 0.5, 1.0, np.nan], size=(k, 1))
        trial = (x + 0.7 * direction)[active]
        trial[draw(k) < 0.1] = x[active[0]] if k else 0.0
        trial_gradient = share * gradient[active] + 0.01 * self._normal(k, width) * (share != 0)
        trial_gradient *= support[active]
        trial_solved = trial_gradient * (0.5 + draw((k, 1))) * np.where(draw((k, 1)) < 0.2, -1, 1)
        trial_value = value[active] + self._rng.choice([-5.0, 0.0, 1e-3, np.inf], size=k)

        outputs = [active, x, value, gradient, np.ones(d), solved, direction, search, pairs, curvatures]
        outputs += [counts, np.ones(d), np.ones(d), trial]
        *state, trial = outputs[1:]
        shape, scratch = (frozen(lengths), frozen(offsets)), np.full(memory + width, np.nan)
        evaluation = map(frozen, (trial_value, trial_gradient, trial_solved))
        settings = 1e-2, 0.1, 0.05, 0.2, 30, self._weighted
        return (active, *shape, *state, scratch, trial, *evaluation, *settings), outputs

    def measure_lower_rows(self):
        d = self._n_columns
        coef, gradient = self._normal(d, d), self._normal(d, d)
        coef[np.triu_indices(d)] = gradient[np.triu_indices(d)] = np.nan  # not to be read
        first = int(self._rng.integers(d))
        squares, largest = self._normal(d - first), self._normal(d - first)
        return (frozen(coef[first:]), frozen(gradient[first:]), first, squares, largest), [squares, largest]

    def solve_leading_blocks(self):
        d = self._n_columns
        factor = self._normal(d, d) / d + 2 * np.eye(d)  # what stands above the diagonal is not read
        sizes = np.sort(self._rng.integers(1, d + 1, size=5))
        vectors = self._normal(5, d)
        vectors[np.arange(d) >= sizes[:, None]] = 0.0
        return (factor, frozen(sizes), vectors), [vectors]

    # The tails of a summary have no fixed order; tests/test_summaries.py looks at them.

    def _summary(self, n_values):
        summary = summary_reference.empty_summary()
        summary_reference.summarize_values(self._normal(n_values) + self._n_columns, summary)
        summary[[8, 9]] = self._rng.choice([-np.inf, 0.0, 5.0], size=2)  # floors
        return summary

    def summarize_values(self):
        values = self._normal(2 * self._n_rows)[:: self._n_columns % 2 + 1] + self._n_columns
        if self._weighted:
            values[self._rng.random(len(values)) < 0.3] = 1.0
            if self._rng.random() < 0.3:
                values[self._rng.integers(len(values))] = self._rng.choice([np.nan, np.inf, -np.inf])
        summary = self._summary(int(self._rng.integers(3)) * 200)
        values.flags.writeable = False
        return (values, summary), [summary[: SUMMARY_PLACES["upper_tail"].start]]

    def merge_summaries(self):
        into, other = (self._summary(int(self._rng.integers(3)) * self._n_rows) for _ in range(2))
        return (into, frozen(other)), [into[: SUMMARY_PLACES["upper_tail"].start]]


def test_every_kernel_of_the_catalogue_has_a_case():
    cases = {name for name in dir(Cases) if not name.startswith("_")}
    assert cases == set(CATALOGUE), "give the new kernel a method in Cases"
    assert set(CATALOGUE) <= set(kernels.__all__)


def variants():
    """Every kernel at the precisions and instruction-set levels in which it exists."""
    return [
        pytest.param(name, dtype, level, id=f"{name}-{dtype}-{level}")
        for name, (kernel, _) in CATALOGUE.items()
        for dtype in precisions_of(name)
        for level in (
            kernels.available_levels()
            if kernel.__module__.removeprefix("fastmle.kernels.") in OF_LEVELS
            else [kernels.LEVEL]
        )
    ]


@pytest.mark.parametrize("n_rows", N_ROWS)
@pytest.mark.parametrize(("name", "dtype", "level"), variants(), indirect=["level"])
def test_kernel_computes_what_its_definition_says(name, dtype, n_rows, rng):
    kernel, definition = CATALOGUE[name]
    for n_columns, weighted in itertools.product(N_COLUMNS, (False, True)):
        case = (int(rng.integers(2**32)), dtype, n_rows, n_columns, weighted)
        arguments, got = getattr(Cases(*case), name)()
        returned = kernel(*arguments)
        arguments, expected = getattr(Cases(*case), name)()
        assert returned == definition(*arguments)
        arguments, again = getattr(Cases(*case), name)()
        kernel(*arguments)
        for a, b, c in zip(got, expected, again, strict=True):
            scale = np.abs(b[np.isfinite(b)]).max(initial=1.0) if b.dtype.kind == "f" else 0
            assert_allclose(a, b, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=str(case))
            assert_array_equal(a, c, err_msg=f"not the same bits again: {case}")


# Packing


def check_packed(rows, message):
    tile = np.full((-(-rows.shape[1] // 8), rows.shape[0]), 255, dtype=np.uint8)
    assert kernels.pack_rows(rows, tile)
    unpacked = np.unpackbits(tile.T, axis=1, bitorder="little")
    assert_array_equal(unpacked[:, : rows.shape[1]], rows, message)
    assert not unpacked[:, rows.shape[1] :].any(), "a bit beyond the last variable is set"


@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_pack_rows_of_every_width(dtype, random_bits):
    for n_columns in [*range(1, 70), 2040, 2047, 2048, 2049, 2111, 4103]:
        for n_rows in (1, 15, 17, 130) if n_columns > 70 else (130,):
            bits = random_bits(n_rows, n_columns).astype(dtype)
            check_packed(bits, (n_rows, n_columns))
            check_packed(np.asfortranarray(bits), (n_rows, n_columns, "Fortran"))
    check_packed(np.asfortranarray(random_bits(1500, 9).astype(dtype)), "many rows")


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "f4", "f8"])
def test_pack_rows_reads_every_layout(dtype, random_bits):
    wide = frozen(random_bits(2 * 67, 2 * 19).astype(dtype))
    layouts = {
        "C": wide,
        "part of wider rows": wide[:, 5:29],
        "Fortran": np.asfortranarray(wide),
        "part of longer columns": np.asfortranarray(wide)[3:-7],
        "every other": wide[::2, ::2],
        "every other of Fortran": np.asfortranarray(wide)[::2, ::2],
        "backwards": wide[::-1, ::-1],
        "one row, again and again": np.broadcast_to(wide[0], wide.shape),
        "one column, again and again": np.broadcast_to(wide[:, :1], wide.shape),
        "no rows": wide[:0],
    }
    for name, rows in layouts.items():
        check_packed(rows, name)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "f4", "f8"])
def test_pack_rows_notices_a_wrong_value_anywhere(dtype):
    size = 8 * int(dtype[1])
    floats = [-1.0, 0.5, 2.0, np.nan, np.inf, -np.inf, 1e-40, 256.0]
    wrong = floats if dtype[0] == "f" else [2, 128, *(2**k for k in range(8, size, 8)), 2**size - 1]
    tile = np.empty((2, 70), dtype=np.uint8)
    for value in wrong:
        for place in [(0, 0), (63, 7), (64, 8), (69, 12)]:
            for order in "CF":
                rows = np.ones((70, 13), dtype=dtype, order=order)
                rows[place] = value
                assert not kernels.pack_rows(rows, tile), (value, place, order)


def test_pack_rows_does_not_look_beyond_the_rows():
    wide = np.full((70, 40), 7, dtype=np.uint8)
    for n_columns in (1, 13, 31, 32, 33):
        wide[:, :n_columns] = 1
        check_packed(wide[:, :n_columns], n_columns)


# Pairs


@pytest.mark.parametrize("n_words", [1, 7, 8, 63, 64, 65, 127, 1000, 1024, 2100, 4300])
def test_counts_of_long_columns(n_words, rng):
    # Longer than what the counters inside a register hold.
    words = rng.integers(2**64, size=(5, n_words), dtype=np.uint64)
    words[:2] = 2**64 - 1
    words[2] |= rng.integers(2**64, size=n_words, dtype=np.uint64)
    counts = np.zeros((5, 5), dtype=np.int64)
    kernels.count_pairs(words, 0, 5, counts)
    bits = np.unpackbits(words.view(np.uint8), axis=1).astype(np.float64)
    assert_array_equal(counts, bits @ bits.T)


@pytest.mark.parametrize("n_rows", [63, 64, 255 * 64, 255 * 64 + 65])
def test_counts_of_columns_of_ones(n_rows):
    tile = np.full((1, n_rows), 255, dtype=np.uint8)
    counts = np.zeros(7, dtype=np.int64)
    kernels.count_columns(tile, counts)
    assert_array_equal(counts, np.full(7, n_rows))


# Levels


def test_levels_are_chosen_by_name(level):
    assert level in kernels.available_levels()
    assert kernels.choose_level(level) == level
    assert kernels.choose_level() == list(kernels.available_levels())[-1]
    with pytest.raises(ValueError, match=r"'sse9'.*baseline.*FASTMLE_LEVEL"):
        kernels.choose_level("sse9")
