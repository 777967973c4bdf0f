"""Minibatches: every row once, orders by seed and epoch, unbiased estimates and their variance."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import BitMatrix, likelihood
from fastmle.data import Minibatches


def numbered(n_samples, **options):
    """Rows that are their own numbers, 17 bits of them."""
    rows = (np.arange(n_samples)[:, None] >> np.arange(17)) & 1
    return BitMatrix.from_array(rows.astype(np.uint8), **options)


def numbers(batch):
    return batch.to_array(np.int64) @ (1 << np.arange(17))


@pytest.mark.parametrize(
    ("n_samples", "batch_size"),
    [
        (1, 1),
        (7, 1),
        (7, 7),
        (1000, 64),
        (9000, 256),
        (9000, 4096),
        (9000, 4500),
        (9000, 8999),
        (20_000, 300),
    ],
)
def test_every_row_is_in_one_batch_of_an_epoch(n_samples, batch_size):
    minibatches = Minibatches(numbered(n_samples), batch_size, random_state=3)
    for epoch in range(2):
        batches = list(minibatches(epoch))
        sizes = [batch_size] * (n_samples // batch_size) + [n_samples % batch_size] * (
            n_samples % batch_size > 0
        )
        assert [len(batch) for batch in batches] == sizes
        assert len(batches) == minibatches.n_batches
        rows = np.concatenate([numbers(batch) for batch in batches])
        assert_array_equal(np.sort(rows), np.arange(n_samples))


def test_an_order_follows_from_seed_and_epoch():
    def rows(seed, epoch, first=0):
        batches = Minibatches(numbered(500), 30, random_state=seed)(epoch, first)
        return np.concatenate([numbers(batch) for batch in batches])

    assert_array_equal(rows(5, 2), rows(5, 2))
    assert not np.array_equal(rows(5, 2), rows(5, 3))
    assert not np.array_equal(rows(5, 2), rows(6, 2))
    for first in (1, 11, 16):
        assert_array_equal(rows(5, 2, first), rows(5, 2)[30 * first :])
    assert list(Minibatches(numbered(500), 30)(0, 17)) == []


def test_all_orders_are_equally_likely():
    minibatches = Minibatches(numbered(4), 4, random_state=0)
    orders = [tuple(numbers(next(minibatches(epoch)))) for epoch in range(2400)]
    counts = [orders.count(order) for order in itertools.permutations(range(4))]
    assert sum(counts) == 2400
    chi_squared = sum((count - 100) ** 2 / 100 for count in counts)
    assert chi_squared < 49.7  # 23 degrees of freedom: exceeded once in a thousand


def test_keys_tell_orders_apart():
    def key(n_samples, batch_size, seed):
        return tuple(Minibatches(numbered(n_samples), batch_size, random_state=seed).key.tolist())

    keys = {key(100, 10, 0), key(100, 10, 1), key(100, 20, 0), key(101, 10, 0)}
    assert len(keys) == 4
    assert key(100, 10, 0) in keys


def test_weights_go_with_their_rows_and_have_a_mean_of_one(rng, weights):
    weight = weights(700)
    minibatches = Minibatches(numbered(700, sample_weight=weight), 64, random_state=rng)
    seen = np.flatnonzero(weight)
    assert minibatches.n_samples == len(seen) < 700
    batches = list(minibatches(0))
    rows = np.concatenate([numbers(batch) for batch in batches])
    assert_array_equal(np.sort(rows), seen)  # a weight of zero is the row removed
    given = np.concatenate([batch.sample_weight for batch in batches])
    assert_allclose(given, weight[rows] / weight[seen].mean(), rtol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [1, 37, 64, 300])
def test_gradients_of_an_epoch_average_to_the_full_gradient(
    batch_size, weighted, rng, random_bits, random_fvsbn, weights
):
    weight = weights(300) if weighted else None
    bits = BitMatrix.from_array(random_bits(300, 11), sample_weight=weight)
    columns = np.arange(11)
    coef, intercept = random_fvsbn(11)
    n_rows = int(np.count_nonzero(weight)) if weighted else 300
    minibatches = Minibatches(bits, min(batch_size, n_rows), random_state=0)
    sums = [np.zeros(11), np.zeros((11, 11)), np.zeros(11)]
    for batch in minibatches(0):
        share = len(batch) / minibatches.n_samples
        for total, part in zip(
            sums, likelihood.value_and_gradient(batch, columns, coef, intercept), strict=True
        ):
            total += share * part / len(batch)  # the mean over the batch, as the solvers take it
    full = likelihood.value_and_gradient(bits, columns, coef, intercept)
    for total, part in zip(sums, full, strict=True):
        assert_allclose(total, part / bits.total_weight, rtol=0, atol=1e-14)


def test_the_variance_falls_as_the_batch_grows(random_bits, random_fvsbn, weights):
    # That of b rows drawn without replacement from n: sigma^2 / b (n - b) / (n - 1).
    n, columns = 400, np.arange(9)
    bits = BitMatrix.from_array(random_bits(n, 9), sample_weight=weights(n))
    coef, intercept = random_fvsbn(9)

    def gradients(batch_size, n_epochs):
        """Gradients in the intercepts, a row for each whole batch, and the number of rows they come from."""
        minibatches = Minibatches(bits, batch_size, random_state=1)
        found = [
            likelihood.value_and_gradient(batch, columns, coef, intercept)[2] / batch_size
            for epoch in range(n_epochs)
            for batch in minibatches(epoch)
            if len(batch) == batch_size
        ]
        return np.array(found), minibatches.n_samples

    single, n_rows = gradients(1, 1)
    variance, mean = single.var(axis=0).sum(), single.mean(axis=0)
    for batch_size in (2, 8, 32, 128):
        found, _ = gradients(batch_size, 6 * batch_size)  # of every epoch, some 300 rows
        squares = ((found - mean) ** 2).sum(axis=1)
        expected = variance / batch_size * (n_rows - batch_size) / (n_rows - 1)
        error = squares.std() / np.sqrt(len(squares))
        assert abs(squares.mean() - expected) < 4 * error
        assert error < 0.08 * expected


def test_what_a_batch_takes_over_from_the_data(random_bits):
    bits = BitMatrix.from_array(random_bits(100, 10, 0.2), feature_names=[f"x{i}" for i in range(10)])
    for batch in Minibatches(bits, 40)(0):
        assert (batch.density, batch.heaviest_byte) == (bits.density, bits.heaviest_byte)
        assert_array_equal(batch.feature_names, bits.feature_names)
        assert batch.sample_weight is None


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "all", True])
def test_batch_sizes_that_are_no_positive_integers(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be a positive integer, got {batch_size!r}"):
        Minibatches(numbered(5), batch_size)


def test_a_batch_larger_than_the_data():
    with pytest.raises(ValueError, match=r"batch_size=6 is larger than the data, which have 5 rows; choose"):
        Minibatches(numbered(5), 6)
    with pytest.raises(ValueError, match="which have 3 rows of positive weight"):
        Minibatches(numbered(5, sample_weight=[1, 0, 1, 0, 2]), 4)
