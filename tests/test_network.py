"""NADE's passes over packed data: gradients, draws, precision, independence of rows and threads."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit

from fastmle import BitMatrix, network, network_sampling
from fastmle.engine import RandomStreams

ACTIVATIONS = ("sigmoid", "relu")


def draw_parameters(rng, d, h, scale=1.0):
    """Return output weights, biases, input weights and hidden biases."""
    return (
        scale * rng.normal(size=(d, h)),
        rng.normal(size=d),
        scale * rng.normal(size=(d, h)),
        rng.normal(size=h),
    )


def make(parameters, activation, dtype=np.float64):
    shape = network.Shape(*parameters[0].shape, dtype)
    return network.Network(shape, shape.pack(*parameters), activation)


def sample(n_samples, own, **options):
    return network_sampling.Sampler(own).sample(n_samples, **options)


def logits_by_hand(X, parameters, activation):
    """Return the logits of all conditionals, row by row and column by column."""
    V, b, W, c = parameters
    logits = np.empty(X.shape)
    for row, x in zip(logits, X, strict=True):
        for i in range(len(b)):
            a = c + x[:i].astype(float) @ W[:i]
            hidden = expit(a) if activation == "sigmoid" else np.maximum(a, 0)
            row[i] = b[i] + V[i] @ hidden
    return logits


def terms_of(X, logits):
    return log_expit(np.where(X, logits, -logits))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_terms_and_scores_by_hand(activation, rng, random_bits):
    X = random_bits(150, 21, density=0.3)
    parameters = draw_parameters(rng, 21, 13)
    bits, logits = BitMatrix.from_array(X), logits_by_hand(X, parameters, activation)
    terms = terms_of(X, logits)
    own = make(parameters, activation)
    assert_allclose(network.feature_terms(bits, own, logits=True), logits, atol=1e-13)
    assert_allclose(network.feature_terms(bits, own), terms, atol=1e-13)
    assert_allclose(network.log_likelihood(bits, own), terms.sum(axis=1), rtol=1e-14)
    single = make(parameters, activation, np.float32)
    assert_allclose(network.log_likelihood(bits, single), terms.sum(axis=1), rtol=1e-6)


def test_parameters_go_into_a_flat_array_and_back(rng):
    parameters = draw_parameters(rng, 7, 20)
    for dtype in (np.float32, np.float64):
        shape = network.Shape(7, 20, dtype)
        flat = shape.pack(*parameters)
        assert flat.dtype == dtype
        assert flat.ctypes.data % 64 == 0
        assert np.count_nonzero(flat) == sum(part.size for part in parameters)  # nothing in the padding
        for part, again in zip(parameters, shape.unpack(flat), strict=True):
            assert_array_equal(part.astype(dtype), again)
        weights = np.zeros(shape.size, dtype=bool)
        weights[shape.first_weight :] = True
        V, b, W, c = shape.views(weights)
        assert V.all()
        assert W.all()
        assert not b.any()
        assert not c.any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_by_finite_differences(activation, weighted, rng, random_bits, weights):
    d, h = 9, 5
    X = random_bits(30, d, density=0.4)
    bits = BitMatrix.from_array(X, sample_weight=weights(30) if weighted else None)
    shape = network.Shape(d, h, np.float64)
    flat = shape.pack(*draw_parameters(rng, d, h))
    gradient_of = network.Gradient(shape, activation)
    value, gradient = gradient_of(bits, flat)
    gradient = gradient.copy()
    w = np.ones(30) if bits.sample_weight is None else bits.sample_weight
    own = network.Network(shape, flat, activation)
    assert_allclose(value, w @ network.log_likelihood(bits, own), rtol=1e-13)
    parameters = np.zeros(shape.size, dtype=bool)
    for view, part in zip(shape.views(parameters), shape.unpack(flat), strict=True):
        view[..., : part.shape[-1]] = True
    assert not gradient[~parameters].any()
    for k in np.flatnonzero(parameters):
        ends = []
        for step in (-1e-5, 1e-5):
            moved = flat.copy()
            moved[k] += step
            ends.append(gradient_of(bits, moved)[0])
        assert_allclose((ends[1] - ends[0]) / 2e-5, gradient[k], rtol=1e-5, atol=1e-6)


def test_gradient_of_smoothed_outcomes(rng, random_bits):
    """Smoothing by s is a mixture of the outcomes with their opposites, column by column."""
    d, s = 6, 0.2
    X = random_bits(1, d)
    parameters = draw_parameters(rng, d, 4)
    shape = network.Shape(d, 4, np.float64)
    flat = shape.pack(*parameters)
    bits = BitMatrix.from_array(X)
    value, gradient = network.Gradient(shape, "sigmoid", label_smoothing=s)(bits, flat)
    logits = logits_by_hand(X, parameters, "sigmoid")
    assert_allclose(value, terms_of(X, logits).sum())  # of the outcomes as they are
    target = (1 - s) * X + s / 2
    assert_allclose(shape.views(gradient)[1], (target - expit(logits))[0])


@pytest.mark.parametrize("n_rows", [1, 7, 64, 65, 100, 300, 4096 + 70])
def test_gradients_of_single_precision(n_rows, rng, random_bits):
    d, h = 30, 20
    bits = BitMatrix.from_array(random_bits(n_rows, d, density=0.2))
    parameters = draw_parameters(rng, d, h)
    results = []
    for dtype in (np.float64, np.float32):
        shape = network.Shape(d, h, dtype)
        value, gradient = network.Gradient(shape, "sigmoid")(bits, shape.pack(*parameters))
        results.append((value, shape.unpack(gradient)))
    assert_allclose(results[1][0], results[0][0], rtol=1e-6)
    for single, double in zip(results[1][1], results[0][1], strict=True):
        assert_allclose(single, double, rtol=0, atol=1e-5 * np.abs(double).max())


def test_threads_do_not_matter(rng, random_bits):
    d, h = 40, 70
    bits = BitMatrix.from_array(random_bits(700, d, density=0.2))
    shape = network.Shape(d, h)
    flat = shape.pack(*draw_parameters(rng, d, h))
    own = network.Network(shape, flat, "sigmoid")
    streams = RandomStreams(3)
    results = []
    for n_jobs in (1, 2, 3):
        gradient = network.Gradient(shape, "sigmoid", dropout=0.4, streams=streams, n_jobs=n_jobs)
        results.append(
            (
                *gradient(bits, flat, (5, 0)),
                network.log_likelihood(bits, own, n_jobs=n_jobs),
                network.feature_terms(bits, own, n_jobs=n_jobs),
                network.represent(bits, own, n_jobs=n_jobs),
                sample(700, own, random_state=1, n_jobs=n_jobs).to_array(),
            )
        )
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_array_equal(a, b)


def test_a_row_has_its_own_score(rng, random_bits):
    d, h = 50, 33
    X = random_bits(77, d, density=0.3)
    own = make(draw_parameters(rng, d, h), "sigmoid", np.float32)
    together = network.log_likelihood(BitMatrix.from_array(X), own)
    alone = [network.log_likelihood(BitMatrix.from_array(x[None]), own)[0] for x in X]
    assert_array_equal(together, alone)
    backwards = network.log_likelihood(BitMatrix.from_array(X[::-1]), own)
    assert_array_equal(together, backwards[::-1])


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_large_weights_are_finite(scale, rng, random_bits):
    d, h = 20, 8
    bits = BitMatrix.from_array(random_bits(40, d))
    for activation, dtype in itertools.product(ACTIVATIONS, (np.float32, np.float64)):
        own = make(draw_parameters(rng, d, h, scale), activation, dtype)
        scores = network.log_likelihood(bits, own)
        assert np.isfinite(scores).all()
        assert (scores <= 0).all()
        flat = own.shape.pack(*draw_parameters(rng, d, h, scale))
        value, gradient = network.Gradient(own.shape, activation)(bits, flat)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def all_rows(d):
    return np.array(list(itertools.product((0, 1), repeat=d)), dtype=np.uint8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_probabilities_sum_to_one(activation, rng):
    bits = BitMatrix.from_array(all_rows(11))
    parameters = draw_parameters(rng, 11, 6, scale=2.0)
    for dtype, error in ((np.float64, 1e-13), (np.float32, 2e-6)):
        scores = network.log_likelihood(bits, make(parameters, activation, dtype))
        assert_allclose(np.exp(scores).sum(), 1.0, rtol=error)


def test_samples_have_the_probabilities_of_the_model(rng):
    states = all_rows(5)
    own = make(draw_parameters(rng, 5, 6), "sigmoid", np.float32)
    p = np.exp(network.log_likelihood(BitMatrix.from_array(states), own))
    n = 200_000
    drawn = sample(n, own, random_state=0, n_jobs=2).to_array()
    counts = np.bincount(drawn @ (1 << np.arange(5)[::-1]), minlength=32)
    assert np.all(np.abs(counts - n * p) < 5 * np.sqrt(n * p * (1 - p)) + 1)
    assert_array_equal(sample(100, own, random_state=0).to_array()[:64], drawn[:64])


def test_given_variables_stay(rng, random_bits):
    own = make(draw_parameters(rng, 20, 6), "relu", np.float32)
    for k in (1, 8, 15, 16, 17, 20):
        prefix = random_bits(100, k)
        drawn = sample(100, own, prefix=BitMatrix.from_array(prefix), random_state=0).to_array()
        assert_array_equal(drawn[:, :k], prefix)


def test_dropout_leaves_out_its_share_and_is_unbiased_to_first_order(rng, random_bits):
    """With one unit a row, the output gradient is that of the units which are left."""
    d, h, dropout = 4, 200, 0.25
    bits = BitMatrix.from_array(random_bits(1, d))
    shape = network.Shape(d, h, np.float64)
    flat = shape.pack(*draw_parameters(rng, d, h, scale=0.01))
    gradient = network.Gradient(shape, "sigmoid", dropout=dropout, streams=RandomStreams(0))
    left = []
    for step in range(50):
        _, found = gradient(bits, flat, (step, 0))
        columns = shape.views(found)[0][:, :h] != 0
        assert (columns == columns[0]).all()  # the same units for all conditionals
        left.append(columns[0])
    share = np.mean(left)
    assert abs(share - (1 - dropout)) < 5 * np.sqrt(dropout * (1 - dropout) / (50 * h))
    assert not np.array_equal(left[0], left[1])
    _, again = gradient(bits, flat, (0, 0))
    assert_array_equal(shape.views(again)[0][0, :h] != 0, left[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_a_number_is_not_certain(dtype, rng, random_bits):
    shape = network.Shape(5, 3, dtype)
    flat = shape.pack(*draw_parameters(rng, 5, 3))
    flat[0] = np.nan
    bits = BitMatrix.from_array(random_bits(20, 5))
    assert np.isnan(network.log_likelihood(bits, network.Network(shape, flat, "relu"))).all()
    assert np.isnan(network.Gradient(shape, "relu")(bits, flat)[0])


def preparations(own, monkeypatch):
    """Yield the arguments to draw with, prepared and not, and the rows that come of them."""
    for many in (network_sampling._MANY_ROWS, 10**9):
        monkeypatch.setattr(network_sampling, "_MANY_ROWS", many)
        sampler = network_sampling.Sampler(own)
        yield sampler.arguments(5000), sampler.sample(5000, random_state=0).to_array()


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("n_hidden", [1, 16, 17, 40, 100])
@pytest.mark.parametrize("n_wild", [0, 3, 40])
def test_prepared_parameters_draw_the_same_rows(n_wild, n_hidden, rng, monkeypatch):
    """Rows are the same but for draws within rounding, whichever units have sums that odds cannot hold."""
    V, b, W, c = draw_parameters(rng, 60, n_hidden, scale=0.3)
    n_wild = min(n_wild, n_hidden)
    W[:, rng.permutation(n_hidden)[:n_wild]] *= 200.0
    own = make((V, b, W, c), "sigmoid", np.float32)
    (prepared, rows), (_, plain) = preparations(own, monkeypatch)
    *_, n_odds, coarse, _ = prepared
    assert n_odds == ((n_hidden - n_wild) // 32 * 32 if n_wild else own.shape.line)
    assert coarse is not None
    assert np.mean((rows != plain).any(axis=1)) < 2e-3


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e2, 1e6])
def test_coarse_logits_decide_as_exact_ones(scale, rng, monkeypatch):
    """Weights of any size, and columns with one that is far larger than all others, not finite, or zero."""
    V, b, W, c = draw_parameters(rng, 80, 50)
    V *= scale / 50
    V[::10, 3] *= 1e4
    V[1] = 0.0
    V[2, 5] = np.inf
    V[3, 5] = np.nan
    own = make((V, b, W, c), "sigmoid", np.float32)
    (prepared, rows), (_, plain) = preparations(own, monkeypatch)
    coarse, terms = prepared[-2:]
    assert (coarse is None) == (scale > 1e5)  # then exact logits at once are the better way
    if coarse is not None:
        assert np.isinf(terms[2:4, 2]).all()
        assert (terms[:, 2] > 0).all()
    assert np.mean((rows != plain).any(axis=1)) < 2e-3


@pytest.mark.usefixtures("level")
def test_weights_beyond_the_exponential_are_not_cut(monkeypatch):
    """Sums stay in range, but one weight does not: from -79.5 to 79.5 in one step."""
    d, h = 2, 40
    W, V = np.zeros((d, h)), np.zeros((d, h))
    W[0], V[1] = 159.0, 10.0
    own = make((V, np.array([0.0, -400.0]), W, np.full(h, -79.5)), "sigmoid", np.float32)
    (prepared, rows), (_, plain) = preparations(own, monkeypatch)
    assert prepared[-3] == 0
    assert_array_equal(rows, plain)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["W", "c"])
def test_sums_that_are_not_finite_draw_as_before(place, number, rng, monkeypatch):
    V, b, W, c = draw_parameters(rng, 30, 40)
    if place == "W":
        W[[0, 4], 3] = number, -number
    else:
        c[3] = number
    own = make((V, b, W, c), "sigmoid", np.float32)
    with np.errstate(invalid="ignore"):
        (_, rows), (_, plain) = preparations(own, monkeypatch)
    assert_array_equal(rows, plain)


def coarse_logits(own, hidden):
    """Return the logits of hidden units of shape (n_rows, d, h) as the kernel has them, and their bounds."""
    coarse, terms = network_sampling.Sampler(own).arguments(1000)[-2:]
    d, h = own.shape.n_features, own.shape.n_hidden
    pairs = coarse[:, : -(-h // 32) * 32].astype(np.int64).reshape(d, -1, 16, 2)
    pairs = pairs.swapaxes(2, 3).reshape(d, -1)[:, :h]
    for first in range(16):  # sums of 32 bits do not overflow
        assert np.abs(pairs[:, first::16]).sum(axis=1).max() * 16387 < 2**31
    sums = np.einsum("rik,ik->ri", np.rint(2**15 * (hidden - 0.5)), pairs)
    return terms[:, 0] + terms[:, 1] * sums, terms[:, 2]


def test_coarse_logits_are_off_by_no_more_than_they_say(rng):
    """What their bound is for: units a little off, and weights, rounded to integers and added up."""
    d, h = 40, 90
    V, b, W, c = draw_parameters(rng, d, h)
    V[::2] = np.abs(V[::2]) + 1  # of one sign: errors add up
    hidden = rng.random((300, d, h))
    hidden[::3] = rng.random((100, 1, 1))  # the same for all units
    hidden[1::3] = rng.integers(2, size=(100, d, h))
    logits = np.einsum("rik,ik->ri", hidden, V) + b
    # An estimate of a reciprocal is off by up to a share of 2^-14.
    for off in (-1, 1, rng.choice([-1, 1], size=hidden.shape)):
        own = make((V, b, W, c), "sigmoid", np.float32)
        found, error = coarse_logits(own, hidden * (1 + off * 2.0**-14))
        assert np.all(np.abs(found - logits) <= error)
    assert np.max(np.abs(coarse_logits(own, hidden * (1 - 2.0**-14))[0] - logits) / error) > 0.5
