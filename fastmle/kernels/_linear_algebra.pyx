"""Compiled kernels that SciPy's BLAS serves, without the GIL and without copies; see `reference`."""
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
