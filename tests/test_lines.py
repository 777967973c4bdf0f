"""Parameters in lines: where they stand, and the gradient of minibatches against that of rows of weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import BitMatrix, engine, likelihood, lists
from fastmle.lines import Lines, value_and_gradient


@pytest.mark.parametrize("d", [1, 2, 8, 9, 31, 32, 33, 64, 100])
def test_every_weight_has_one_place(d):
    lines = Lines(d)
    flat = np.zeros(lines.size, dtype=np.float32)
    flat[:d] = 1
    for start, stop in lines.runs():
        assert d <= start < stop <= lines.size
        flat[start:stop] += 1
    intercept, coef = lines.unpack(flat)
    assert_array_equal(intercept, np.ones(d))
    assert_array_equal(coef, np.tril(np.ones((d, d)), k=-1))
    assert flat.sum() == d + d * (d - 1) // 2


@pytest.mark.parametrize("d", [1, 2, 9, 32, 33, 100])
def test_packed_and_unpacked(d, random_fvsbn, rng):
    coef, intercept = random_fvsbn(d)
    lines = Lines(d)
    whole = coef + np.triu(rng.normal(size=(d, d)))  # above the diagonal nothing is read
    flat = lines.pack(whole, intercept)
    assert flat.dtype == np.float32
    for found, given in zip(lines.unpack(flat), (intercept, coef), strict=True):
        assert_array_equal(found, given.astype(np.float32))


@pytest.mark.parametrize("d", [1, 15, 16, 100])
def test_lines_begin_with_cache_lines(d):
    lines = Lines(d)
    for flat in (lines.zeros(), lines.pack(np.zeros((d, d)), np.zeros(d))):
        assert all(block.ctypes.data % 64 == 0 for _, block in lines.blocks(flat) if block.size)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("weighted", [False, True])
def test_threads_change_no_bit(weighted, random_bits, random_fvsbn, weights, monkeypatch):
    monkeypatch.setattr(engine, "MIN_PARALLEL_WORK", 0)
    weight = weights(300) if weighted else None
    bits = BitMatrix.from_array(random_bits(300, 150, 0.1), sample_weight=weight)
    lines = Lines(150)
    flat = lines.pack(*random_fvsbn(150))
    assert lists.list_minibatch(bits) is not None
    found = []
    for n_jobs in (1, 2, 3, 9):
        out = lines.zeros()
        found.append((value_and_gradient(bits, lines, flat, out, n_jobs=n_jobs), out))
    for value, gradient in found[1:]:
        assert value == found[0][0]
        assert_array_equal(gradient, found[0][1])


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("d", [1, 7, 32, 33, 70, 150])
@pytest.mark.parametrize("n_rows", [1, 64, 257, 5000])
@pytest.mark.parametrize("density", [0.03, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_rows_of_weights(
    d, n_rows, density, weighted, random_bits, random_fvsbn, weights, monkeypatch
):
    monkeypatch.setattr(engine, "MIN_PARALLEL_WORK", 0)
    weight = weights(n_rows) if weighted else None
    bits = BitMatrix.from_array(random_bits(n_rows, d, density), sample_weight=weight)
    lines = Lines(d)
    flat = lines.pack(*random_fvsbn(d))
    intercept, coef = lines.unpack(flat)
    value, grad_coef, grad_intercept = likelihood.value_and_gradient(bits, np.arange(d), coef, intercept)
    gradients = []
    for n_jobs in (1, 2):
        out = np.full(lines.size, np.nan, dtype=np.float32)
        assert value_and_gradient(bits, lines, flat, out, n_jobs=n_jobs) == pytest.approx(
            value.sum(), rel=1e-5
        )
        gradients.append(lines.unpack(out))
    scale = max(1.0, np.abs(grad_coef).max(), np.abs(grad_intercept).max(), 0.05 * n_rows)
    assert_allclose(gradients[0][0], grad_intercept, atol=2e-5 * scale)
    assert_allclose(np.tril(gradients[0][1], k=-1), grad_coef, atol=2e-5 * scale)
    (one_intercept, one), (two_intercept, two) = gradients
    assert_array_equal(one_intercept, two_intercept)
    assert_array_equal(np.tril(one, k=-1), np.tril(two, k=-1))


def test_lists_and_tables_serve_where_they_are_quicker(random_bits):
    def listed(n_rows, d, density):
        return lists.list_minibatch(BitMatrix.from_array(random_bits(n_rows, d, density))) is not None

    assert listed(256, 784, 0.13)
    assert listed(256, 784, 0.5)
    assert not listed(4096, 784, 0.5)
    assert not listed(5000, 784, 0.01)  # more than a tile
