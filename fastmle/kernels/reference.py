"""What every kernel computes, in plain NumPy and float64: the specification the tests hold them to.

The functions have the names and arguments of the compiled kernels. A *tile* is uint8 of shape
(n_groups, n_rows): variable 8 g + h of row r is bit h of ``tile[g, r]``. A *block* is an ascending
int32 list of columns; arrays whose last axis is the lanes of a line hold the block's columns first
and nothing of meaning after them.
"""

import itertools

import numpy as np
from scipy.special import expit, log_expit

from .random_reference import draw_bits


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


def take_rows(tiles, height, rows, taken, taken_height, places):
    """Copy the given rows from tiles of `height` rows into tiles of `taken_height` rows.

    Tiles follow each other, and the last one has the rows that are left; `places` is scratch of the compiled
    kernel.
    """
    n_groups = len(taken) // len(rows)
    whole = np.concatenate([part.reshape(n_groups, -1) for part in _cut(tiles, n_groups * height)], axis=1)
    for number, part in enumerate(_cut(taken, n_groups * taken_height)):
        wanted = rows[number * taken_height :][:taken_height]
        part[:] = whole[:, wanted].ravel()


def _cut(values, length):
    return [values[start : start + length] for start in range(0, len(values), length)]


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


# Rows that repeat


