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
    const double[:, ::1] coef, const double[:, ::1] gradient, double[::1] squares, double[::1] largest,
):
    """Write the sum of squares of each row of coef and the largest size in each row of gradient.

    Both are square, and what is read is their strict lower triangle.
    """
    cdef ptrdiff_t i, j
    cdef double s0, s1, g0, g1, a, b
    with nogil:
        for i in range(coef.shape[0]):
            s0 = s1 = g0 = g1 = 0.0
            j = 0
            while j + 2 <= i:  # two chains of dependent operations overlap
                s0 += coef[i, j] * coef[i, j]
                s1 += coef[i, j + 1] * coef[i, j + 1]
                a, b = fabs(gradient[i, j]), fabs(gradient[i, j + 1])
                g0 = a if a > g0 else g0
                g1 = b if b > g1 else g1
                j += 2
            if j < i:
                s0 += coef[i, j] * coef[i, j]
                a = fabs(gradient[i, j])
                g0 = a if a > g0 else g0
            squares[i] = s0 + s1
            largest[i] = g0 if g0 > g1 else g1
