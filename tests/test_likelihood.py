"""Passes over packed data against dense NumPy, exact enumeration and finite differences."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit
from scipy.stats import chisquare

from fastmle import FVSBN, BitMatrix, engine, fvsbn_value_and_gradient, likelihood, lists
from fastmle.data.bitmatrix import TILE_ROWS

SHAPES = [
    (1, 1),
    (1, 65),
    (63, 7),
    (64, 8),
    (65, 9),
    (300, 63),
    (TILE_ROWS + 1, 64),
    (2 * TILE_ROWS + 65, 65),
]


@pytest.fixture
def always_threads(monkeypatch):
    """Small passes go to threads too."""
    monkeypatch.setattr(engine, "MIN_PARALLEL_WORK", 0)


def dense_logits(X, coef, intercept):
    return X @ np.tril(coef, k=-1).T + intercept


def dense_terms(X, coef, intercept):
    return log_expit(np.where(X == 1, 1, -1) * dense_logits(X, coef, intercept))


def dense_value_and_gradient(X, coef, intercept, weight):
    """Return the value of each column and the gradient, from the formula."""
    residual = weight[:, None] * (X - expit(dense_logits(X, coef, intercept)))
    value = weight @ dense_terms(X, coef, intercept)
    return value, np.tril(residual.T @ X, k=-1), residual.sum(axis=0)


def all_states(d):
    return np.array(list(itertools.product([0, 1], repeat=d)), dtype=np.uint8)


def state_numbers(X):
    """The place of every row in `all_states`."""
    return X @ (1 << np.arange(X.shape[1])[::-1])


def all_passes(bits, coef, intercept, n_jobs=1):
    """Everything that this module computes from data, as a list of arrays."""
    columns = np.arange(bits.shape[1], dtype=np.int32)
    value_and_gradient = [
        part
        for dtype in (np.float64, np.float32)
        for part in likelihood.value_and_gradient(bits, columns, coef, intercept, dtype=dtype, n_jobs=n_jobs)
    ]
    scores = [
        likelihood.log_likelihood(bits, coef, intercept, dtype=dtype, n_jobs=n_jobs)
        for dtype in (np.float64, np.float32)
    ]
    terms, logits = (
        likelihood.feature_terms(bits, coef, intercept, logits=logits, n_jobs=n_jobs)
        for logits in (False, True)
    )
    return [*scores, terms, logits, *value_and_gradient]


def assert_same_bits(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


# Values


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_passes_compute_the_formula(shape, weighted, random_bits, random_fvsbn, weights):
    X, (coef, intercept) = random_bits(*shape), random_fvsbn(shape[1], scale=2.0)
    weight = weights(shape[0]) if weighted else None
    bits = BitMatrix.from_array(X, sample_weight=weight)
    scores, coarse_scores, terms, logits, *value_and_gradient = all_passes(bits, coef, intercept)
    assert_allclose(logits, dense_logits(X, coef, intercept), rtol=0, atol=1e-13)
    assert_allclose(terms, dense_terms(X, coef, intercept), rtol=1e-12)
    assert_allclose(scores, dense_terms(X, coef, intercept).sum(axis=1), rtol=1e-12)
    assert_allclose(coarse_scores, scores, rtol=1e-6)
    expected = dense_value_and_gradient(X, coef, intercept, np.ones(len(X)) if weight is None else weight)
    for got, want in zip(value_and_gradient[:3], expected, strict=True):
        assert_allclose(got, want, rtol=1e-12, atol=1e-11)
    for got, want in zip(value_and_gradient[3:], expected, strict=True):
        assert got.dtype == np.float64
        assert_allclose(got, want, rtol=1e-5, atol=2e-6 * len(X))
    for gradient in (value_and_gradient[1], value_and_gradient[4]):
        assert not gradient[np.triu_indices(shape[1])].any()


@pytest.mark.usefixtures("level")
def test_some_columns_only(random_bits, random_fvsbn, rng, weights):
    X, (coef, intercept) = random_bits(TILE_ROWS + 77, 65), random_fvsbn(65)
    bits = BitMatrix.from_array(X, sample_weight=weights(len(X)))
    expected = dense_value_and_gradient(X, coef, intercept, bits.sample_weight)
    for columns in ([0], [64], [0, 1, 63], np.flatnonzero(rng.random(65) < 0.4)):
        # As the solver does it: intercept and weights in one array, of which the rows are views.
        theta = np.column_stack([intercept, coef])[columns, :65]
        got = likelihood.value_and_gradient(bits, columns, theta[:, 1:], intercept[columns])
        assert_allclose(got[0], expected[0][columns], rtol=1e-12)
        assert_allclose(got[1], expected[1][columns, :64], rtol=1e-12, atol=1e-11)
        assert_allclose(got[2], expected[2][columns], rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("shape", [(40, 1), (70, 11)])
def test_gradient_against_finite_differences(shape, random_bits, random_fvsbn, weights):
    X, (coef, intercept) = random_bits(*shape), random_fvsbn(shape[1])
    bits = BitMatrix.from_array(X, sample_weight=weights(shape[0]))
    _, grad_coef, grad_intercept = fvsbn_value_and_gradient(bits, coef, intercept, dtype=np.float64)
    h = 1e-5

    def slope(parameter, place):
        values = []
        for step in (h, -h):
            before = parameter[place]
            parameter[place] += step
            values.append(fvsbn_value_and_gradient(bits, coef, intercept, dtype=np.float64)[0])
            parameter[place] = before
        return (values[0] - values[1]) / (2 * h)

    for i in range(shape[1]):
        assert_allclose(grad_intercept[i], slope(intercept, i), rtol=1e-6, atol=1e-6)
        for j in range(i):
            assert_allclose(grad_coef[i, j], slope(coef, (i, j)), rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("d", [1, 2, 7, 8, 9, 13])
def test_probabilities_of_all_states_sum_to_one(d, random_fvsbn):
    coef, intercept = random_fvsbn(d, scale=3.0)
    states = BitMatrix.from_array(all_states(d))
    for weights, (dtype, error) in itertools.product((coef, None), [(np.float64, 1e-12), (np.float32, 5e-6)]):
        probability = np.exp(likelihood.log_likelihood(states, weights, intercept, dtype=dtype))
        assert abs(probability.sum() - 1) < error
    terms = likelihood.feature_terms(states, coef, intercept)
    conditionals = np.exp(terms).reshape(2 ** (d - 1), 2, d)[:, :, -1]  # the last column, both outcomes
    assert_allclose(conditionals.sum(axis=1), 1, atol=1e-14)


def test_huge_parameters_do_not_overflow(random_bits, rng):
    X = random_bits(200, 20)
    coef = np.tril(rng.choice([-1e4, 0.0, 1e4, 700.0], size=(20, 20)), k=-1)
    intercept = rng.choice([-1e4, -50.0, 1e4], size=20)
    scores, coarse_scores, terms, _, *value_and_gradient = all_passes(
        BitMatrix.from_array(X), coef, intercept
    )
    assert_allclose(terms, dense_terms(X, coef, intercept), rtol=1e-12, atol=1e-300)
    assert_allclose(scores, terms.sum(axis=1), rtol=1e-12)
    assert_allclose(coarse_scores, scores, rtol=1e-6)
    expected = dense_value_and_gradient(X, coef, intercept, np.ones(200))
    for got, want in zip(value_and_gradient[:3], expected, strict=True):
        assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_an_impossible_outcome_has_probability_zero():
    states = BitMatrix.from_array(all_states(2))
    scores = likelihood.log_likelihood(states, None, np.array([np.inf, -np.inf]))
    assert_array_equal(scores == -np.inf, [True, True, False, True])
    assert abs(scores[2]) < 1e-300


def test_weights_are_repetitions(random_bits, random_fvsbn, rng):
    X, (coef, intercept) = random_bits(300, 10), random_fvsbn(10)
    times = rng.integers(4, size=300)
    options = {"dtype": np.float64}
    weighted = fvsbn_value_and_gradient(X, coef, intercept, sample_weight=times, **options)
    repeated = fvsbn_value_and_gradient(np.repeat(X, times, axis=0), coef, intercept, **options)
    for one, other in zip(weighted, repeated, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    packed = BitMatrix.from_array(X, sample_weight=times)
    assert fvsbn_value_and_gradient(packed, coef, intercept, **options)[0] == weighted[0]
    plain = fvsbn_value_and_gradient(X, coef, intercept, **options)[0]
    ones = np.ones(300)
    by_ones = fvsbn_value_and_gradient(packed, coef, intercept, sample_weight=ones, **options)[0]
    assert by_ones == pytest.approx(plain, rel=1e-14)


# The same bits


@pytest.mark.usefixtures("always_threads")
@pytest.mark.parametrize("shape", [*SHAPES, (3 * TILE_ROWS, 1), (3 * TILE_ROWS + 1, 9)], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(shape, random_bits, random_fvsbn, weights):
    X, (coef, intercept) = random_bits(*shape), random_fvsbn(shape[1])
    bits = BitMatrix.from_array(X, sample_weight=weights(shape[0]))
    alone = all_passes(bits, coef, intercept)
    value, *gradient = fvsbn_value_and_gradient(bits, coef, intercept)
    rows = likelihood.sample(shape[0], coef, intercept, random_state=3).to_array()
    for n_jobs in (2, 3):
        assert_same_bits(all_passes(bits, coef, intercept, n_jobs), alone)
        other, *others = fvsbn_value_and_gradient(bits, coef, intercept, n_jobs=n_jobs)
        assert value == other
        assert_same_bits(gradient, others)
        drawn = likelihood.sample(shape[0], coef, intercept, random_state=3, n_jobs=n_jobs)
        assert_array_equal(drawn.to_array(), rows)


def test_a_row_has_the_same_score_in_any_company(random_bits, random_fvsbn, rng, monkeypatch):
    n_rows = 2 * TILE_ROWS + 300
    X, (coef, intercept) = random_bits(n_rows, 65), random_fvsbn(65)

    def scores(rows):
        bits = BitMatrix.from_array(X[rows])
        terms = likelihood.feature_terms(bits, coef, intercept)
        return [likelihood.log_likelihood(bits, coef, intercept), terms]

    everyone = scores(np.arange(n_rows))
    companies = [[row] for row in (0, 1, TILE_ROWS - 1, TILE_ROWS, n_rows - 1)]
    companies += [np.arange(start, n_rows) for start in (1, 63, 64, TILE_ROWS - 1, TILE_ROWS + 1)]
    companies += [rng.permutation(n_rows), rng.integers(n_rows, size=n_rows), np.arange(0, n_rows, 2)]
    for rows in companies:
        assert_same_bits(scores(rows), [part[rows] for part in everyone])
    # Long data goes through in waves of tiles.
    monkeypatch.setattr(lists, "_WAVE_SIZE", 1)
    assert_same_bits(scores(np.arange(n_rows)), everyone)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("density", [0.02, 0.4])  # by lists, and by tables
def test_how_a_pass_is_cut_changes_no_bit_of_a_gradient(
    density, dtype, random_bits, random_fvsbn, weights, monkeypatch
):
    n_rows = 2 * TILE_ROWS + 100
    bits = BitMatrix.from_array(random_bits(n_rows, 150, density), sample_weight=weights(n_rows))
    coef, intercept = random_fvsbn(150)
    columns = np.arange(150, dtype=np.int32)
    assert lists.Choice(bits, 19, 10, lists.GRADIENT).lists == (density < 0.1)

    def compute(**options):
        return likelihood.value_and_gradient(bits, columns, coef, intercept, dtype=dtype, **options)

    kept = lists.RowLists(bits)
    whole = compute(lists=kept, n_jobs=1)
    for n_jobs in (1, 2, 5):
        assert_same_bits(compute(lists=kept, n_jobs=n_jobs), whole)
    few = columns[[3, 90, 149]]
    own = likelihood.value_and_gradient(bits, few, coef[few], intercept[few], dtype=dtype)
    again = likelihood.value_and_gradient(bits, few, coef[few], intercept[few], dtype=dtype, lists=kept)
    for one, other in zip(own, again, strict=True):
        assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(one).max())
    monkeypatch.setattr(likelihood, "_WORK_A_CALL", 1)
    assert_same_bits(compute(lists=kept, n_jobs=2), whole)
    monkeypatch.setattr(lists, "_WAVE_SIZE", 1)
    for one, other in zip(compute(lists=lists.RowLists(bits), n_jobs=2), whole, strict=True):
        assert_allclose(one, other, rtol=0, atol=1e-6 * np.abs(other).max())


def test_lists_are_made_once_where_one_wave_has_all_tiles(random_bits, random_fvsbn, monkeypatch):
    bits = random_bits(2 * TILE_ROWS, 100, 0.02)
    bits[TILE_ROWS:] = 0  # a tile without a set bit
    bits = BitMatrix.from_array(bits)
    coef, intercept = random_fvsbn(100)
    columns = np.arange(100, dtype=np.int32)
    calls = []
    make = lists.RowLists._list
    monkeypatch.setattr(lists.RowLists, "_list", lambda *arguments: calls.append(1) or make(*arguments))
    kept = lists.RowLists(bits)
    for _ in range(3):
        one = likelihood.value_and_gradient(bits, columns, coef, intercept, lists=kept)
    assert len(calls) == 1
    monkeypatch.setattr(lists, "_WAVE_SIZE", 1)
    two = likelihood.value_and_gradient(bits, columns, coef, intercept, lists=lists.RowLists(bits))
    assert len(calls) == 3
    for a, b in zip(one, two, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * np.abs(a).max())


def test_only_the_strict_lower_triangle_is_read(random_bits, random_fvsbn):
    X, (coef, intercept) = random_bits(100, 21), random_fvsbn(21)
    dirty = coef.copy()
    dirty[np.triu_indices(21)] = np.nan
    bits = BitMatrix.from_array(X)
    assert_same_bits(all_passes(bits, dirty, intercept), all_passes(bits, coef, intercept))
    clean = fvsbn_value_and_gradient(bits, coef, intercept)
    got = fvsbn_value_and_gradient(bits, dirty, intercept)
    assert got[0] == clean[0]
    assert_same_bits(got[1:], clean[1:])
    drawn = [likelihood.sample(100, weights, intercept, random_state=0) for weights in (coef, dirty)]
    assert_array_equal(drawn[0].to_array(), drawn[1].to_array())


# Drawing


def check_frequencies(X, probability):
    """Chi-square test of the rows' states; those that are seldom expected count as one."""
    observed = np.bincount(state_numbers(X.to_array()), minlength=len(probability))
    assert not observed[probability == 0].any()
    rare = probability * len(X) < 10
    observed, probability = (
        np.append(part[~rare], part[rare].sum()) for part in (observed, probability / probability.sum())
    )
    possible = probability > 0
    # One in a million: seldom enough for any seed, and far from what a wrong sampler gives.
    assert chisquare(observed[possible], len(X) * probability[possible]).pvalue > 1e-6


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("d", [1, 3, 8, 10])
def test_sampled_frequencies(d, random_fvsbn, rng):
    coef, intercept = random_fvsbn(d, scale=1.5)
    states = BitMatrix.from_array(all_states(d))
    for weights in (coef, None):
        drawn = likelihood.sample(200_000, weights, intercept, random_state=rng, n_jobs=2)
        check_frequencies(drawn, np.exp(likelihood.log_likelihood(states, weights, intercept)))


