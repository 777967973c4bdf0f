"""Distinct rows: exact whatever the hashes, the weights, the shape and the number of threads."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastmle import BitMatrix, kernels
from fastmle.data import duplicates
from fastmle.data.bitmatrix import TILE_ROWS
from fastmle.data.duplicates import count_distinct


def expected_of(X, weight=None):
    """Return what `count_distinct` should, by NumPy, for rows of positive weight."""
    weight = np.ones(len(X)) if weight is None else weight
    kept = np.flatnonzero(weight)
    _, first, kind = np.unique(np.packbits(X[kept], axis=1), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return kept[first[order]], np.bincount(kind.ravel(), weights=weight[kept])[order]


def check(X, weight=None):
    bits = BitMatrix.from_array(X, sample_weight=weight)
    first, total = count_distinct(bits)
    expected_first, expected_total = expected_of(X, weight)
    assert_array_equal(first, expected_first)
    assert_allclose(total, expected_total, rtol=1e-12)
    for n_jobs in (2, 3):
        again, same = count_distinct(bits, n_jobs)
        assert_array_equal(again, first)
        assert_array_equal(same, total)


@pytest.fixture
def repeated(rng, random_bits):
    """A function that draws rows, a share of them from few kinds, in several runs of tiles."""

    def draw(n_rows, n_columns, n_kinds, share=1.0, density=0.5):
        X = random_bits(n_rows, n_columns, density)
        copies = rng.random(n_rows) < share
        X[copies] = random_bits(n_kinds, n_columns)[rng.integers(n_kinds, size=copies.sum())]
        return X

    return draw


@pytest.mark.parametrize("n_columns", [1, 7, 8, 13, 63, 64, 65, 70, 150])
@pytest.mark.parametrize("weighted", [False, True])
def test_kinds_and_their_weights(n_columns, weighted, repeated, weights):
    X = repeated(10 * TILE_ROWS + 300, n_columns, 40)
    check(X, weights(len(X)) if weighted else None)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("n_columns", [40, 64, 90])
def test_many_kinds(n_columns, share, repeated, weights):
    X = repeated(9 * TILE_ROWS, n_columns, 3000, share)
    check(X)
    check(X, weights(len(X)))


def test_rows_that_are_nearly_zero(repeated):
    check(repeated(9 * TILE_ROWS, 64, 1, share=0.0, density=0.02))


@pytest.mark.parametrize("n_columns", [9, 100])
def test_rows_that_are_all_alike_or_alike_late(n_columns, random_bits):
    X = np.ones((17 * TILE_ROWS, n_columns), dtype=np.uint8)
    check(X)
    # Every run begins with rows that do not repeat: the copies all meet in one bucket.
    for start in range(0, len(X), TILE_ROWS):
        X[start : start + 1024] = random_bits(1024, n_columns)
    check(X)


@pytest.mark.parametrize("n_columns", [64, 65])
def test_few_rows(n_columns, random_bits):
    check(random_bits(1, n_columns))
    check(np.repeat(random_bits(2, n_columns), 3, axis=0))
    none = BitMatrix.from_array(random_bits(5, n_columns))[:0]
    first, weight = count_distinct(none)
    assert (first.dtype, weight.dtype, len(first), len(weight)) == (np.int64, np.float64, 0, 0)
    assert none.distinct_rows().shape == (0, n_columns)


def test_rows_without_columns_are_alike(random_bits):
    bits = BitMatrix.from_array(random_bits(5000, 3)).take_columns([])
    assert_array_equal(count_distinct(bits), [[0], [5000]])


def test_rows_without_weight_do_not_count(random_bits):
    X = np.repeat(random_bits(3, 70), [4, 2, 5000], axis=0)
    check(X, np.array([0.0, 0, 2, 3, 0, 0] + [1.0] * 5000))
    weightless = BitMatrix.from_array(X, sample_weight=[0.0] * 6 + [1.0] * 5000)[:6]
    assert len(weightless.distinct_rows()) == 0


@pytest.mark.parametrize("n_hashes", [1, 50])
def test_rows_are_told_apart_where_hashes_meet(n_hashes, monkeypatch, repeated, weights):
    hash_rows = kernels.hash_rows

    def hash_badly(tiles, height, words, hashes):
        hash_rows(tiles, height, words, hashes)
        hashes %= np.uint64(n_hashes)

    monkeypatch.setattr(duplicates.kernels, "hash_rows", hash_badly)
    X = repeated(9 * TILE_ROWS, 80, 300)
    check(X)
    check(X, weights(len(X)))


def test_distinct_rows_are_a_matrix_with_weights(repeated, weights):
    X = repeated(TILE_ROWS + 300, 70, 40)
    weight, names = weights(len(X)), [f"x{k}" for k in range(70)]
    bits = BitMatrix.from_array(X, sample_weight=weight, feature_names=names)
    first, total = expected_of(X, weight)
    for n_jobs in (None, 2):
        distinct = bits.distinct_rows(n_jobs=n_jobs)
        assert_array_equal(distinct.to_array(), X[first])
        assert_allclose(distinct.sample_weight, total, rtol=1e-12)
        assert_array_equal(distinct.feature_names, names)
