"""Running summaries: whole arrays against parts of them, in any division and at any level."""

import ctypes

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import logsumexp

from fastmle import kernels
from fastmle.kernels import SUMMARY_PLACES, SUMMARY_SIZE, TAIL_SIZE, summary_reference
from fastmle.montecarlo.log_summaries import LogSummary
from fastmle.montecarlo.summaries import NonFiniteError, PairwiseSum, Summary

N_MOMENTS = SUMMARY_PLACES["others"] + 1
DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "far from zero": lambda rng, n: 1e8 + rng.normal(size=n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(size=n),
    "bits": lambda rng, n: rng.integers(2, size=n).astype(float),
    "few values": lambda rng, n: rng.integers(-3, 4, size=n).astype(float),
    "ascending": lambda rng, n: np.sort(rng.exponential(size=n)),
    "constant": lambda rng, n: np.full(n, 0.1),
}


def summary_of(values, weights=None, **settings):
    values = np.asarray(values)
    summary = Summary(1 if values.ndim == 1 else values.shape[1], **settings)
    summary.add(values, weights)
    return summary


def random_parts(rng, values, n_parts):
    return np.split(values, np.sort(rng.integers(len(values) + 1, size=n_parts - 1)))


def check_moments(summary, values, rtol=1e-14):
    """Compare with long doubles; errors of means count against the spread, and those of cubes likewise."""
    exact = values.astype(np.longdouble).reshape(len(values), -1)
    mean = exact.mean(axis=0)
    deviations = exact - mean
    deviations -= deviations.mean(axis=0)  # a mean of 1e8 is rounded in long doubles, too
    spread = np.sqrt((deviations**2).mean(axis=0)).astype(float)
    last_place = np.spacing(np.abs(mean).astype(float))
    assert summary.count == len(values)
    assert_array_equal(np.abs(summary.mean - mean) <= rtol * spread + last_place, True)
    assert_allclose(summary.variance, (deviations**2).sum(axis=0) / (len(values) - 1), rtol=rtol)
    cubes = summary.scalars[:, SUMMARY_PLACES["cubes"]]
    error = np.abs(cubes - (deviations**3).sum(axis=0))
    assert_array_equal(error <= 5 * rtol * np.abs(deviations**3).sum(axis=0), True)
    assert_array_equal(summary.minimum, values.reshape(len(values), -1).min(axis=0))
    assert_array_equal(summary.maximum, values.reshape(len(values), -1).max(axis=0))


def check_tails(summary, values, component=0):
    assert_array_equal(summary.largest(component), np.sort(values)[::-1][:TAIL_SIZE])
    assert_array_equal(summary.smallest(component), np.sort(values)[:TAIL_SIZE])


# Kernels


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n_parts", [1, 2, 7, 300])
def test_any_division_gives_the_summary_of_all(name, n_parts, rng):
    values = DRAWS[name](rng, 30_000)
    expected = summary_of(values)
    check_moments(expected, values)
    check_tails(expected, values)
    merged, tree = Summary(), PairwiseSum()
    for part in random_parts(rng, values, n_parts):
        merged.merge(summary_of(part))
        tree.push(summary_of(part))
    for summary in (merged, tree.total()):
        check_moments(summary, values)
        assert_array_equal(summary.largest(), expected.largest())
        assert_array_equal(summary.smallest(), expected.smallest())
        assert_array_equal(summary.all_binary, [name == "bits"])


@pytest.mark.parametrize("name", DRAWS)
def test_floors_leave_the_merged_tails_the_same(name, rng):
    values = DRAWS[name](rng, 50_000)
    parts = random_parts(rng, values, 40)
    # Blocks take the floors of whatever was ready when they began, in any order.
    ready, summaries = Summary(), {}
    for index in rng.permutation(len(parts)):
        summaries[index] = summary_of(parts[index], floors=ready.floors())
        if rng.random() < 0.5:
            ready = Summary()
            for summary in summaries.values():
                ready.merge(summary)
    n_listed = sum(len(summary.largest()) for summary in summaries.values())
    merged = Summary()
    for index in range(len(parts)):
        merged.merge(summaries[index])
    check_tails(merged, values)
    check_moments(merged, values)
    if name != "ascending":
        assert n_listed < 0.5 * sum(min(len(part), TAIL_SIZE) for part in parts)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 2047, 2048, 2049, 10_000])