@pytest.mark.parametrize("n_given", [1, 5, 8, 9])
def test_completed_frequencies(n_given, random_fvsbn, random_bits, rng):
    d = 11
    coef, intercept = random_fvsbn(d, scale=1.5)
    first = random_bits(1, n_given)
    prefix = BitMatrix.from_array(np.repeat(first, 100_000, axis=0))
    drawn = likelihood.sample(len(prefix), coef, intercept, prefix=prefix, random_state=rng)
    states = all_states(d)
    joint = np.exp(dense_terms(states, coef, intercept).sum(axis=1))
    joint[(states[:, :n_given] != first).any(axis=1)] = 0.0
    check_frequencies(drawn, joint / joint.sum())


@pytest.mark.parametrize("n_given", [1, 7, 8, 9, 16, 18, 19])
def test_prefixes_are_kept(n_given, random_bits, random_fvsbn):
    n_rows = TILE_ROWS + 200
    X, (coef, intercept) = random_bits(n_rows, n_given), random_fvsbn(19)
    options = {"prefix": BitMatrix.from_array(X), "random_state": 1}
    drawn = likelihood.sample(n_rows, coef, intercept, **options)
    assert drawn.shape == (n_rows, 19)
    assert_array_equal(drawn.to_array()[:, :n_given], X)
    assert not (drawn.tile(0)[-1] >> 3).any(), "a bit beyond the last variable is set"
    assert_array_equal(options["prefix"].to_array(), X)
    again = likelihood.sample(n_rows, coef, intercept, n_jobs=3, **options)
    assert_array_equal(again.to_array(), drawn.to_array())


