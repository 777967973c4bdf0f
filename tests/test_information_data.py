"""Data against fitted densities: cross entropies, plug-in divergences, comparisons and code lengths."""

import math
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from information_models import Foreign, coins, log_probabilities, network, states
from numpy.testing import assert_allclose
from scipy import sparse, stats
from sklearn.neighbors import KernelDensity

import fastmle
from fastmle import BitMatrix


@pytest.fixture
def model(random_fvsbn):
    """A density of five variables."""
    return network(*random_fvsbn(5))


def scores(model, X):
    """Return log p of rows, from the table of all states."""
    return log_probabilities(model)[np.asarray(X) @ 2 ** np.arange(model.n_features_in_)]


def plug_in(X, weights=None):
    """Return log frequencies of the rows."""
    weights = np.ones(len(X)) if weights is None else weights
    counts = Counter()
    for row, weight in zip(map(tuple, X), weights, strict=True):
        counts[row] += weight
    return np.log([counts[tuple(row)] / weights.sum() for row in X])


def test_cross_entropy_is_minus_the_mean_score(model, random_bits):
    X = random_bits(300, 5)
    values = -scores(model, X)
    forms = [X, X.astype(float), X.tolist(), BitMatrix.from_array(X), pd.DataFrame(X)]
    for rows in forms:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of column names that the density has not seen
            result = fastmle.cross_entropy(rows, model)
        assert_allclose(result.mean, values.mean(), rtol=1e-13)
        assert_allclose(result.standard_error, values.std(ddof=1) / math.sqrt(300), rtol=1e-12)
        assert result.n_samples == 300
    assert_allclose(fastmle.cross_entropy(X, model).mean, -model.score(X), rtol=1e-6)
    assert_allclose(fastmle.cross_entropy(X, model, base=2).mean, values.mean() / math.log(2), rtol=1e-13)
    assert fastmle.expected_code_length(X, model).mean == fastmle.cross_entropy(X, model).mean
    low, high = fastmle.cross_entropy(X, model, confidence_level=0.5).confidence_interval()
    assert_allclose((high - low) / 2, stats.t(299).ppf(0.75) * result.standard_error, rtol=1e-10)


def test_weights_are_repetitions(model, random_bits, rng):
    X, weights = random_bits(60, 5), rng.integers(0, 4, size=60)
    repeated = np.repeat(X, weights, axis=0)
    weighted = BitMatrix.from_array(X, sample_weight=weights)
    for function in (fastmle.cross_entropy, fastmle.kl_divergence):
        expected = function(repeated, model)
        for got in (function(X, model, sample_weight=weights), function(weighted, model)):
            assert_allclose(got.mean, expected.mean, rtol=1e-12)
            assert_allclose(got.standard_error, expected.standard_error, rtol=1e-10)
            assert got.n_samples == expected.n_samples == weights.sum()
    expected = fastmle.entropy(BitMatrix.from_array(repeated))
    assert_allclose(fastmle.entropy(weighted).mean, expected.mean, rtol=1e-12)
    other = network(model.coef_ * 0.5, model.intercept_)
    expected = fastmle.compare(model, other, repeated)
    for got in (
        fastmle.compare(model, other, X, sample_weight=weights),
        fastmle.compare(model, other, weighted),
    ):
        assert_allclose([got.z, got.mean_a], [expected.z, expected.mean_a], rtol=1e-10)


def test_divergence_of_the_empirical_distribution(model, random_bits):
    X = random_bits(200, 5, density=0.3)
    values = plug_in(X) - scores(model, X)
    for rows in (X, BitMatrix.from_array(X)):
        result = fastmle.kl_divergence(rows, model)
        assert_allclose(result.mean, values.mean(), rtol=1e-12)
        assert_allclose(result.standard_error, values.std(ddof=1) / math.sqrt(200), rtol=1e-11)
        assert result.method == "plug-in"
    table = np.bincount(X @ 2 ** np.arange(5), minlength=32) / 200
    exact = fastmle.kl_divergence(table, np.exp(log_probabilities(model)), normalize=True)
    assert_allclose(result.mean, exact, rtol=1e-10)
    n_kinds = np.count_nonzero(table)
    assert f"{n_kinds} kinds among 200 rows" in result.note
    assert f"by some {(n_kinds - 1) / 400:.2g} nats or more" in str(result)
    entropy = fastmle.entropy(BitMatrix.from_array(X), base=2)
    assert_allclose(entropy.mean, stats.entropy(table, base=2), rtol=1e-12)
    assert "it is low by some" in entropy.note
    with pytest.raises(ValueError, match="plug-in means of two tables do not add up"):
        result + fastmle.kl_divergence(X[:50], model)


