"""What is asked of the kernels' numbers beyond their definitions: last places, limits, independence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit

from fastmle import kernels
from fastmle.kernels import LANES

pytestmark = pytest.mark.usefixtures("level")

FLOATS = ("float32", "float64")


# Accuracy and limits


def run_logits(logits, outcome, dtype):
    """Return the terms and residuals of these logits, all with that outcome, as float64, and the value."""
    lanes = LANES[dtype]
    n_rows = -(-len(logits) // lanes)
    z = np.zeros((n_rows, lanes), dtype=dtype)
    z.flat[: len(logits)] = logits
    tile = np.full((lanes // 8, n_rows), 255 * outcome, dtype=np.uint8)
    columns = np.arange(lanes, dtype=np.int32)
    terms, residuals, value = z.copy(), z.copy(), np.zeros(lanes)
    kernels.logits_to_terms(tile, columns, terms)
    kernels.logits_to_residuals(tile, columns, None, residuals, value)
    return *(a.ravel()[: len(logits)].astype(np.float64) for a in (terms, residuals)), value


# The largest relative differences measured on this grid: 5.4e-16 (terms) and 5.1e-16 (residuals) in
# float64, of which SciPy's own error is up to 2.4e-16; 2.1e-7 and 2.4e-7 in float32.
ACCURACY = {"float64": 8e-16, "float32": 4e-7}


@pytest.mark.parametrize("outcome", [0, 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_terms_and_residuals_are_accurate_to_the_last_places(dtype, outcome):
    tiny = np.geomspace(1e-30, 1.0, 5001)
    logits = np.concatenate([np.linspace(-800, 800, 400_001), np.linspace(-40, 40, 200_001), tiny, -tiny])
    logits = logits.astype(dtype).astype(np.float64)
    terms, residuals, _ = run_logits(logits, outcome, dtype)
    t = logits if outcome else -logits
    # exp(-t) below the smallest normal number: nothing relative can be asked for there.
    smallest = 2 * np.finfo(dtype).tiny
    assert_allclose(terms, log_expit(t), rtol=ACCURACY[dtype], atol=smallest)
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
    assert_array_equal(value[:4], np.zeros(4))


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_weight_of_zero_removes_the_row(dtype, rng):
    lanes, n_rows = LANES[dtype], 130
    columns = np.arange(lanes, dtype=np.int32)
    tile = rng.integers(256, size=(lanes // 8, n_rows), dtype=np.uint8)
    z = (rng.normal(size=(n_rows, lanes)) * 10.0 ** rng.integers(5, size=(n_rows, 1))).astype(dtype)
    kept = rng.random(n_rows) < 0.5
    kept[0] = True
    value, alone = np.zeros(lanes), np.zeros(lanes)
    residual, residual_alone = z.copy(), z[kept]
    kernels.logits_to_residuals(tile, columns, kept.astype(np.float64), residual, value)
    kernels.logits_to_residuals(np.ascontiguousarray(tile[:, kept]), columns, None, residual_alone, alone)
    assert not residual[~kept].any()
    assert_array_equal(residual[kept], residual_alone)
    assert_allclose(value, alone, rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("dtype", FLOATS)
def test_columns_without_predecessors_need_no_tables(dtype, rng):
    lanes = LANES[dtype]
    tile = rng.integers(2, size=(1, 70), dtype=np.uint8)
    columns = np.zeros(1, dtype=np.int32)
    tables = np.empty((0, 256, lanes), dtype=dtype)
    kernels.build_tables(np.empty((1, 0)), columns, tables)
    z = np.full((70, lanes), np.nan, dtype=dtype)
    kernels.compute_logits(tile, tables, np.array([0.25]), z)
    assert_array_equal(z[:, 0], np.full(70, 0.25))
    grad_intercept = np.array([2.0])
    buckets = np.empty((256, lanes), dtype=dtype)
    kernels.scatter_gradient(tile, z, columns, 0, buckets, np.empty((1, 0)), grad_intercept)
    assert_array_equal(grad_intercept, [2.0 + 70 * 0.25])


def test_draws_at_the_ends_of_the_unit_interval():
    logits = np.array([-np.inf, -1e4, 0.0, 1e4, np.inf])
    uniforms = np.array([0.0, 0.5, 1 - 2.0**-53])  # as a generator gives them: never 1
    z, uniform = (np.repeat(a.reshape(-1, 1), 8, axis=1) for a in np.meshgrid(logits, uniforms))
    drawn = np.zeros(len(z), dtype=np.uint8)
    kernels.sample_group(z, np.zeros((8, 8)), uniform, 0, 1, drawn)
    assert_array_equal(drawn.reshape(3, 5), [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]])


# A row's result is its own


def results_by_row(rows, dtype, bits, tables, z, weight, intercept, inner, uniform):
    """Run the kernels that work row by row on some of the rows; return one array a result."""
    lanes = LANES[dtype]
    bits, weight, uniform = bits[rows], weight[rows], np.ascontiguousarray(uniform[rows])
    tile = np.empty((-(-bits.shape[1] // 8), len(bits)), dtype=np.uint8)
    kernels.pack_rows(bits, tile)
    unpacked = np.empty_like(bits)
    kernels.unpack_rows(tile, unpacked)
    columns = np.arange(bits.shape[1] - lanes, bits.shape[1], dtype=np.int32)
    logits = np.empty((len(bits), lanes), dtype=dtype)
    kernels.compute_logits(tile, tables, intercept, logits)
    terms, residuals = z[rows], z[rows]
    kernels.logits_to_terms(tile, columns, terms)
    kernels.logits_to_residuals(tile, columns, weight, residuals, np.zeros(lanes))
    total = weight.copy()
    kernels.add_terms(terms, lanes, total)
    drawn = np.zeros(len(bits), dtype=np.uint8)
    kernels.sample_group(np.ascontiguousarray(z[rows, :8], np.float64), inner, uniform, 0, 8, drawn)
    return tile.T, unpacked, logits, terms, residuals, total, drawn


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_row_does_not_depend_on_its_neighbours(dtype, rng, random_bits):
    n_rows, n_columns, lanes = 300, 43, LANES[dtype]
    data = (
        dtype,
        random_bits(n_rows, n_columns),
        rng.normal(size=(-(-n_columns // 8), 256, lanes)).astype(dtype),
        (rng.normal(size=(n_rows, lanes)) * 10.0 ** rng.integers(-3, 4, size=(n_rows, 1))).astype(dtype),
        rng.exponential(size=n_rows),
        rng.normal(size=lanes),
        np.tril(rng.normal(size=(8, 8)), k=-1),
        rng.random((n_rows, 8)),
    )
    everyone = results_by_row(np.arange(n_rows), *data)
    companies = [np.arange(start, stop) for start, stop in [(0, 1), (1, 64), (63, 128), (64, 129), (5, 298)]]
    companies += [np.array([row]) for row in rng.integers(n_rows, size=10)]
    companies += [rng.permutation(n_rows), rng.integers(n_rows, size=700)]
    for rows in companies:
        for whole, part in zip(everyone, results_by_row(rows, *data), strict=True):
            # Bytes, because -0.0 == 0.0.
            assert np.ascontiguousarray(part).tobytes() == np.ascontiguousarray(whole[rows]).tobytes()