def test_draws_begin_alike_in_whole_tiles(random_fvsbn):
    coef, intercept = random_fvsbn(19)
    long = likelihood.sample(3 * TILE_ROWS + 50, coef, intercept, random_state=8, n_jobs=2).to_array()
    for n_tiles in (1, 2, 3):
        short = likelihood.sample(n_tiles * TILE_ROWS, coef, intercept, random_state=8)
        assert_array_equal(short.to_array(), long[: n_tiles * TILE_ROWS])
    other = likelihood.sample(TILE_ROWS, coef, intercept, random_state=9)
    assert (other.to_array() != long[:TILE_ROWS]).any()
    assert (long[:TILE_ROWS] != long[TILE_ROWS : 2 * TILE_ROWS]).any(), "tiles share a stream"


def test_what_has_no_probability_is_not_drawn():
    d = 20
    # The first column is a fair coin, and every other the opposite of the one before, without error.
    coef, intercept = np.diag(np.full(d - 1, -1e5), k=-1), np.full(d, 5e4)
    intercept[0] = 0.0
    drawn = likelihood.sample(10_000, coef, intercept, random_state=0).to_array()
    assert_array_equal(drawn, drawn[:, :1] ^ (np.arange(d) % 2))
    assert 0.4 < drawn[:, 0].mean() < 0.6
    certain = likelihood.sample(10_000, None, np.array([np.inf, -np.inf, 800.0]), random_state=0)
    assert_array_equal(certain.column_counts(), [10_000, 0, 10_000])