def test_the_error_of_the_plug_in_divergence(model, rng):
    """The delta method, against the spread over tables."""
    p = np.exp(log_probabilities(model))
    q = Foreign(rng.dirichlet(np.ones(32)))
    results = []
    for _ in range(300):
        X = states(5)[rng.choice(32, size=2000, p=p / p.sum())]
        results.append(fastmle.kl_divergence(X, q))
    means = np.array([result.mean for result in results])
    assert_allclose(np.mean([result.standard_error for result in results]), means.std(), rtol=0.2)
    bias = means.mean() - fastmle.kl_divergence(model, q).mean
    assert abs(bias - 31 / 4000) < 5 * means.std() / math.sqrt(300)


def test_rows_that_nearly_all_differ(random_bits, random_fvsbn):
    bits = BitMatrix.from_array(random_bits(500, 40))
    result = fastmle.entropy(bits)
    assert_allclose(result.mean, math.log(500), rtol=1e-12)
    assert "as most rows differ" in result.note
    divergence = fastmle.kl_divergence(bits, network(*random_fvsbn(40)))
    assert "differences between densities are not" in str(divergence)
    assert "the data's entropy is low, and this high, by an unknown amount" in divergence.note


def test_rows_without_probability(random_bits):
    X = random_bits(50, 3)
    X[:, 1] = 0
    X[[4, 9], 1] = 1
    q = coins([0.5, 0.0, 0.5])
    for function in (fastmle.cross_entropy, fastmle.kl_divergence):
        result = function(X, q)
        assert (result.mean, result.standard_error, result.n_samples) == (math.inf, 0.0, 50)
        assert result.confidence_interval() == (math.inf, math.inf)
        assert result.note == "q (BernoulliMLE) gives no probability to 2 of these rows"
        counted = np.where(X[:, 1] == 1, 0.0, 1.0)
        assert math.isfinite(function(X, q, sample_weight=counted).mean)


def test_values_of_one_bit_are_no_shares():
    coin = fastmle.BernoulliMLE().fit([[0], [1]])
    result = fastmle.cross_entropy([[0], [1], [1]], coin, base=2)
    assert result.confidence_interval() == (1.0, 1.0)
    sampled = fastmle.entropy(coin, base=2, method="monte_carlo", n_samples=100, rng=0)
    assert_allclose(sampled.confidence_interval(), (1.0, 1.0))


def test_densities_of_other_libraries(rng, random_bits):
    X = rng.normal(size=(80, 2))
    density = KernelDensity().fit(X)
    assert_allclose(fastmle.cross_entropy(X, density).mean, -density.score_samples(X).mean())
    assert_allclose(fastmle.code_length(density, X, base=None), -density.score_samples(X))
    table, bits = Foreign(rng.dirichlet(np.ones(8))), random_bits(90, 3)
    values = -np.log(table.probabilities[bits @ [1, 2, 4]])
    assert_allclose(fastmle.cross_entropy(BitMatrix.from_array(bits), table).mean, values.mean())
    assert_allclose(fastmle.kl_divergence(bits, table).mean, (plug_in(bits) + values).mean())
    with pytest.raises(ValueError, match="every value must be 0 or 1"):
        fastmle.kl_divergence(X, density)
    for call in (lambda: fastmle.compare(density, 3, X), lambda: fastmle.decompose(bits, 3)):
        with pytest.raises(TypeError, match=r"model(_b)? must be a fitted density, .*; got int"):
            call()


def test_columns_are_checked(model, random_bits):
    frame = pd.DataFrame(random_bits(20, 5), columns=list("abcde"))
    fitted = fastmle.FVSBN().fit(frame)
    functions = (
        lambda X: fastmle.cross_entropy(X, fitted),
        lambda X: fastmle.kl_divergence(X, fitted),
        lambda X: fastmle.compare(fitted, fitted, X),
        lambda X: fastmle.decompose(X, fitted),
        lambda X: fastmle.code_length(fitted, X),
    )
    for function in functions:
        function(frame)
        with pytest.raises(ValueError, match="same order as they were in fit"):
            function(frame[list("bacde")])
        narrow = BitMatrix.from_array(np.zeros((3, 4)), feature_names=list("abcd"))
        with pytest.raises(ValueError, match=r"now missing:\n- e"):
            function(narrow)
    with pytest.raises(ValueError, match="one weight a row"):
        fastmle.cross_entropy(frame, fitted, sample_weight=[1.0])
    with pytest.raises(ValueError, match="sample_weight is zero for every row"):
        fastmle.kl_divergence(frame, fitted, sample_weight=np.zeros(20))