def hash_rows(tiles, height, words, hashes):
    """Write the bytes of each row as words, with zeros behind the last, and a hash that follows from them.

    `tiles` is one tile of `height` rows behind the other, flat; the last may be shorter. Where `words` has no
    columns, only the hashes are written.
    """
    n_rows = len(hashes)
    n_groups = len(tiles) // n_rows
    rows = np.zeros((n_rows, -(-n_groups // 8) * 8), dtype=np.uint8)
    for start in range(0, n_rows, height):
        stop = min(start + height, n_rows)
        rows[start:stop, :n_groups] = tiles[start * n_groups : stop * n_groups].reshape(n_groups, -1).T
    if words.shape[1] > 0:
        words[:] = rows.view("<u8")
    hashes[:] = 0
    for word in rows.view("<u8").T:
        hashes[:] = (hashes ^ word) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(32)


def merge_rows(hashes, words, bounds, first, last, slots, weight):
    """Add the weight of each row to that of the first equal row of its bucket, and clear its own.

    Bucket b, first <= b < last, has the rows bounds[k, b] <= r < bounds[k, b + 1] of all k, in this order;
    those of weight zero do not count. Rows are equal if their hashes and their words are. `slots` is scratch
    of the compiled kernel. Returns how many rows keep a weight.
    """
    n_left = 0
    for bucket in range(first, last):
        seen = {}
        for start, stop in bounds[:, bucket : bucket + 2]:
            for row in start + np.flatnonzero(weight[start:stop]):
                other = seen.setdefault((hashes[row], *words[row]), row)
                if other != row:
                    weight[other] += weight[row]
                    weight[row] = 0
        n_left += len(seen)
    return n_left


def sort_rows(hashes, weight, shift, kept, bounds, places, sorted_hashes, sorted_weight):
    """Sort the rows of positive weight by bucket, ``hashes >> shift``, and keep their order inside of each.

    Bucket b is then ``places[bounds[b]:bounds[b + 1]]``, and so on. `kept` is scratch of the compiled kernel.
    """
    rows = np.flatnonzero(weight)
    bucket = hashes[rows] >> np.uint64(shift)
    places[:] = rows[np.argsort(bucket, kind="stable")]
    bounds[:] = np.searchsorted(np.sort(bucket), np.arange(len(bounds)))
    sorted_hashes[:], sorted_weight[:] = hashes[places], weight[places]


def restore_order(places, weight, start, marks, entries, rows, ordered):
    """Write the numbers ``start + places`` of rows of positive weight, ascending, and their weights.

    `marks` and `entries` are scratch of the compiled kernel.
    """
    kept = np.flatnonzero(weight)
    kept = kept[np.argsort(places[kept])]
    rows[:], ordered[:] = start + places[kept].astype(np.int64), weight[kept]


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
    tiles,
    height,
    n_rows,
    columns,
    coef,
    intercept,
    weight,
    scratch,
    units,
    n_left,
    n_taken,
    value,
    grad_coef,
    grad_intercept,
    starts=None,
    bits=None,
    first_listed=0,
    n_summed=4096,
):
    """Add sum_r w_r log p(x_ri | x_r,<i) and its gradient in the weights of j < columns[lane].

    With the residuals R = w (x_i - p(x_i = 1 | x_<i)) the gradient is R^T X, that of the intercepts the
    column sums of R. A row of `units` is (part, first tile, stop tile, first column, stop column, listed,
    fresh): a block of columns in some tiles of `height` rows, that goes to a part of the results, in which
    grad_coef is clear before if it is fresh. Of the first ``n_left[0]`` units the last `n_taken` are done.
    """
    n_left = int(n_left[0])
    for part, first_tile, stop_tile, first, stop, _, fresh in units[max(0, n_left - n_taken) : n_left][::-1]:
        block = slice(first, stop)
        if fresh:
            grad_coef[part, block] = 0.0
        for start in range(first_tile * height, min(stop_tile * height, n_rows), height):
            rows = slice(start, min(start + height, n_rows))
            tile = tiles.reshape(n_rows, -1)[rows].reshape(-1, rows.stop - rows.start)
            signs = _signs(tile, columns[block])
            own = np.ones(len(signs)) if weight is None else np.asarray(weight)[rows]
            t = signs * _logits(tile, columns[block], coef[block], intercept[block])
            residual = own[:, None] * signs * expit(-t)
            value[part, block] += own @ log_expit(t)
            grad_intercept[part, block] += residual.sum(axis=0)
            products = (residual.T @ _rows(tile))[:, : coef.shape[1]]
            for lane, column in enumerate(columns[block]):
                grad_coef[part, first + lane, :column] += products[lane, :column]


def compute_gradient_in_lines(
    tile, parameters, places, n_left, weight, scratch, value, gradient, starts, rows
):
    """Compute the same of the first 32 n_left columns, with parameters and gradient in one array each.

    The first len(value) entries are the intercepts; from ``places[k]`` up to ``places[k + 1]`` stand the
    lines of the columns from 32 k on: entry ``[j, lane]`` is the weight of variable j in the logit of column
    32 k + lane. All variables that have a line count: where one is no predecessor the weight is 0, and nobody
    asks for its gradient.
    """
    weight = np.ones(tile.shape[1]) if weight is None else np.asarray(weight)
    for k in range(n_left[0]):
        columns = np.arange(32 * k, min(32 * k + 32, len(value)))
        lines, sums = (array[places[k] : places[k + 1]].reshape(-1, 32) for array in (parameters, gradient))
        X, signs = _rows(tile)[:, : len(lines)], _signs(tile, columns)
        coef = lines[: X.shape[1], : len(columns)].astype(np.float64)
        t = signs * (X @ coef + parameters[columns].astype(np.float64))
        residual = weight[:, None] * signs * expit(-t)
        value[columns] = weight @ log_expit(t)
        gradient[columns] = residual.sum(axis=0)
        sums[...] = 0.0
        sums[: X.shape[1], : len(columns)] = X.T @ residual


def list_set_bits(tile, starts, bits):
    """List the set bits of row r, ascending, as ``bits[starts[r] : starts[r + 1]]``.

    A bit that follows another of the same group of eight has 2^15 added.
    """
    rows, columns = np.nonzero(_rows(tile))
    starts[:] = np.searchsorted(rows, np.arange(len(starts)))
    groups = columns // 8
    same = (np.diff(rows, prepend=-1) == 0) & (np.diff(groups, prepend=-1) == 0)
    bits[: len(columns)] = columns + 2**15 * same


def list_rows(tile, starts, rows):
    """List the rows of every variable, in runs of 256 rows.

    With m variables, those of the tile's bytes, the rows of run k in which variable j is set are
    ``rows[starts[i] : starts[i + 1]]`` with i = m k + j: counted from the first of the run, ascending, and
    followed by the number of its rows until the list is a multiple of 4 long.
    """
    values = _rows(tile)
    lists = [np.empty(0, dtype=np.uint16)]
    for first in range(0, len(values), 256):
        run = values[first : first + 256]
        for column in run.T:
            own = np.flatnonzero(column)
            lists.append(np.append(own, np.full(-len(own) % 4, len(run))))
    starts[:] = np.cumsum([len(own) for own in lists])
    rows[: starts[-1]] = np.concatenate(lists)


def sample_block(tile, first_column, n_given, coef, intercept, uniform, scratch):
    """Draw the variables of a block in turn, but for its first n_given, which the tile holds already.

    One is drawn where u = uniform / 2^31 is below its probability p: for p < 1/2 where u + 2^-31 <= p, else
    where not 1 - u <= 1 - p, so that neither outcome is drawn if it has no probability.
    """
    for lane in range(n_given, len(intercept)):
        column = first_column + lane
        logit = intercept[lane] + _rows(tile)[:, : min(column, coef.shape[1])] @ coef[lane, :column]
        tail = np.where(logit < 0, uniform[lane] + 1.0, 2.0**31 - uniform[lane])
        rare = tail / 2**31 <= expit(-np.abs(logit))
        one = np.where(logit < 0, rare, ~rare)
        tile[column // 8] &= np.uint8((1 << column % 8) - 1)
        tile[column // 8] |= one.astype(np.uint8) << np.uint8(column % 8)


def sample_rows(tile, n_given, coef, intercept, states, stream_rows, uniform, scratch):
    """Draw the variables of a tile, but for the first ones that are given, sixteen at a time.

    The states draw the random bits of each sixteen, one state for the next `stream_rows` rows.
    """
    n_block = len(uniform)
    for start in range(n_given - n_given % n_block, len(intercept), n_block):
        block = slice(start, min(start + n_block, len(intercept)))
        draw_bits(states, uniform[: block.stop - start], stream_rows)
        sample_block(tile, start, max(0, n_given - start), coef[block], intercept[block], uniform, scratch)


# Linear algebra


def measure_lower_rows(coef, gradient, first, squares, largest):
    """Write the sums of squares of the rows of one strict lower triangle, and the sizes of another's rows.

    Row 0 is row `first` of the triangle.
    """
    squares[:] = (np.tril(coef, k=first - 1) ** 2).sum(axis=1)
    largest[:] = np.abs(np.tril(gradient, k=first - 1)).max(axis=1)


def solve_leading_blocks(factor, sizes, vectors):
    """Replace ``vectors[k, :n]``, n = sizes[k], by the inverse of (L L^T)[:n, :n] times it.

    L is the lower triangle of `factor`.
    """
    lower = np.tril(factor)
    for n, vector in zip(sizes, vectors, strict=True):
        vector[:n] = np.linalg.solve(lower[:n, :n] @ lower[:n, :n].T, vector[:n])


# Limited-memory quasi-Newton method: the ring of a row, flat from offsets[row] on, holds steps s, changes
# of the gradient y and the metric times these, z; a line of `search` is the step, the first slope, the
# ends of the bracket with the slope at the lower one, and the number of trials

_SLOPE_SHARE = 0.9


def _judge(search, value, trial_value, slope, value_error, max_trials):
    """Return whether a step is good, and whether the search has failed; else set the next step."""
    step, first, low, low_slope, high, n_trials = search
    risen = slope > 0 and not trial_value <= value + value_error * abs(value)
    accepted = not risen and abs(slope) <= _SLOPE_SHARE * abs(first)
    failed = not accepted and n_trials + 1 >= max_trials
    if not accepted and not failed:
        short = slope < 0
        low, low_slope, high = (step, slope, high) if short else (low, low_slope, step)
        known = not short and np.isfinite(slope)  # the slope at the higher end of the bracket
        share = np.clip(low_slope / (low_slope - slope), 0.1, 0.9) if known else 0.5
        step = 4 * step if np.isinf(high) else low + share * (high - low)
    search[:] = step, first, low, low_slope, high, n_trials + 1
    return accepted, failed


def _direction(ring, curvatures, count, scale, gradient, solved):
    """Return minus the inverse Hessian, as metric and ring describe it, times the gradient."""
    places = np.arange(max(0, count - len(ring)), count) % len(ring)  # the oldest first
    vector, direction, coefficients = -gradient, -solved, np.zeros(len(ring))
    for place in reversed(places):
        s, y, z = ring[place]
        coefficients[place] = s @ vector / curvatures[place]
        vector -= coefficients[place] * y
        direction -= coefficients[place] * z
    direction *= scale
    for place in places:
        s, y, _ = ring[place]
        direction += (coefficients[place] - y @ direction / curvatures[place]) * s
    return direction


def advance_rows(
    active,
    lengths,
    offsets,
    x,
    value,
    gradient,
    norm,
    solved,
    direction,
    search,
    pairs,
    curvatures,
    counts,
    scale,
    excess,
    scratch,
    trial,
    trial_value,
    trial_gradient,
    trial_solved,
    value_error,
    target,
    gap,
    least_value,
    max_trials,
    opening,
):
    """Take in an evaluation at the trial points, and write the next ones; return how many rows go on."""
    memory = curvatures.shape[1]
    going_on, points = [], np.zeros_like(trial)
    for i, row in enumerate(active):
        n = lengths[row]
        here = row, slice(n)
        point, new_gradient, new_solved = trial[i, :n], trial_gradient[i, :n], trial_solved[i, :n]
        ring = pairs[offsets[row] : offsets[row] + 3 * memory * n].reshape(memory, 3, n)
        accepted, failed = opening, False
        if not opening:
            slope = new_gradient @ direction[here]
            accepted, failed = _judge(search[row], value[row], trial_value[i], slope, value_error, max_trials)
            if accepted:
                s, y, z = point - x[here], new_gradient - gradient[here], new_solved - solved[here]
                if s @ y > 0:
                    scale[row] = s @ y / (z @ y) if z @ y > 0 else scale[row]
                    ring[counts[row] % memory] = s, y, z
                    curvatures[row, counts[row] % memory] = s @ y
                    counts[row] += 1
                x[here] = point
        if accepted:
            value[row], gradient[here], solved[here] = trial_value[i], new_gradient, new_solved
            norm[row] = np.abs(new_gradient).max()
        elif failed:
            if counts[row] == 0:
                continue
            counts[row] = 0
        if accepted or failed:
            state = gradient[here], solved[here]
            direction[here] = _direction(ring, curvatures[row], counts[row], scale[row], *state)
            if not direction[here] @ gradient[here] < 0:
                counts[row] = 0
                direction[here] = -scale[row] * solved[here]
            slope = direction[here] @ gradient[here]
            search[row] = 1.0, slope, 0.0, slope, np.inf, 0
            excess[row] = -0.5 * slope
            if not (norm[row] > target or excess[row] > gap * max(abs(value[row]), least_value)):
                continue
        points[len(going_on), :n] = x[here] + search[row, 0] * direction[here]
        going_on.append(row)
    active[: len(going_on)], trial[: len(going_on)] = going_on, points[: len(going_on)]
    return len(going_on)
