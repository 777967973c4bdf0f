"""What is asked of the kernels' numbers beyond their definitions: last places, limits, independence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit

from fastmle import kernels
from fastmle.kernels import LANES, LISTED_LINES, SCRATCH_LINES

pytestmark = pytest.mark.usefixtures("level")

FLOATS = ("float32", "float64")


def add_block(tile, columns, coef, intercept, weight, scratch, value, grad_coef, grad_intercept):
    """Add the value and gradient of a block of columns in a single tile."""
    n_rows = tile.shape[1]
    units, n_left = np.array([[0, 0, 1, 0, len(columns), False, False]]), np.array([1])
    data = tile.ravel(), n_rows, n_rows, columns, coef, intercept, weight
    kernels.add_gradient(*data, scratch, units, n_left, 1, value[None], grad_coef[None], grad_intercept[None])


# Accuracy and limits


def run_logits(logits, outcome, dtype):
    """Return the terms and residuals of these logits, all with that outcome, as float64, and the value.

    For the residuals each logit is the intercept of a table of one row.
    """
    lanes = LANES[dtype]
    n_rows = -(-len(logits) // lanes)
    scratch = np.zeros((SCRATCH_LINES + n_rows, lanes), dtype=dtype)
    scratch[SCRATCH_LINES:].flat[: len(logits)] = logits
    tile = np.full((lanes // 8, n_rows), 255 * outcome, dtype=np.uint8)
    columns = np.arange(lanes, dtype=np.int32)
    kernels.logits_to_terms(tile, columns, scratch)
    terms = scratch[SCRATCH_LINES:].ravel()[: len(logits)].astype(np.float64)

    no_weights = np.empty((lanes, 0))
    one_row = np.ascontiguousarray(tile[:, :1])
    values, residuals = np.zeros((n_rows, lanes)), np.zeros((n_rows, lanes))
    intercepts = np.zeros((n_rows, lanes))
    intercepts.flat[: len(logits)] = logits
    for intercept, value, residual in zip(intercepts, values, residuals, strict=True):
        add_block(one_row, columns, no_weights, intercept, None, scratch, value, no_weights, residual)
    return terms, residuals.ravel()[: len(logits)], values.ravel()[: len(logits)]


# The largest relative differences measured on this grid: 5.4e-16 (terms) and 5.1e-16 (residuals) in
# float64, of which SciPy's own error is up to 2.4e-16; 2.1e-7 and 2.4e-7 in float32.
ACCURACY = {"float64": 8e-16, "float32": 4e-7}


@pytest.mark.parametrize("outcome", [0, 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_terms_and_residuals_are_accurate_to_the_last_places(dtype, outcome):
    tiny = np.geomspace(1e-30, 1.0, 5001)
    logits = np.concatenate([np.linspace(-800, 800, 100_001), np.linspace(-40, 40, 200_001), tiny, -tiny])
    logits = logits.astype(dtype).astype(np.float64)
    terms, residuals, values = run_logits(logits, outcome, dtype)
    t = logits if outcome else -logits
    # exp(-t) below the smallest normal number: nothing relative can be asked for there.
    smallest = 2 * np.finfo(dtype).tiny
    assert_allclose(terms, log_expit(t), rtol=ACCURACY[dtype], atol=smallest)
    assert_allclose(values, log_expit(t), rtol=ACCURACY[dtype], atol=smallest)
    assert_allclose(residuals, (1 if outcome else -1) * expit(-t), rtol=ACCURACY[dtype], atol=smallest)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("outcome", [0, 1])
def test_impossible_outcomes_have_the_exact_limit(dtype, outcome):
    against = np.array([-1000.0, -1e4, -1e30, -np.inf])
    terms, residuals, _ = run_logits(against if outcome else -against, outcome, dtype)
    assert_array_equal(terms, against.astype(dtype))
    assert_array_equal(residuals, np.full(4, 1.0 if outcome else -1.0))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("outcome", [0, 1])
def test_certain_outcomes_cost_exactly_nothing(dtype, outcome):
    towards = np.array([1000.0, 1e4, 1e30, np.inf])
    terms, residuals, value = run_logits(towards if outcome else -towards, outcome, dtype)
    assert_array_equal(terms, np.zeros(4))
    assert_array_equal(residuals, np.zeros(4))
    assert_array_equal(value, np.zeros(4))


def gradient(bits, coef, intercept, weight, dtype):
    """Return value and gradients of a table whose last columns, one line of them, make the block."""
    lanes, d = LANES[dtype], bits.shape[1]
    tile = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little").T)
    scratch = np.empty((SCRATCH_LINES + len(bits), lanes), dtype=dtype)
    results = np.zeros(lanes), np.zeros((lanes, d)), np.zeros(lanes)
    columns = np.arange(d - lanes, d, dtype=np.int32)
    add_block(tile, columns, coef, intercept, weight, scratch, *results)
    return results


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_weight_of_zero_removes_the_row(dtype, rng, random_bits):
    lanes, n_rows, d = LANES[dtype], 130, 43
    bits = random_bits(n_rows, d)
    coef, intercept = 10 * rng.normal(size=(lanes, d)), rng.normal(size=lanes)
    kept = rng.random(n_rows) < 0.5
    kept[0] = True
    weighted = gradient(bits, coef, intercept, kept.astype(np.float64), dtype)
    alone = gradient(bits[kept], coef, intercept, None, dtype)
    for one, other in zip(weighted, alone, strict=True):
        scale = np.abs(other).max()
        assert_allclose(one, other, rtol=0, atol=scale * (1e-5 if dtype == "float32" else 1e-13))


@pytest.mark.parametrize("dtype", FLOATS)
def test_products_of_many_rows_keep_small_terms_and_do_not_overflow(dtype):
    lanes = LANES[dtype]
    columns = np.arange(lanes, dtype=np.int32)
    for logit in (-1e4, -30.0, -1.0, 0.0, 1.0, 30.0, 60.0):
        n_rows = 4096
        tile = np.full((lanes // 8, n_rows), 255, dtype=np.uint8)
        scratch = np.empty((SCRATCH_LINES + n_rows, lanes), dtype=dtype)
        value, slope, none = np.zeros(lanes), np.zeros(lanes), np.empty((lanes, 0))
        add_block(tile, columns, none, np.full(lanes, logit), None, scratch, value, none, slope)
        precision = 1e-5 if dtype == "float32" else 1e-13
        assert_allclose(value, np.full(lanes, n_rows * log_expit(logit)), rtol=precision)
        assert_allclose(slope, np.full(lanes, n_rows * expit(-logit)), rtol=precision)


def test_draws_at_the_ends_of_the_unit_interval():
    logits = np.array([-np.inf, -1e4, 0.0, 1e4, np.inf])
    uniform = np.array(5 * [[0, 2**30 - 2**8, 2**31 - 1]], dtype=np.int32)  # 0, a little below 1/2, nearly 1
    tile = np.zeros((1, 3), dtype=np.uint8)
    scratch = np.empty((SCRATCH_LINES + 3, 16), dtype=np.float32)
    kernels.sample_block(tile, 0, 0, np.empty((5, 0)), logits, uniform, scratch)
    drawn = np.unpackbits(tile.T, axis=1, bitorder="little", count=5)
    assert_array_equal(drawn, [[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1]])


@pytest.mark.parametrize("excess", [-1e-3, 1e-3])
@pytest.mark.parametrize("sign", [-1, 1])
def test_both_sides_of_the_limit_between_odds_and_logits(sign, excess, rng, random_bits):
    """Where float32 just goes by odds, no product on the way overflows; just beyond, logits take over."""
    n_rows, d, lanes = 100, 43, LANES["float32"]
    bits = random_bits(n_rows, d)
    bits[0], bits[1] = 1, 0
    coef = rng.exponential(size=(lanes, d))
    coef *= sign * (80 + excess) / coef[:, : d - lanes].sum(axis=1, keepdims=True)
    coef[:, d - lanes :] = 0.0
    intercept = np.zeros(lanes)
    logits = bits @ coef.T
    signs = np.where(bits[:, d - lanes :] == 1, 1, -1)
    value, grad_coef, grad_intercept = gradient(bits, coef, intercept, None, "float32")
    assert_allclose(value, log_expit(signs * logits).sum(axis=0), rtol=1e-6)
    residuals = signs * expit(-signs * logits)
    assert_allclose(grad_intercept, residuals.sum(axis=0), rtol=2e-5, atol=1e-6)
    expected = (residuals.T @ bits)[:, : d - lanes]
    assert_allclose(grad_coef[:, : d - lanes], expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# A row's result is its own


@pytest.mark.parametrize("largest", [0.1, 100.0])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n_columns", [0.5, 1, 1.5, 2])
def test_scores_from_lists_and_from_tables_are_the_same_bits(n_columns, dtype, largest, rng, random_bits):
    lanes, n_rows, d = LANES[dtype], 600, 70
    bits = random_bits(n_rows, d)
    bits *= rng.random((n_rows, 1)) < np.linspace(0, 1, d)  # sparse and dense groups
    tile = np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little").T)
    starts, listed = np.empty(n_rows + 1, dtype=np.int32), np.empty(int(bits.sum()), dtype=np.uint16)
    kernels.list_set_bits(tile, starts, listed)
    columns = np.arange(d, dtype=np.int32)[-int(n_columns * lanes) :]
    coef, intercept = largest * rng.normal(size=(len(columns), d)), rng.normal(size=len(columns))
    scratch = np.empty((SCRATCH_LINES + LISTED_LINES * len(tile) + n_rows, lanes), dtype=dtype)
    by_tables, by_lists = np.zeros(n_rows), np.zeros(n_rows)
    kernels.add_log_likelihood(tile, columns, coef, intercept, scratch, by_tables)
    kernels.add_log_likelihood(tile, columns, coef, intercept, scratch, by_lists, starts, listed)
    assert by_tables.tobytes() == by_lists.tobytes()


def results_by_row(rows, dtype, bits, coef, intercept, weight, uniform):
    """Run the kernels that work row by row on some of the rows; return one array a result."""
    lanes = LANES[dtype]
    bits, weight = bits[rows], weight[rows]
    tile = np.empty((-(-bits.shape[1] // 8), len(bits)), dtype=np.uint8)
    kernels.pack_rows(bits, tile)
    unpacked = np.empty_like(bits)
    kernels.unpack_rows(tile, unpacked)
    columns = np.arange(bits.shape[1] - lanes, bits.shape[1], dtype=np.int32)
    scratch = np.empty((SCRATCH_LINES + len(bits), lanes), dtype=dtype)
    kernels.compute_logits(tile, columns, coef, intercept, scratch)
    logits = scratch[SCRATCH_LINES:].copy()
    kernels.logits_to_terms(tile, columns, scratch)
    terms = scratch[SCRATCH_LINES:].copy()
    total = weight.copy()
    kernels.add_log_likelihood(tile, columns, coef, intercept, scratch, total)
    drawn = tile.copy()
    drawn[3:] = 0
    scratch = np.empty((SCRATCH_LINES + len(bits), LANES["float32"]), dtype=np.float32)
    random = np.ascontiguousarray(uniform[:, rows])
    kernels.sample_block(drawn, 24, 0, coef[:8], intercept[:8], random, scratch)
    return tile.T, unpacked, logits, terms, total, drawn.T


@pytest.mark.parametrize("largest", [0.1, 100.0])  # odds in float32, and logits
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_row_does_not_depend_on_its_neighbours(dtype, largest, rng, random_bits):
    n_rows, n_columns, lanes = 300, 43, LANES[dtype]
    data = (
        dtype,
        random_bits(n_rows, n_columns),
        largest / 10.0 ** rng.integers(6, size=(lanes, 1)) * rng.normal(size=(lanes, n_columns)),
        rng.normal(size=lanes),
        rng.exponential(size=n_rows),
        rng.integers(2**31, size=(8, n_rows), dtype=np.int32),
    )
    everyone = results_by_row(np.arange(n_rows), *data)
    companies = [np.arange(start, stop) for start, stop in [(0, 1), (1, 64), (63, 128), (64, 129), (5, 298)]]
    companies += [np.array([row]) for row in rng.integers(n_rows, size=10)]
    companies += [rng.permutation(n_rows), rng.integers(n_rows, size=700)]
    for rows in companies:
        for whole, part in zip(everyone, results_by_row(rows, *data), strict=True):
            # Bytes, because -0.0 == 0.0.
            assert np.ascontiguousarray(part).tobytes() == np.ascontiguousarray(whole[rows]).tobytes()
