"""Random fills: generator, last places, tails, laws and independence, at every instruction-set level."""

import ctypes

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import ndtr, ndtri

from fastmle import kernels
from fastmle.kernels import random_reference
from fastmle.montecarlo.alias import alias_table, categorical_parameters

FILLS = ("uniform", "normal", "exponential", "bernoulli", "categorical", "correlated")
STANDARD = np.array([0.0, 1.0])

pytestmark = pytest.mark.usefixtures("level")


def started(*seed):
    """Return the state that follows from a seed."""
    states = np.empty((1, 32), dtype=np.uint64)
    kernels.start_generators(np.random.SeedSequence(seed).generate_state(3, np.uint64), states)
    return states[0]


def draw(law, state, n_rows, parameters=STANDARD, n_columns=1):
    out = np.empty((n_rows, n_columns), dtype=np.int64 if law == "bernoulli" else np.float64)
    getattr(kernels, f"fill_{law}")(state, parameters, out)
    return out


def numbers_of(words, law):
    """Return the numbers that a fill makes of these words: with the rest of a state zero, a comes next."""
    groups = np.append(words, np.zeros(-len(words) % 8, dtype=np.uint64)).reshape(-1, 8)
    states = np.concatenate([groups, np.zeros((len(groups), 24), dtype=np.uint64)], axis=1)
    return np.concatenate([draw(law, state, 8).ravel() for state in states])[: len(words)]