def test_comparison(model, random_bits):
    X, other = random_bits(400, 5), network(0.8 * model.coef_, model.intercept_)
    differences = scores(model, X) - scores(other, X)
    result = fastmle.compare(model, other, X, confidence_level=0.9)
    error = differences.std(ddof=1) / 20
    assert_allclose(result.difference.mean, differences.mean(), rtol=1e-10)
    assert_allclose(result.difference.standard_error, error, rtol=1e-10)
    assert_allclose(result.z, differences.mean() / error, rtol=1e-10)
    assert_allclose(result.p_value, 2 * stats.norm.sf(abs(result.z)), rtol=1e-10)
    assert_allclose([result.mean_a, result.mean_b], [scores(m, X).mean() for m in (model, other)])
    back = fastmle.compare(other, model, X)
    assert_allclose([back.z, back.p_value], [-result.z, result.p_value], rtol=1e-12)
    assert "model_a (FVSBN)" in str(result)
    assert "0.9 interval" in str(result)
    assert ("model_a is better" in str(result)) == (result.z > 1.645)
    same = fastmle.compare(model, model, X)
    assert (same.z, same.p_value, same.difference.standard_error) == (0.0, 1.0, 0.0)
    assert "no difference can be told" in str(same)
    assert repr(same) == "<Comparison 0, z = 0, p = 1>"


def test_the_p_value_is_uniform_where_both_are_equally_good(rng):
    """Rows of fair coins, and two densities that are as far from them as each other."""
    a, b = coins([0.6, 0.5]), coins([0.4, 0.5])
    p_values = [fastmle.compare(a, b, rng.integers(0, 2, (400, 2))).p_value for _ in range(300)]
    assert abs(np.mean(np.array(p_values) < 0.1) - 0.1) < 5 * math.sqrt(0.09 / 300)


def test_comparison_where_one_excludes_rows(random_bits):
    X = random_bits(40, 2)
    X[:, 0] = 0
    X[[3, 7], 0] = 1
    half, never, always = coins([0.5, 0.5]), coins([0.0, 0.5]), coins([1.0, 0.5])
    result = fastmle.compare(half, never, X)
    assert (result.difference.mean, result.z, result.p_value) == (math.inf, math.inf, 0.0)
    assert (result.mean_b, result.difference.standard_error) == (-math.inf, 0.0)
    assert "model_b (BernoulliMLE) gives no probability to 2 of the rows" in str(result)
    assert "nan" not in str(result)
    result = fastmle.compare(never, half, X)
    assert (result.difference.mean, result.z, result.p_value) == (-math.inf, -math.inf, 0.0)
    for b in (never, always):
        with pytest.raises(ValueError, match=r"neither can be preferred: model_a \(BernoulliMLE\) gives no"):
            fastmle.compare(never, b, X)


def test_comparison_of_one_row(model):
    with pytest.warns(UserWarning, match="no standard error can be told") as caught:
        result = fastmle.compare(model, network(0.5 * model.coef_, model.intercept_), np.ones((1, 5)))
    assert caught[0].filename == __file__
    assert math.isnan(result.z)
    assert "no difference can be told" in str(result)


def test_code_lengths_of_outcomes():
    q = np.array([0.5, 0.25, 0.25, 0.0])
    assert fastmle.code_length(q, 1) == 2.0
    assert isinstance(fastmle.code_length(q, 1), float)
    assert_allclose(fastmle.code_length(q, [[0, 1], [2, 3]]), [[1, 2], [2, math.inf]])
    assert_allclose(fastmle.code_length(q.astype(np.float32), np.uint8([0, 2]), base=4), [0.5, 1])
    assert math.copysign(1, fastmle.code_length([1.0], 0)) == 1.0
    assert fastmle.code_length([0, 1 + 1e-9], 1) == 0.0
    with pytest.raises(ValueError, match="q must sum to one"):
        fastmle.code_length(q[:2], 0)
    with pytest.raises(ValueError, match="x has the outcome 4: those of q are 0 to 3"):
        fastmle.code_length(q, [0, 4])
    with pytest.raises(ValueError, match="x has the outcome -1"):
        fastmle.code_length(q, -1)
    with pytest.raises(TypeError, match="x must be integers"):
        fastmle.code_length(q, 0.5)
    with pytest.raises(ValueError, match=r"q must be one vector of probabilities, got .* \(2, 2\)"):
        fastmle.code_length(np.full((2, 2), 0.5), 0)
    with pytest.raises(ValueError, match="base must be positive"):
        fastmle.code_length(q, 0, base=0)


def test_code_lengths_of_rows(model, random_bits):
    X = random_bits(30, 5)
    assert_allclose(fastmle.code_length(model, X), -scores(model, X) / math.log(2), rtol=1e-13)
    assert_allclose(
        fastmle.code_length(model, sparse.csr_matrix(X), base=None), -scores(model, X), rtol=1e-13
    )
    assert_allclose(fastmle.code_length(coins([0.0]), [[1], [0]]), [math.inf, 0.0])
    # Kraft: such a code exists.
    assert_allclose((2.0 ** -fastmle.code_length(model, states(5))).sum(), 1.0)
