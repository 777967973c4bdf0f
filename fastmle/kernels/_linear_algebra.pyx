"""Compiled kernels on matrices, without the GIL and without copies; SciPy's BLAS serves. See `reference`."""
from libc.math cimport fabs
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t
from scipy.linalg.cython_blas cimport dtrsm


def solve_leading_blocks(
    double[:, ::1] factor, const int64_t[::1] sizes, double[:, ::1] vectors,
):
    """Replace vectors[k, :n], n = sizes[k], by the inverse of (L L^T)[:n, :n] times it.

    L is the lower triangle of factor; sizes ascend; vectors[k, n:] is zero and stays so. The leading
    block of a Cholesky factor is the factor of the leading block, so after the forward substitution in
    the largest block only the entries beyond each vector's own have to be cleared.
    """
    # Row by row in memory is column by column of the transpose, which is upper triangular to BLAS.
    cdef int n_vectors = <int>vectors.shape[0], stride = <int>vectors.shape[1]
    cdef int leading = <int>factor.shape[1], size, k, j
    cdef double one = 1.0
    cdef char left = b"L", upper = b"U", plain = b"N", transposed = b"T"
    if n_vectors == 0:
        return
    size = <int>sizes[n_vectors - 1]
    with nogil:
        dtrsm(
            &left, &upper, &transposed, &plain, &size, &n_vectors, &one, &factor[0, 0], &leading,
            &vectors[0, 0], &stride)
        for k in range(n_vectors):
            for j in range(<int>sizes[k], size):
                vectors[k, j] = 0.0
        dtrsm(
            &left, &upper, &plain, &plain, &size, &n_vectors, &one, &factor[0, 0], &leading,
            &vectors[0, 0], &stride)


def measure_lower_rows(
    const double[:, ::1] coef, const double[:, ::1] gradient, ptrdiff_t first, double[::1] squares,
    double[::1] largest,
):
    """Write the sum of squares of each row of coef and the largest size in each row of gradient.

    They are rows from `first` on of square matrices, of which the strict lower triangle is read.
    """
    cdef ptrdiff_t i, j, k, length
    cdef double a
    cdef double[4] s
    cdef double[4] g
    with nogil:
        for i in range(coef.shape[0]):
            length = first + i
            for k in range(4):
                s[k] = g[k] = 0.0
            j = 0
            while j + 4 <= length:  # four chains of dependent operations overlap
                for k in range(4):
                    s[k] += coef[i, j + k] * coef[i, j + k]
                    a = fabs(gradient[i, j + k])
                    g[k] = a if a > g[k] else g[k]
                j += 4
            while j < length:
                s[0] += coef[i, j] * coef[i, j]
                a = fabs(gradient[i, j])
                g[0] = a if a > g[0] else g[0]
                j += 1
            squares[i] = (s[0] + s[1]) + (s[2] + s[3])
            a = g[0] if g[0] > g[1] else g[1]
            a = g[2] if g[2] > a else a
            largest[i] = g[3] if g[3] > a else a