def test_digits_are_the_same_at_every_level_and_layout(n, rng):
    values = rng.standard_cauchy(size=2 * n)[::2]
    results = []
    try:
        for name in kernels.available_levels():
            kernels.choose_level(name)
            for layout in (values, values.copy(), np.array([values, values]).T[:, 1]):
                scalar = summary_of(np.arange(100.0)).scalars[0]
                assert kernels.summarize_values(layout, scalar) == -1
                results.append(scalar)
    finally:
        kernels.choose_level(kernels.LEVEL)
    for result in results[1:]:
        assert result.tobytes() == results[0].tobytes()


@pytest.mark.usefixtures("level")
def test_compiled_callers_find_the_kernel_at_its_address(rng):
    address = kernels.summary_address()
    assert address == kernels.summary_address()
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int64, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_void_p
    )
    values, summary = rng.normal(size=(500, 3)), Summary()
    assert prototype(address)(values.ctypes.data, 500, 3, summary.scalars.ctypes.data) == -1
    expected = summary_of(values[:, 0])
    assert_array_equal(summary.scalars, expected.scalars)
    values[77, 0] = np.nan
    assert prototype(address)(values.ctypes.data, 500, 3, summary.scalars.ctypes.data) == 77
    assert_array_equal(summary.scalars, expected.scalars)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_first_value_that_is_not_finite_is_found_and_nothing_changes(wrong, rng):
    for n, place in [(1, 0), (100, 99), (2048, 0), (9000, 5000)]:
        values = rng.normal(size=n)
        values[place] = wrong
        values[place + 1 :][-1:] = np.nan
        summary = summary_of(rng.normal(size=300))
        before = summary.scalars.copy()
        with pytest.raises(NonFiniteError, match=f"row {place}, component 0") as raised:
            summary.add(values)
        assert (raised.value.row, raised.value.component) == (place, 0)
        assert_array_equal(raised.value.value, wrong)
        assert_array_equal(summary.scalars, before)


def test_sums_that_overflow_are_no_fault_of_a_value():
    summary = summary_of([1.7e308, 1.7e308, -1.7e308])
    assert summary.count == 3
    assert summary.maximum == 1.7e308
    assert not np.isfinite(summary.variance)


def test_equal_values_have_no_variance():
    summary = Summary()
    for n in (1, 3000, 17):
        summary.add(np.full(n, 0.1))
    assert summary.mean == 0.1
    assert summary.variance == 0
    assert np.isnan(summary.skewness)


# Summary


def test_a_single_value():
    summary = summary_of([3.0])
    assert (summary.count, summary.mean, summary.minimum, summary.maximum) == (1, 3, 3, 3)
    for undefined in (summary.variance, summary.standard_error, summary.covariance, summary.skewness):
        assert np.isnan(undefined).all()


def test_no_values():
    summary = Summary(2)
    summary.add(np.empty((0, 2)))
    summary.add(np.empty((0, 2)), np.empty(0))
    summary.merge(Summary(2))
    assert summary.count == 0
    assert np.isnan(summary.variance).all()
    assert len(summary.largest()) == 0
    assert_array_equal(summary.scalars, Summary(2).scalars)
    assert_array_equal(summary.scalars[0], summary_reference.empty_summary())
    assert len(summary_reference.empty_summary()) == SUMMARY_SIZE
    assert PairwiseSum().total() is None


@pytest.mark.parametrize("n_parts", [1, 5, 40])
def test_components(n_parts, rng):
    values = 1e4 + rng.exponential(size=(9000, 4)) @ rng.normal(size=(4, 4))
    values[:, 2] = rng.integers(2, size=9000)
    merged = Summary(4)
    for part in random_parts(rng, values, n_parts):
        merged.merge(summary_of(part))
    check_moments(merged, values)
    exact = values.astype(np.longdouble)
    deviations = exact - exact.mean(axis=0)
    expected = (deviations.T @ deviations / (len(values) - 1)).astype(float)
    scale = np.sqrt(np.multiply.outer(np.diag(expected), np.diag(expected)))
    assert_array_equal(np.abs(merged.covariance - expected) < 2e-14 * scale, True)
    assert_array_equal(np.diag(merged.covariance), merged.variance)
    assert_array_equal(merged.covariance, merged.covariance.T)
    assert_allclose(merged.skewness, stats.skew(values), rtol=1e-9, atol=1e-9)
    assert_allclose(merged.standard_error, stats.sem(values), rtol=1e-9)
    assert_array_equal(merged.all_binary, [False, False, True, False])
    for component in range(4):
        check_tails(merged, values[:, component], component)