def test_gradients_that_cancel_are_computed_again(random_bits, rng):
    X = random_bits(3000, 30, density=0.3)
    X[:, 20] = X[:, 3] ^ (rng.random(3000) < 0.02)
    model = FVSBN(alpha=0.1, tol=1e-9).fit(X)
    parameters = model.coef_, model.intercept_
    exact, coarse, checked = (
        fvsbn_value_and_gradient(X, *parameters, dtype=dtype)[1] for dtype in (np.float64, np.float32, None)
    )
    largest = np.abs(exact).max(axis=1)[1:]
    assert (np.abs(coarse - exact).max(axis=1)[1:] > 1e-5 * largest).any()
    assert (np.abs(checked - exact).max(axis=1)[1:] <= 1e-5 * largest).all()
    far = np.tril(rng.normal(size=(30, 30)), k=-1) / 10, np.full(30, 0.5)
    coarse, checked = (fvsbn_value_and_gradient(X, *far, dtype=dtype)[1] for dtype in (np.float32, None))
    assert_array_equal(coarse, checked)


# Parameters that do not fit


def test_other_precisions_are_refused():
    with pytest.raises(
        ValueError, match=r"dtype must be numpy.float32, numpy.float64 or None, got .*float16"
    ):
        fvsbn_value_and_gradient([[0, 1], [1, 0]], np.zeros((2, 2)), np.zeros(2), dtype=np.float16)


