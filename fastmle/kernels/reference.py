"""What every kernel computes, in plain NumPy and float64: the specification the tests hold them to.

The functions have the names and arguments of the compiled kernels. A *tile* is uint8 of shape
(n_groups, n_rows): variable 8 g + h of row r is bit h of ``tile[g, r]``. A *block* is an ascending
int32 list of columns; arrays whose last axis is the lanes of a line hold the block's columns first
and nothing of meaning after them.
"""

import itertools

import numpy as np
from scipy.special import expit, log_expit


def _rows(tile, n_columns=None):
    """Return the tile as (n_rows, n_columns) of 0 and 1."""
    return np.unpackbits(np.asarray(tile).T, axis=1, bitorder="little", count=n_columns)


# Bits


def pack_rows(rows, tile):
    """Pack rows of 0 and 1 into the tile; return whether every value was 0 or 1."""
    rows = np.asarray(rows)
    tile[:] = np.packbits(rows == 1, axis=1, bitorder="little").T
    return bool(np.all((rows == 0) | (rows == 1)))


def pack_sparse_rows(indptr, indices, tile):
    """Set the bits ``indices[indptr[r]:indptr[r + 1]]`` of row r in a tile of zeros."""
    for row, (start, stop) in enumerate(itertools.pairwise(indptr)):
        for column in indices[start:stop]:
            tile[column // 8, row] |= 1 << (column % 8)


def unpack_rows(tile, rows):
    """Write the tile as rows of 0 and 1."""
    rows[:] = _rows(tile, rows.shape[1])


def take_columns(tile, columns, taken):
    """Pack the given columns of the tile into another one."""
    taken[:] = np.packbits(_rows(tile)[:, columns], axis=1, bitorder="little").T


def count_columns(tile, counts):
    """Add the number of ones in every column to `counts`."""
    counts += _rows(tile, len(counts)).sum(axis=0, dtype=np.int64)


def sum_columns(tile, weight, sums):
    """Add the weight of the rows in which a column is one to `sums`."""
    sums += weight @ _rows(tile, len(sums))


def column_words(tile, words):
    """Write the bits of every column as 64-bit words, row k in bit k % 64 of word k // 64."""
    bits = np.zeros((len(words), 64 * words.shape[1]), dtype=np.uint8)
    bits[:, : tile.shape[1]] = _rows(tile, len(words)).T
    words[:] = np.packbits(bits, axis=1, bitorder="little").view("<u8")


def _add_symmetric(block, first, sums):
    """Add the lower triangle of a block of rows, the first of which is given, and its mirror image."""
    lower = np.zeros_like(sums)
    lower[first : first + len(block)] = block
    lower = np.tril(lower)
    sums += lower + np.tril(lower, k=-1).T


def count_pairs(words, first, last, counts):
    """Add the co-occurrences of columns first <= i < last and j <= i to counts[i, j] and counts[j, i]."""
    bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little").astype(np.int64)
    _add_symmetric(bits[first:last] @ bits.T, first, counts)


def weigh_pairs(tile, weight, group, rows, lines, buckets, sums):
    """Add the weights of the rows in which columns i and j <= i are one to sums[i, j] and sums[j, i].

    The columns i are those of the group; `rows`, `lines` and `buckets` are scratch of the compiled
    kernel.
    """
    bits = _rows(tile, len(sums))
    _add_symmetric((weight[:, None] * bits[:, 8 * group : 8 * group + 8]).T @ bits, 8 * group, sums)


# FVSBN


def _logits(tile, columns, coef, intercept):
    """Return z[r, lane] = intercept[lane] + sum of coef[lane, j] x_rj over j < columns[lane]."""
    X = _rows(tile).astype(np.float64)
    z = np.empty((len(X), len(columns)))
    for lane, column in enumerate(columns):
        n_predecessors = min(column, coef.shape[1])
        z[:, lane] = intercept[lane] + X[:, :n_predecessors] @ coef[lane, :n_predecessors]
    return z


def _signs(tile, columns):
    return np.where(_rows(tile)[:, columns] == 1, 1.0, -1.0)


def _lines(tile, columns, scratch):
    """Return the part of the scratch memory in which the logits of the block stand."""
    return scratch[-tile.shape[1] :, : len(columns)]


def compute_logits(tile, columns, coef, intercept, scratch):
    """Write the logits into the last lines of the scratch memory."""
    _lines(tile, columns, scratch)[:] = _logits(tile, columns, coef, intercept)


def logits_to_terms(tile, columns, scratch):
    """Replace the logits by log p(x_i | x_<i)."""
    z = _lines(tile, columns, scratch)
    z[:] = log_expit(_signs(tile, columns) * z)


def add_log_likelihood(tile, columns, coef, intercept, scratch, total, starts=None, bits=None):
    """Add the log p(x_i | x_<i) of the block's columns to every row's total."""
    total += log_expit(_signs(tile, columns) * _logits(tile, columns, coef, intercept)).sum(axis=1)


def add_gradient(
    tile, columns, coef, intercept, weight, scratch, value, grad_coef, grad_intercept, starts=None, bits=None
):
    """Add sum_r w_r log p(x_ri | x_r,<i) and its gradient in the weights of j < columns[lane].

    With the residuals R = w (x_i - p(x_i = 1 | x_<i)) the gradient is R^T X, that of the intercepts the
    column sums of R.
    """
    signs = _signs(tile, columns)
    weight = np.ones(len(signs)) if weight is None else np.asarray(weight)
    t = signs * _logits(tile, columns, coef, intercept)
    residual = weight[:, None] * signs * expit(-t)
    value += weight @ log_expit(t)
    grad_intercept += residual.sum(axis=0)
    products = (residual.T @ _rows(tile))[:, : grad_coef.shape[1]]
    for lane, column in enumerate(columns):
        grad_coef[lane, :column] += products[lane, :column]


def list_set_bits(tile, starts, bits):
    """List the set bits of row r, ascending, as ``bits[starts[r] : starts[r + 1]]``.

    A bit that follows another of the same group of eight has 2^15 added.
    """
    rows, columns = np.nonzero(_rows(tile))
    starts[:] = np.searchsorted(rows, np.arange(len(starts)))
    groups = columns // 8
    same = (np.diff(rows, prepend=-1) == 0) & (np.diff(groups, prepend=-1) == 0)
    bits[: len(columns)] = columns + 2**15 * same


def sample_block(tile, first_column, n_given, coef, intercept, uniform, scratch):
    """Draw the variables of a block in turn, but for its first n_given, which the tile holds already.

    Of the two outcomes the less probable is drawn where (uniform + 1) / 2^31 is at most its probability.
    """
    for lane in range(n_given, len(intercept)):
        column = first_column + lane
        logit = intercept[lane] + _rows(tile)[:, : min(column, coef.shape[1])] @ coef[lane, :column]
        rare = (uniform[lane] + 1.0) / 2**31 <= expit(-np.abs(logit))
        one = np.where(logit < 0, rare, ~rare)
        tile[column // 8] &= np.uint8((1 << column % 8) - 1)
        tile[column // 8] |= one.astype(np.uint8) << np.uint8(column % 8)


# Linear algebra


def measure_lower_rows(coef, gradient, squares, largest):
    """Write the sums of squares of the rows of one strict lower triangle, and the sizes of another's rows."""
    squares[:] = (np.tril(coef, k=-1) ** 2).sum(axis=1)
    largest[:] = np.abs(np.tril(gradient, k=-1)).max(axis=1)


def solve_leading_blocks(factor, sizes, vectors):
    """Replace ``vectors[k, :n]``, n = sizes[k], by the inverse of (L L^T)[:n, :n] times it.

    L is the lower triangle of `factor`.
    """
    lower = np.tril(factor)
    for n, vector in zip(sizes, vectors, strict=True):
        vector[:n] = np.linalg.solve(lower[:n, :n] @ lower[:n, :n].T, vector[:n])


# Limited-memory quasi-Newton method: row i of the arguments is problem rows[i]; a ring holds steps s,
# changes of the gradient y, and the metric times these, z


def _ring(row, lengths, offsets, curvatures, counts):
    """Yield the places in the ring of a row, the oldest first, and where their entries stand."""
    memory = curvatures.shape[1]
    for k in range(max(0, counts[row] - memory), counts[row]):
        start = offsets[row] + k % memory * lengths[row]
        yield k % memory, slice(start, start + lengths[row])


def store_pairs(
    rows,
    lengths,
    offsets,
    new_steps,
    new_changes,
    new_solved,
    steps,
    changes,
    solved,
    curvatures,
    counts,
):
    """Append a step and its changes to the rings of each row, unless s.y is not positive."""
    memory = curvatures.shape[1]
    for row, s, y, z in zip(rows, new_steps, new_changes, new_solved, strict=True):
        n = lengths[row]
        product = s[:n] @ y[:n]
        if product > 0:
            place = counts[row] % memory
            entry = slice(offsets[row] + place * n, offsets[row] + (place + 1) * n)
            steps[entry], changes[entry], solved[entry] = s[:n], y[:n], z[:n]
            curvatures[row, place] = product
            counts[row] += 1


def first_loop(
    rows,
    lengths,
    offsets,
    steps,
    changes,
    solved,
    curvatures,
    counts,
    vectors,
    directions,
    coefficients,
):
    """Newest to oldest: vector -= f y, direction -= f z, with f = s.vector / s.y."""
    for i, row in enumerate(rows):
        n = lengths[row]
        for place, entry in reversed(list(_ring(row, lengths, offsets, curvatures, counts))):
            coefficients[i, place] = steps[entry] @ vectors[i, :n] / curvatures[row, place]
            vectors[i, :n] -= coefficients[i, place] * changes[entry]
            directions[i, :n] -= coefficients[i, place] * solved[entry]


def second_loop(rows, lengths, offsets, steps, changes, curvatures, counts, directions, coefficients):
    """Oldest to newest: direction += (coefficient - y.direction / s.y) s."""
    for i, row in enumerate(rows):
        n = lengths[row]
        for place, entry in _ring(row, lengths, offsets, curvatures, counts):
            along = changes[entry] @ directions[i, :n] / curvatures[row, place]
            directions[i, :n] += (coefficients[i, place] - along) * steps[entry]