def test_the_first_place_counts_by_rows(rng):
    values = rng.normal(size=(5000, 3))
    values[4000, 0], values[3000, 2], values[3000, 1] = np.nan, np.inf, -np.inf
    summary = summary_of(values[:100])
    before = summary.copy()
    for weights in (None, np.full(5000, 0.5)):
        with pytest.raises(NonFiniteError) as raised:
            summary.add(values, weights)
        assert (raised.value.row, raised.value.component) == (3000, 1)
        assert_array_equal(summary.scalars, before.scalars)
        assert_array_equal(summary.comoments, before.comoments)
    weights = np.ones(5000)
    weights[3000] = 0
    with pytest.raises(NonFiniteError) as raised:
        summary.add(values, weights)
    assert (raised.value.row, raised.value.component) == (4000, 0)


@pytest.mark.parametrize("n_components", [1, 3])
def test_weights_are_repetitions(n_components, rng):
    values = 100 + rng.standard_t(3, size=(3000, n_components))
    values[:, -1] = rng.integers(3, size=3000)
    weights = rng.integers(4, size=3000)
    values[weights == 0] = np.nan
    summary, expected = summary_of(values, weights), summary_of(np.repeat(values, weights, axis=0))
    assert_allclose(summary.scalars[:, :N_MOMENTS], expected.scalars[:, :N_MOMENTS], rtol=1e-12, atol=1e-9)
    for component in range(n_components):
        assert_array_equal(summary.largest(component), expected.largest(component))
        assert_array_equal(summary.smallest(component), expected.smallest(component))
    assert_allclose(summary.covariance, expected.covariance, rtol=1e-12, atol=1e-14)
    halves = Summary(n_components)
    for _ in range(2):
        halves.add(values, weights / 2)
    assert_allclose(halves.scalars[:, :N_MOMENTS], expected.scalars[:, :N_MOMENTS], rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1.0, -1.0], "negative"), ([1.0, np.nan], "finite"), ([1.0, np.inf], "finite"), ([1.0], "shape")],
)
def test_wrong_weights(weights, message):
    summary = Summary()
    with pytest.raises(ValueError, match=message):
        summary.add([1.0, 2.0], weights)
    assert summary.count == 0


def test_every_layout_of_the_values(rng):
    values = rng.normal(size=100)
    expected = summary_of(values).scalars
    records = np.zeros(100, dtype=[("flag", "u1"), ("value", "f8")])
    records["value"] = values
    for layout in (
        records["value"],
        values[::-1][::-1],
        values.tolist(),
        values.astype(">f8"),
        values[:, None],
    ):
        assert_array_equal(summary_of(layout).scalars, expected)
    assert_array_equal(summary_of(np.broadcast_to(2.0, 50)).scalars, summary_of(np.full(50, 2.0)).scalars)


def test_wrong_number_of_components():
    with pytest.raises(ValueError, match="3 components, where the summary has 2"):
        Summary(2).add(np.zeros((5, 3)))


def test_a_tree_keeps_few_summaries_and_its_parts_in_order(rng):
    tree, values = PairwiseSum(), rng.normal(size=1000)
    for k, value in enumerate(values):
        tree.push(summary_of([value]))
        assert len(tree._summaries) == (k + 1).bit_count()
    first, again = tree.total(), tree.total()
    assert first.scalars.tobytes() == again.scalars.tobytes()
    check_moments(first, values)


# Logarithms


def expected_log_mean(h):
    return logsumexp(h) - np.log(len(h))