def changed(values, place, value):
    values = values.copy()
    values[place] = value
    return values


COEF, INTERCEPT = np.zeros((3, 3)), np.zeros(3)


@pytest.mark.parametrize(
    ("coef", "intercept", "message"),
    [
        (np.zeros((3, 2)), INTERCEPT, r"coef has shape \(3, 2\), expected \(3, 3\)"),
        (np.zeros(3), INTERCEPT, r"coef has shape \(3,\), expected \(3, 3\)"),
        (COEF, np.zeros(2), r"intercept has shape \(2,\), expected \(3,\)"),
        (COEF, np.zeros((3, 1)), r"intercept has shape \(3, 1\), expected \(3,\)"),
        (changed(COEF, (2, 1), np.nan), INTERCEPT, r"coef\[2, 1\] is nan: parameters must be finite"),
        (changed(COEF, (1, 0), -np.inf), INTERCEPT, r"coef\[1, 0\] is -inf: parameters must be finite"),
        (COEF, changed(INTERCEPT, 2, np.inf), r"intercept\[2\] is inf: parameters must be finite"),
        (COEF, changed(INTERCEPT, 0, np.nan), r"intercept\[0\] is nan: parameters must be finite"),
    ],
)
def test_bad_parameters_are_named(coef, intercept, message):
    with pytest.raises(ValueError, match=message):
        fvsbn_value_and_gradient([[0, 1, 1], [1, 0, 0]], coef, intercept)


def test_residuals_that_are_alike_do_not_round_away(rng):
    """Equal rows add equal numbers to one bucket: in float32 the error of 4096 of them would show."""
    n_rows, d = 2 * TILE_ROWS, 30
    X = np.where(rng.random((n_rows, 1)) < 0.7, 1, rng.random((n_rows, d)) < 0.3).astype(np.uint8)
    coef = np.tril(0.05 * rng.normal(size=(d, d)), k=-1)
    intercept, columns = 0.3 * rng.normal(size=d), np.arange(d, dtype=np.int32)
    bits = BitMatrix.from_array(X)
    _, rough, _ = likelihood.value_and_gradient(bits, columns, coef, intercept, dtype=np.float32)
    _, exact, _ = likelihood.value_and_gradient(bits, columns, coef, intercept)
    error = np.abs(rough - exact).max(axis=1) / np.maximum(np.abs(exact).max(axis=1), 1.0)
    assert error.max() < 1e-5
