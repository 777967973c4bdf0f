"""The variance of minibatch gradients is that of rows drawn without replacement."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import FVSBN, NADE, BernoulliMLE, BitMatrix, NotFittedError
from fastmle.noise import GradientNoise, gradient_noise

SIZES = [1, 4, 16, 64, 200]


def row_gradients(model, X, weight):
    """Return the gradient of each row's log-likelihood, by the model's own step along that row."""
    order = model.order_
    bits = BitMatrix.from_array(X[:, order], sample_weight=weight / weight.mean())
    seed = np.random.SeedSequence(0)
    problem = model._make_problem(bits, order, seed, warm=True, streaming=False)
    entries = problem.layout.entries()
    return np.array(
        [
            problem.value_and_gradient(bits[[row]], problem.parameters, (row, 0))[1][entries].astype(float)
            for row in range(len(X))
        ]
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        FVSBN(),
        FVSBN(solver="adamw", order="random", label_smoothing=0.1, max_epochs=3, random_state=0),
        NADE(n_hidden=3, order="random", max_epochs=3, random_state=0),
    ],
    ids=["batch", "stochastic", "NADE"],
)
def test_variance_of_batches_follows_from_that_of_rows(model, weighted, random_bits, weights):
    X = random_bits(300, 7, 0.4)
    weight = weights(300) if weighted else np.ones(300)
    model.fit(X, sample_weight=weight)
    X, weight = X[weight > 0], weight[weight > 0]
    gradients = row_gradients(model, X, weight)
    row_variance = gradients.var(axis=0).sum()
    options = {"batch_sizes": SIZES, "n_repeats": 600, "random_state": 1}
    found = gradient_noise(model, X, sample_weight=weight if weighted else None, **options)
    n = len(X)
    expected = row_variance / found.batch_size * (n - found.batch_size) / (n - 1)
    assert found.n_samples == n
    assert (np.abs(found.variance - expected) < 4.5 * found.standard_error).all()
    assert (found.standard_error < 0.15 * expected).all()
    assert abs(found.row_variance / row_variance - 1) < 0.12


def test_the_formula():
    noise = GradientNoise(np.array([1]), np.array([3.0]), np.array([0.1]), 3.0, 11)
    assert_allclose(noise.expected([1, 6, 11]), [3.0, 3.0 / 6 * 5 / 10, 0.0])
    assert_allclose(noise.expected([1, 6, 11], replacement=True), [3.0, 0.5, 3.0 / 11])


def test_the_seed_decides(random_bits):
    X = random_bits(50, 4)
    model = FVSBN().fit(X)
    runs = [gradient_noise(model, X, n_repeats=4, random_state=seed) for seed in (0, 0, 1)]
    assert_array_equal(runs[0].variance, runs[1].variance)
    assert (runs[0].variance != runs[2].variance).all()
    assert_array_equal(runs[0].batch_size, [1, 2, 4, 8, 16, 32])


def test_default_sizes_leave_out_all_rows(random_bits):
    X = random_bits(16, 3)
    assert_array_equal(gradient_noise(FVSBN().fit(X), X, n_repeats=2).batch_size, [1, 2, 4, 8])


def test_the_model_is_left_alone(random_bits):
    X = random_bits(60, 4)
    model = NADE(n_hidden=2, max_epochs=2, random_state=0).fit(X)
    before = {name: np.array(getattr(model, name)) for name in ("intercept_", "output_weights_")}
    gradient_noise(model, X, n_repeats=2)
    for name, value in before.items():
        assert_array_equal(getattr(model, name), value)


def test_what_cannot_be_measured(random_bits):
    X = random_bits(20, 3)
    model = FVSBN().fit(X)
    with pytest.raises(NotFittedError):
        gradient_noise(FVSBN(), X)
    with pytest.raises(TypeError, match="BernoulliMLE has no gradients of minibatches"):
        gradient_noise(BernoulliMLE().fit(X), X)
    with pytest.raises(ValueError, match="4 features, but FVSBN is expecting 3"):
        gradient_noise(model, random_bits(20, 4))
    with pytest.raises(ValueError, match="no two batches of 1 row"):
        gradient_noise(model, X, sample_weight=np.eye(20)[3])
    for n_repeats in (1, 2.0, True):
        with pytest.raises(ValueError, match="n_repeats must be an integer of at least 2"):
            gradient_noise(model, X, n_repeats=n_repeats)
    for sizes in ([0, 5], [5, 20], 21):
        with pytest.raises(ValueError, match="must lie between 1 and 19"):
            gradient_noise(model, X, batch_sizes=sizes)
    for sizes in ([], [1.0], [[1]]):
        with pytest.raises(ValueError, match="batch_sizes must be integers, at least one"):
            gradient_noise(model, X, batch_sizes=sizes)
    nade = NADE(n_hidden=2, max_epochs=1).fit(X).set_params(n_hidden=3)
    with pytest.raises(ValueError, match="changed since it was fitted"):
        gradient_noise(nade, X)