@pytest.mark.parametrize("n_parts", [1, 6, 50])
@pytest.mark.parametrize("spread", [0.1, 1.0, 300.0])
def test_log_mean(n_parts, spread, rng):
    h = 1000 + spread * rng.normal(size=20_000)
    h[rng.random(20_000) < 0.1] = -np.inf
    merged = LogSummary()
    for part in random_parts(rng, h, n_parts):
        summary = LogSummary(floors=merged.floors())
        summary.add(part[: len(part) // 2])
        summary.add(part[len(part) // 2 :])
        merged.merge(summary)
    assert merged.shift == h.max()
    assert_allclose(merged.log_mean, expected_log_mean(h), rtol=1e-15, atol=1e-13)
    expected = summary_of(np.exp(h - h.max()))
    assert_allclose(merged.summary.mean, expected.mean, rtol=1e-13)
    assert_allclose(merged.summary.variance, expected.variance, rtol=1e-12)
    assert_allclose(merged.summary.skewness, expected.skewness, rtol=1e-12)
    assert_allclose(merged.standard_error, expected.standard_error[0] / expected.mean[0], rtol=1e-12)
    assert_allclose(merged.summary.largest(), expected.largest(), rtol=1e-12)
    assert (merged.summary.minimum, merged.summary.maximum) == (0, 1)


def test_log_mean_where_shifts_differ_by_more_than_a_number_holds():
    summary = LogSummary()
    assert np.isnan(summary.log_mean)
    summary.add([-np.inf, -np.inf])
    assert (summary.log_mean, summary.shift, summary.count) == (-np.inf, -np.inf, 2)
    summary.add([-5000.0])
    assert_allclose(summary.log_mean, -5000 - np.log(3), rtol=1e-15)
    other = LogSummary(floors=summary.floors())
    other.add([5000.0] * 5)
    for first, second in ((summary, other), (other, summary)):
        merged = first.copy()
        merged.merge(second)
        assert_allclose(merged.log_mean, 5000 + np.log(5 / 8), rtol=1e-15)
        assert_array_equal(merged.summary.largest(), [1.0] * 5 + [0.0] * 3)
    merged.merge(LogSummary())
    assert merged.count == 8


@pytest.mark.parametrize("n_parts", [1, 7])
def test_weighted_values(n_parts, rng):
    h, values = 50 * rng.normal(size=5_000), rng.normal(size=(5_000, 2))
    merged = LogSummary(2)
    for part in random_parts(rng, np.column_stack([h, values]), n_parts):
        summary = LogSummary(2, floors=merged.floors())
        summary.add(part[: len(part) // 2, 0], part[: len(part) // 2, 1:])
        summary.add(part[len(part) // 2 :, 0], part[len(part) // 2 :, 1:])
        merged.merge(summary)
    weights = np.exp(h - h.max())
    expected = summary_of(np.column_stack([weights, weights[:, None] * values]))
    assert_allclose(merged.summary.mean, expected.mean, rtol=1e-12)
    assert_allclose(merged.summary.covariance, expected.covariance, rtol=1e-12, atol=1e-18)
    for component in range(3):
        assert_allclose(merged.summary.largest(component), expected.largest(component), rtol=1e-12)
    for component in (1, 2):
        assert_allclose(merged.summary.smallest(component), expected.smallest(component), rtol=1e-12)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_logarithms_that_are_no_numbers(wrong):
    summary = LogSummary()
    summary.add([1.0, 2.0])
    before = summary.summary.scalars.copy()
    with pytest.raises(NonFiniteError) as raised:
        summary.add([50.0, -np.inf, wrong, np.nan])
    assert raised.value.row == 2
    assert summary.shift == 2
    assert_array_equal(summary.summary.scalars, before)


@pytest.mark.parametrize("n_parts", [1, 5])
def test_counts_are_values_of_zero_and_one(n_parts, rng):
    values = (rng.random(1000) < 0.2).astype(float)
    expected, summary = summary_of(values), Summary()
    for part in random_parts(rng, values, n_parts):
        summary.add_counts(len(part), int(part.sum()))
    assert_allclose(summary.scalars[0, :N_MOMENTS], expected.scalars[0, :N_MOMENTS], rtol=1e-12, atol=1e-15)
    assert summary.all_binary
