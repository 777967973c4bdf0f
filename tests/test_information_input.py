"""What entropies and divergences take, and what they refuse."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastmle
from fastmle.information import _sums

ONE_ARGUMENT = [fastmle.entropy]
TWO_ARGUMENTS = [
    fastmle.cross_entropy,
    fastmle.expected_code_length,
    fastmle.hellinger,
    fastmle.jeffreys_divergence,
    fastmle.js_divergence,
    fastmle.kl_divergence,
    lambda p, q, **options: fastmle.renyi_divergence(p, q, 0.7, **options),
    lambda p, q, **options: fastmle.renyi_divergence(p, q, 0.2, **options),
    lambda p, q, **options: fastmle.renyi_divergence(p, q, 3, **options),
    lambda p, q, **options: fastmle.renyi_divergence(p, q, math.inf, **options),
    fastmle.total_variation,
]
ALL = [(function, 1) for function in ONE_ARGUMENT] + [(function, 2) for function in TWO_ARGUMENTS]
every_function = pytest.mark.parametrize(("function", "n_arguments"), ALL)


def draw(rng, shape, axis=-1):
    table = rng.exponential(size=shape)
    return table / table.sum(axis=axis, keepdims=True)


@every_function
def test_axes_and_broadcasting(function, n_arguments, rng):
    shapes = [((5, 7),) * 2, ((4, 3, 7), (3, 7)), ((1, 3, 7), (4, 1, 7)), ((7,), (2, 3, 7))]
    for shape_p, shape_q in shapes:
        p, q = draw(rng, shape_p), draw(rng, shape_q)
        full = np.broadcast_shapes(shape_p, shape_q) if n_arguments == 2 else shape_p
        rows = [np.broadcast_to(x, full).reshape(-1, 7) for x in (p, q)[:n_arguments]]
        expected = np.reshape([function(*row) for row in zip(*rows, strict=True)], full[:-1])
        arguments = (p, q)[:n_arguments]
        assert_array_equal(function(*arguments), expected)
        assert_array_equal(function(*arguments, keepdims=True), expected[..., None])
    p, q = draw(rng, (7, 4, 3), 0), draw(rng, (7, 4, 3), 0)
    arguments = (p, q)[:n_arguments]
    expected = function(*(np.moveaxis(x, 0, -1).copy() for x in arguments))
    assert_array_equal(function(*arguments, axis=0), expected)
    assert_array_equal(function(*arguments, axis=-3, keepdims=True), expected[None])
    assert function(*(np.zeros((0, 3)),) * n_arguments).shape == (0,)


@every_function
def test_layouts_and_types(function, n_arguments, rng):
    p, q = (draw(rng, (60, 9)) for _ in range(2))
    arguments = (p, q)[:n_arguments]
    expected = function(*arguments)
    wide = [np.repeat(np.repeat(x, 2, axis=0), 2, axis=1) for x in arguments]
    assert_array_equal(function(*(x[::2, ::2] for x in wide)), expected)
    assert_array_equal(function(*(np.asfortranarray(x) for x in arguments)), expected)
    assert_array_equal(function(*(x[:, ::-1].copy()[:, ::-1] for x in arguments)), expected)
    assert_array_equal(function(*(x.astype(">f8") for x in arguments)), expected)
    assert_array_equal(function(*(x.tolist() for x in arguments)), expected)
    shifted = [np.frombuffer(b"!" + x.tobytes(), offset=1) for x in arguments]
    assert_array_equal(function(*(x.reshape(60, 9) for x in shifted)), expected)
    assert function(*(x[:9] for x in shifted)) == expected[0]
    single = [x.astype(np.float32) for x in arguments]
    doubled = [x.astype(np.float64) for x in single]
    got = function(*single)
    assert got.dtype == np.float64
    assert_allclose(got, function(*doubled, normalize=True), rtol=1e-4)
    assert_array_equal(got[3], function(*(x[3] for x in single)))
    counts = [rng.integers(1, 100, size=9) for _ in arguments]
    shares = [x / x.sum() for x in counts]
    assert_allclose(function(*counts, normalize=True), function(*shares), rtol=1e-12)
    assert isinstance(function(*shares), float)


@every_function
def test_logarithms(function, n_arguments, rng):
    arguments = [draw(rng, (20, 11)) for _ in range(n_arguments)]
    for x in arguments:
        x[:5, :2] = 0
        x /= x.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        logs = [np.log(x) for x in arguments]
    assert_allclose(function(*logs, log=True), function(*arguments), rtol=1e-12, atol=1e-14)
    shifted = [x + 2000.0 * k - 1000 for k, x in enumerate(logs)]
    assert_allclose(function(*shifted, log=True, normalize=True), function(*arguments), rtol=1e-9, atol=1e-11)


def test_logarithms_of_numbers_that_are_none():
    p, q = np.array([math.log(0.5), math.log(0.5)]), np.array([0.0, -2000.0])
    assert_allclose(fastmle.cross_entropy(p, q, log=True), 1000.0, rtol=1e-15)
    assert_allclose(fastmle.kl_divergence(p, q, log=True), 1000 - math.log(2), rtol=1e-15)
    assert fastmle.kl_divergence(q, np.array([0.0, -np.inf]), log=True) == math.inf
    near = p + np.array([2.0**-30, -(2.0**-30)])
    assert_allclose(fastmle.kl_divergence(p, near, log=True), 2.0**-61, rtol=1e-9)


@every_function
def test_normalize(function, n_arguments, rng):
    arguments = [draw(rng, (30, 6)) for _ in range(n_arguments)]
    scaled = [x * rng.exponential(size=(30, 1)) for x in arguments]
    assert_allclose(function(*scaled, normalize=True), function(*arguments), rtol=1e-11)
    assert_allclose(function(*(1e-280 * x for x in scaled), normalize=True), function(*arguments), rtol=1e-11)


@every_function
def test_missing_values(function, n_arguments, rng):
    arguments = [draw(rng, (8, 6)) for _ in range(n_arguments)]
    arguments[-1][2, 4] = np.nan
    name = "pq"[n_arguments - 1]
    with pytest.raises(ValueError, match=rf"{name}\[2, 4\] is NaN; nan_policy"):
        function(*arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = function(*arguments, nan_policy="propagate")
    assert_array_equal(np.isnan(got), np.arange(8) == 2)
    kept = [np.delete(x, 4, axis=1)[2] for x in arguments]
    omitted = function(*arguments, nan_policy="omit", normalize=True)
    assert_allclose(omitted[2], function(*kept, normalize=True), rtol=1e-12)
    assert_allclose(np.delete(omitted, 2), np.delete(got, 2), rtol=1e-12)
    with pytest.raises(ValueError, match="nan_policy must be one of raise, propagate, omit"):
        function(*arguments, nan_policy="drop")


@every_function
def test_long_vectors_in_parts(function, n_arguments, rng, tmp_path):
    n = 2 * _sums.UNIT_ENTRIES + 12_345
    arguments = [draw(rng, n) for _ in range(n_arguments)]
    value = function(*arguments, n_jobs=1)
    assert function(*arguments, n_jobs=2) == value
    assert function(*arguments, n_jobs=7) == value
    files = []
    for k, x in enumerate(arguments):
        files.append(np.memmap(tmp_path / str(k), dtype=np.float64, mode="w+", shape=n))
        files[-1][:] = x
    assert function(*files) == value
    halves = [x.astype(np.float16) if k else x for k, x in enumerate(arguments)]
    assert math.isfinite(function(*halves, normalize=True)) or n_arguments == 2
    table = [x[: n // 3 * 3].reshape(-1, 3) for x in arguments]
    assert_array_equal(function(*table, n_jobs=3, normalize=True), function(*table, n_jobs=1, normalize=True))


@every_function
@pytest.mark.parametrize("n", [3, 300_000])
def test_what_is_wrong_is_named(function, n_arguments, n, rng):
    name = "pq"[n_arguments - 1]

    def call(x, **options):
        good = np.full(np.shape(x), 1 / np.shape(x)[-1])
        return function(*([good, x] if n_arguments == 2 else [x]), **options)

    p = draw(rng, n)
    p[n - 2] *= -1
    with pytest.raises(ValueError, match=rf"{name}\[{n - 2}\] is -.*not negative"):
        call(p)
    with pytest.raises(ValueError, match=rf"{name} must sum to one .* within 1.5e-08, but sum to 1.1; pass"):
        call(draw(rng, n) * 1.1)
    with pytest.raises(ValueError, match=r"the exponentials of [pq] must sum to one"):
        function(*[np.zeros(n)] * n_arguments, log=True)
    with pytest.raises(ValueError, match=r"within 0\.00035"):
        call((draw(rng, n) * 1.1).astype(np.float32))
    table = np.full((6, 2), 0.5)
    table[2:] *= 1.5
    with pytest.raises(
        ValueError, match=r"sum to 1.5 at \(2,\), 1.5 at \(3,\), 1.5 at \(4,\) \(and 1 more\)"
    ):
        call(table)
    with pytest.raises(ValueError, match=f"{name} cannot be normalised"):
        call(np.zeros(n), normalize=True)
    with pytest.raises(ValueError, match=f"{name} cannot be normalised"):
        function(
            *[np.full(n, -np.inf)] * n_arguments, normalize=True, log=True
        ) if n_arguments == 1 else call(np.full(n, np.inf), normalize=True)


@every_function
def test_shapes_and_options_that_are_refused(function, n_arguments):
    p = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match="no entries along axis -1"):
        function(*[np.zeros((3, 0))] * n_arguments)
    with pytest.raises(ValueError, match="single number"):
        function(*[1.0] * n_arguments)
    with pytest.raises(TypeError, match=r"[pq] must hold real numbers"):
        function(*[np.array(["a"])] * n_arguments)
    with pytest.raises(ValueError, match="axis"):
        function(*[p] * n_arguments, axis=1)
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        function(*[p] * n_arguments, n_jobs=0)
    if n_arguments == 2:
        for other in (np.full(3, 1 / 3), np.array([1.0]), np.full((3, 4, 5), 0.2)):
            with pytest.raises(ValueError, match="do not fit"):
                function(p, other)
        with pytest.raises(ValueError, match="do not fit"):
            function(np.full((2, 3), 0.5), np.full((4, 3), 0.5), axis=0)


def test_only_remedies_that_there_are():
    with pytest.raises(ValueError, match=r"^P\[0, 1\] is NaN$"):
        fastmle.pairwise_kl([[0.5, np.nan]])
    with pytest.raises(ValueError, match=r"^q\[1\] is NaN$"):
        fastmle.code_length([0.5, np.nan], 0)
    with pytest.raises(ValueError, match=r"^q\[1\] is -0.5: probabilities are not negative$"):
        fastmle.code_length([0.5, -0.5], 0)
    with pytest.raises(ValueError, match=r"^q must sum to one .* but sum to 1.1$"):
        fastmle.code_length([0.5, 0.6], 0)


def test_masks_are_refused():
    p = np.ma.masked_array([0.5, 0.5, 0.3], [False, False, True])
    for arguments in ((p, [0.5, 0.3, 0.2]), ([0.5, 0.3, 0.2], p)):
        with pytest.raises(ValueError, match="masks are not looked at"):
            fastmle.kl_divergence(*arguments, normalize=True)
    whole = np.ma.masked_array([0.5, 0.5], [False, False])
    assert fastmle.kl_divergence(whole, [0.5, 0.5]) == 0


def test_bases_and_orders_that_are_refused():
    p = [0.5, 0.5]
    for base in (0, -2, 1, math.inf, math.nan):
        with pytest.raises(ValueError, match="base must be positive and not 1"):
            fastmle.kl_divergence(p, p, base=base)
    for alpha in (0, -1, math.nan):
        with pytest.raises(ValueError, match="alpha must be positive"):
            fastmle.renyi_divergence(p, p, alpha)


def test_memory_does_not_grow(rng):
    p = rng.integers(1, 1000, size=(3, 500_000), dtype=np.int16)
    arguments = p, np.asfortranarray(p[::-1])
    tracemalloc.start()
    try:
        for function in (fastmle.kl_divergence, fastmle.js_divergence):
            function(*arguments, normalize=True)
        assert tracemalloc.get_traced_memory()[1] < 3 * 8 * _sums.UNIT_ENTRIES
    finally:
        tracemalloc.stop()