def parameters_of(law, n_columns, rng):
    if law == "bernoulli":
        return rng.random(n_columns)
    if law == "categorical":
        return categorical_parameters(
            [alias_table(rng.random(k), rng.random(k)) for k in rng.integers(1, 9, size=n_columns)]
        )
    return rng.normal(size=2 * n_columns if law != "correlated" else n_columns * (n_columns + 3) // 2)


# Generator


def test_each_lane_is_the_generator_of_numpy(rng):
    seed = np.random.SeedSequence(int(rng.integers(2**32)))
    states, drawn = np.empty((3, 32), dtype=np.uint64), np.empty(8 * 1000, dtype=np.uint64)
    kernels.start_generators(seed.generate_state(3, np.uint64), states)
    source = np.random.SFC64(seed)
    for state in states:
        starts = source.random_raw(24).reshape(3, 8).T
        kernels.draw_words(state, drawn)
        for lane, (a, b, c) in enumerate(starts):
            other = np.random.SFC64(0)
            other.state = other.state | {"state": {"state": np.array([a, b, c, 1], dtype=np.uint64)}}
            other.random_raw(12)
            assert_array_equal(drawn[lane::8], other.random_raw(1000))


@pytest.mark.parametrize("law", FILLS)
def test_a_shorter_fill_is_the_beginning_of_a_longer_one(law, rng):
    for n_columns in (1, 3, 70):
        parameters = parameters_of(law, n_columns, rng)
        whole = draw(law, started(1), 700, parameters, n_columns)
        for n_rows in (1, 5, 16, 33, 512, 699):
            part = draw(law, started(1), n_rows, parameters, n_columns)
            assert part.tobytes() == whole[:n_rows].tobytes(), (n_columns, n_rows)


@pytest.mark.parametrize("law", FILLS)
def test_fills_take_whole_rounds(law, rng):
    for n_rows, n_columns in [(1, 1), (8, 1), (9, 1), (3, 5), (513, 3), (2, 700), (37, 65)]:
        state, expected = started(2), started(2)
        draw(law, state, n_rows, parameters_of(law, n_columns, rng), n_columns)
        kernels.draw_words(expected, np.empty(-(-n_rows * n_columns // 8) * 8, dtype=np.uint64))
        assert_array_equal(state, expected)


@pytest.mark.parametrize("law", FILLS)
def test_nothing_is_drawn_for_no_rows(law, rng):
    state = started(3)
    draw(law, state, 0, parameters_of(law, 2, rng), 2)
    assert_array_equal(state, started(3))


@pytest.mark.parametrize("law", FILLS)
def test_columns_keep_their_parameters(law, rng):
    """However many columns there are: the parameters of few are repeated in memory, of many they are not."""
    for n_rows, n_columns in [
        (1000, 1),
        (300, 7),
        (5, 255),
        (5, 256),
        (5, 257),
        (3, 512),
        (3, 513),
        (2, 1500),
    ]:
        parameters = parameters_of(law, n_columns, rng)
        state, expected = started(4), np.empty((n_rows, n_columns))
        got = draw(law, state, n_rows, parameters, n_columns)
        getattr(random_reference, f"fill_{law}")(started(4), parameters, expected)
        assert_allclose(got, expected, rtol=0, atol=1e-13 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("law", FILLS)
def test_the_levels_agree_in_every_digit(law, rng, level):
    for n_rows, n_columns in [(3001, 1), (100, 3), (3, 700), (37, 65)]:
        parameters = parameters_of(law, n_columns, rng)
        got = draw(law, started(5), n_rows, parameters, n_columns)
        kernels.choose_level("baseline")
        expected = draw(law, started(5), n_rows, parameters, n_columns)
        kernels.choose_level(level)
        assert got.tobytes() == expected.tobytes()


def test_the_levels_agree_in_every_quantile(rng, level):
    uniform = rng.random(3001) ** rng.choice([0.01, 1.0, 100.0], size=3001)
    got, expected = np.empty(3001), np.empty(3001)
    kernels.uniform_to_normal(uniform, got)
    kernels.choose_level("baseline")
    kernels.uniform_to_normal(uniform, expected)
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("law", FILLS)
def test_compiled_code_calls_a_fill_by_its_address(law, rng):
    parameters = parameters_of(law, 3, rng)
    state = started(6)
    out = draw(law, state, 10, parameters, 3)
    pointer, size = ctypes.c_void_p, ctypes.c_ssize_t
    fill = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, size, size)(kernels.fill_address(f"fill_{law}"))
    other, again = started(6), np.empty_like(out)
    fill(other.ctypes.data, parameters.ctypes.data, again.ctypes.data, 10, 3)
    assert again.tobytes() == out.tobytes()
    assert_array_equal(state, other)


def test_an_unknown_fill_has_no_address():
    with pytest.raises(ValueError, match="'fill_cauchy'"):
        kernels.fill_address("fill_cauchy")


# Last places and limits

# By mpmath, with 40 digits.
QUANTILES = [
    (5e-324, -38.467405617144344),
    (1e-300, -37.0470962993612),
    (1e-40, -13.31092137142517),
    (1e-15, -7.941345326170997),
    (1e-05, -4.264890793922825),
    (0.01, -2.326347874040841),
    (0.035, -1.8119106729525978),
    (0.1, -1.2815515655446004),
    (0.3, -0.5244005127080408),
    (0.4999, -0.00025066283008800747),
    (0.75, 0.6744897501960817),
    (1 - 2**-53, 8.209536151601387),
]


def test_quantiles_are_accurate_to_the_last_places():
    # The largest error measured, against 3300 values by mpmath, is 5.6e-16.
    uniform, expected = np.array(QUANTILES).T
    got = np.empty(len(uniform))
    kernels.uniform_to_normal(uniform.copy(), got)
    assert_allclose(got, expected, rtol=8e-16)
    uniform = np.concatenate([np.geomspace(1e-300, 0.4, 30_001), np.linspace(0.0301, 0.999, 30_001)])
    got = np.empty(len(uniform))
    kernels.uniform_to_normal(uniform, got)
    assert_allclose(got, ndtri(uniform), rtol=4e-15, atol=4e-16)  # SciPy's own error is larger


def test_quantiles_have_exact_limits():
    uniform = np.array([0.0, 1.0, 0.5, np.nan, -0.1, 1.1, -np.inf, np.inf, -1e-300])
    got = np.empty(len(uniform))
    kernels.uniform_to_normal(uniform, got)
    assert_array_equal(got, [-np.inf, np.inf, 0.0, *6 * [np.nan]])


def crafted(rng):
    """Words of which 0 to 64 leading bits are equal: near the middle and near both ends of the integers."""
    words = rng.integers(2**64, size=4096, dtype=np.uint64) >> (np.arange(4096) % 64).astype(np.uint64)
    return np.concatenate([words, ~words, words ^ np.uint64(2**63), ~words ^ np.uint64(2**63)])


def test_normal_numbers_are_accurate_from_the_middle_to_nine_sigma(rng):
    # The largest error measured, against mpmath on 9600 such words, is 6.4e-16. SciPy's is larger.
    words = crafted(rng)
    assert_allclose(numbers_of(words, "normal"), random_reference._normal(words), rtol=4e-15)
    ends = numbers_of(np.array([2**63, 2**63 - 1, 0, 2**64 - 1], dtype=np.uint64), "normal")
    nearest = np.sqrt(2 * np.pi) * 2.0**-65
    assert_allclose(ends, [-9.155293772686072, 9.155293772686072, nearest, -nearest], rtol=8e-16)


def test_exponential_numbers_are_accurate_at_both_ends(rng):
    # The largest error measured, against mpmath on 9600 such words, is 3.9e-16.
    words = crafted(rng)
    assert_allclose(numbers_of(words, "exponential"), random_reference._exponential(words), rtol=8e-16)
    ends = numbers_of(np.array([0, 2**64 - 1], dtype=np.uint64), "exponential")
    assert_allclose(ends, [65 * np.log(2.0), 2.0**-65], rtol=4e-16)


def test_uniform_numbers_are_symmetric_and_inside():
    words = np.array([0, 2**12 - 1, 2**12, 2**63, 2**64 - 1], dtype=np.uint64)
    expected = np.array([2.0**-53, 2.0**-53, 3 * 2.0**-53, 0.5 + 2.0**-53, 1 - 2.0**-53])
    assert_array_equal(numbers_of(words, "uniform"), expected)


def test_certain_outcomes_are_certain():
    words = np.array([0, 1, 2**63, 2**64 - 1, 5, 2**62, 2**40, 2**64 - 5], dtype=np.uint64)
    for p, expected in [(0.0, 0), (-0.0, 0), (1.0, 1)]:
        state = np.append(words, np.zeros(24, dtype=np.uint64))
        assert_array_equal(draw("bernoulli", state, 8, np.array([p])), np.full((8, 1), expected))
    state = np.append(words, np.zeros(24, dtype=np.uint64))
    half = draw("bernoulli", state, 8, np.array([0.5])).ravel()
    assert_array_equal(half, words < 2**63)


# Laws

N = 2**20


def cumulated(law):
    return {"uniform": stats.uniform.cdf, "normal": ndtr, "exponential": stats.expon.cdf}[law]


@pytest.mark.parametrize("law", ["uniform", "normal", "exponential"])
def test_fills_follow_their_law(law, rng):
    drawn = draw(law, started(rng.integers(2**32)), N).ravel()
    assert stats.kstest(drawn, cumulated(law)).pvalue > 1e-8
    for power in range(1, 5):
        mean = getattr(stats, {"uniform": "uniform", "normal": "norm", "exponential": "expon"}[law]).moment
        deviation = np.sqrt((mean(2 * power) - mean(power) ** 2) / N)
        assert abs(np.mean(drawn**power) - mean(power)) < 6.5 * deviation


def test_the_tails_are_as_heavy_as_they_should_be(rng):
    n = 10**7
    drawn = draw("normal", started(rng.integers(2**32)), n).ravel()
    for sigma in (2.0, 3.0, 4.0, 5.0):
        expected = n * ndtr(-sigma)
        for count in (np.count_nonzero(drawn > sigma), np.count_nonzero(drawn < -sigma)):
            assert stats.poisson.cdf(count, expected) > 1e-9
            assert stats.poisson.sf(count - 1, expected) > 1e-9


def test_bernoulli_and_categorical_frequencies(rng):
    p = np.array([0.001, 0.3, 0.5, 0.999])
    ones = draw("bernoulli", started(rng.integers(2**32)), N, p, 4).sum(axis=0)
    assert np.all(np.abs(ones - N * p) < 6.5 * np.sqrt(N * p * (1 - p)))
    p = rng.exponential(size=37) * (rng.random(37) < 0.8)
    parameters = categorical_parameters([alias_table(p, np.arange(37.0))])
    drawn = draw("categorical", started(rng.integers(2**32)), N, parameters).ravel()
    counts, expected = np.bincount(drawn.astype(np.int64), minlength=37), N * p / p.sum()
    assert not counts[p == 0].any()
    assert stats.chisquare(counts[p > 0], expected[p > 0]).pvalue > 1e-8


def test_correlated_rows_have_mean_and_covariance(rng):
    d = 5
    factor = np.tril(rng.normal(size=(d, d)))
    parameters = np.concatenate([rng.normal(size=d), factor[np.tril_indices(d)]])
    rows = draw("correlated", started(rng.integers(2**32)), N, parameters, d)
    z = np.linalg.solve(factor, (rows - parameters[:d]).T)
    assert np.all(np.abs(z.mean(axis=1)) < 6.5 / np.sqrt(N))
    assert np.all(np.abs(z @ z.T / N - np.eye(d)) < 6.5 * np.sqrt(2 / N))


def largest_correlation(series):
    """Return the largest correlation of two of the series, in standard errors."""
    correlation = np.corrcoef(series)
    np.fill_diagonal(correlation, 0.0)
    return np.abs(correlation).max() * np.sqrt(len(series[0]))


@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_lanes_and_consecutive_draws_are_not_correlated(law, rng):
    drawn = draw(law, started(rng.integers(2**32)), N).ravel()
    lanes = drawn.reshape(-1, 8).T
    both = np.concatenate([lanes[:, 1:], lanes[:, :-1]])  # and with what each lane drew before
    for power in (1, 2):
        assert largest_correlation(both**power) < 6.5
    for lag in (1, 2, 7, 8, 9, 64):
        assert largest_correlation([drawn[lag:], drawn[:-lag]]) < 6.5


def test_streams_of_neighbouring_seeds_are_not_correlated(rng):
    seed = int(rng.integers(2**32))
    streams = np.array([draw("uniform", started(seed, k), N // 16).ravel() for k in range(16)])
    assert largest_correlation(streams) < 6.5
    bits = np.bitwise_count(
        np.array([started(seed, k) for k in range(64)])[:, None, :24] ^ started(seed, 64)[:24]
    )
    assert abs(bits.mean() - 32) < 6.5 * 4 / np.sqrt(bits.size)


# Tables of aliases


@pytest.mark.parametrize("n", [1, 2, 3, 10, 1000])
def test_alias_table_has_the_probabilities(n, rng):
    for p in (rng.exponential(size=n) ** 4, np.ones(n), np.eye(n)[n // 2], 1e300 * rng.random(n)):
        table = alias_table(p)
        outcomes = table.view(np.int64)[:, 1:]
        implied = np.bincount(outcomes[:, 0], table[:, 0], n) + np.bincount(
            outcomes[:, 1], 1 - table[:, 0], n
        )
        assert_allclose(implied / n, p / p.max() / (p / p.max()).sum(), rtol=1e-12, atol=1e-15)
        assert not implied[p == 0].any()


def test_outcomes_are_any_eight_bytes():
    for outcomes in (
        np.array([np.nan, -0.0]),
        np.array([-1, 2**62]),
        np.array([2**64 - 1, 0], dtype=np.uint64),
    ):
        out = np.empty((1000, 1), dtype=outcomes.dtype)
        kernels.fill_categorical(started(9), categorical_parameters([alias_table([0.5, 0.5], outcomes)]), out)
        assert set(out.view(np.uint64).ravel().tolist()) == set(outcomes.view(np.uint64).tolist())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "not empty"),
        (([[0.5]],), "one-dimensional"),
        (([0.5, -0.1],), "number 1 is -0.1"),
        (([np.inf, 1.0],), "number 0 is inf"),
        (([0.0, 0.0],), "positive"),
        (([0.5, 0.5], [1.0]), "as many outcomes"),
        (([0.5, 0.5], np.array([1, 2], dtype=np.int32)), "int32"),
    ],
)
def test_alias_table_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        alias_table(*arguments)
