"""Compiled kernels of the row-wise limited-memory quasi-Newton method; see `reference`.

Every row is a problem of its own, of lengths[row] variables. Its last `memory` steps s, the changes y
of the gradient along them, and the metric times these changes, z = M^-1 y, stand in rings: those in
place k at steps, changes and solved[offsets[row] + k * lengths[row]].
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t


cdef inline double dot(const double* a, const double* b, ptrdiff_t n) noexcept nogil:
    # Four running sums: one alone would wait for every addition.
    cdef double s0 = 0, s1 = 0, s2 = 0, s3 = 0
    cdef ptrdiff_t k = 0
    while k + 4 <= n:
        s0 += a[k] * b[k]
        s1 += a[k + 1] * b[k + 1]
        s2 += a[k + 2] * b[k + 2]
        s3 += a[k + 3] * b[k + 3]
        k += 4
    while k < n:
        s0 += a[k] * b[k]
        k += 1
    return (s0 + s1) + (s2 + s3)


cdef inline void add_multiple(double* a, double factor, const double* b, ptrdiff_t n) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(n):
        a[k] += factor * b[k]


def store_pairs(
    const int64_t[::1] rows, const int64_t[::1] lengths, const int64_t[::1] offsets,
    const double[:, ::1] new_steps, const double[:, ::1] new_changes, const double[:, ::1] new_solved,
    double[::1] steps, double[::1] changes, double[::1] solved, double[:, ::1] curvatures,
    int64_t[::1] counts,
):
    """Append new_steps[i], new_changes[i], new_solved[i] to the rings of rows[i], over the oldest.

    curvatures[row, k] is the inner product of the pair in place k; a pair whose product is not
    positive would make the metric indefinite and is left out.
    """
    cdef ptrdiff_t i, k, n, memory = curvatures.shape[1], place
    cdef int64_t row
    cdef double product
    with nogil:
        for i in range(rows.shape[0]):
            row = rows[i]
            n = lengths[row]
            product = dot(&new_steps[i, 0], &new_changes[i, 0], n)
            if not product > 0:
                continue
            place = counts[row] % memory
            curvatures[row, place] = product
            for k in range(n):
                steps[offsets[row] + place * n + k] = new_steps[i, k]
                changes[offsets[row] + place * n + k] = new_changes[i, k]
                solved[offsets[row] + place * n + k] = new_solved[i, k]
            counts[row] += 1


def first_loop(
    const int64_t[::1] rows, const int64_t[::1] lengths, const int64_t[::1] offsets,
    const double[::1] steps, const double[::1] changes, const double[::1] solved,
    const double[:, ::1] curvatures, const int64_t[::1] counts,
    double[:, ::1] vectors, double[:, ::1] directions, double[:, ::1] coefficients,
):
    """Newest to oldest: vectors -= f y and directions -= f z with f = s.vector / s.y, kept in coefficients.

    directions comes in as the metric times vectors, and stays so.
    """
    cdef ptrdiff_t i, age, n, memory = curvatures.shape[1], place, held
    cdef int64_t row, offset
    cdef double factor
    with nogil:
        for i in range(rows.shape[0]):
            row = rows[i]
            n = lengths[row]
            held = counts[row] if counts[row] < memory else memory
            for age in range(held):
                place = (counts[row] - 1 - age) % memory
                offset = offsets[row] + place * n
                factor = dot(&steps[offset], &vectors[i, 0], n) / curvatures[row, place]
                coefficients[i, place] = factor
                add_multiple(&vectors[i, 0], -factor, &changes[offset], n)
                add_multiple(&directions[i, 0], -factor, &solved[offset], n)


def second_loop(
    const int64_t[::1] rows, const int64_t[::1] lengths, const int64_t[::1] offsets,
    const double[::1] steps, const double[::1] changes, const double[:, ::1] curvatures,
    const int64_t[::1] counts, double[:, ::1] directions, const double[:, ::1] coefficients,
):
    """Oldest to newest: directions += (coefficient - y.q / s.y) s."""
    cdef ptrdiff_t i, age, n, memory = curvatures.shape[1], place, held
    cdef int64_t row, offset
    cdef double factor
    with nogil:
        for i in range(rows.shape[0]):
            row = rows[i]
            n = lengths[row]
            held = counts[row] if counts[row] < memory else memory
            for age in range(held - 1, -1, -1):
                place = (counts[row] - 1 - age) % memory
                offset = offsets[row] + place * n
                factor = dot(&changes[offset], &directions[i, 0], n) / curvatures[row, place]
                add_multiple(&directions[i, 0], coefficients[i, place] - factor, &steps[offset], n)
