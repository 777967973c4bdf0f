"""Compiled kernels of the fully-visible sigmoid belief network; `reference` holds their definitions.

A kernel works on one row tile, uint8 of shape (n_groups_of_the_data, n_rows), and one block of
columns, int32 and ascending. Arrays named `tables`, `z` and `buckets` are float32 or float64 scratch
of the caller's; their last axis has LANES entries. Nothing is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint8_t

cdef extern from "src/fvsbn.h" nogil:
    enum: lanes_f32
    enum: lanes_f64
    ctypedef struct fvsbn_functions:
        void (*build_tables_f32)(const double*, ptrdiff_t, const int32_t*, ptrdiff_t, ptrdiff_t, float*) noexcept nogil
        void (*build_tables_f64)(const double*, ptrdiff_t, const int32_t*, ptrdiff_t, ptrdiff_t, double*) noexcept nogil
        void (*compute_logits_f32)(
            const uint8_t*, ptrdiff_t, const float*, ptrdiff_t, const double*, ptrdiff_t, float*) noexcept nogil
        void (*compute_logits_f64)(
            const uint8_t*, ptrdiff_t, const double*, ptrdiff_t, const double*, ptrdiff_t, double*) noexcept nogil
        void (*logits_to_terms_f32)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, float*) noexcept nogil
        void (*logits_to_terms_f64)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, double*) noexcept nogil
        void (*add_terms_f32)(const float*, ptrdiff_t, ptrdiff_t, double*) noexcept nogil
        void (*add_terms_f64)(const double*, ptrdiff_t, ptrdiff_t, double*) noexcept nogil
        void (*logits_to_residuals_f32)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, const double*, float*, double*) noexcept nogil
        void (*logits_to_residuals_f64)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, const double*, double*, double*) noexcept nogil
        void (*scatter_gradient_f32)(
            const uint8_t*, ptrdiff_t, const float*, const int32_t*, ptrdiff_t, ptrdiff_t, float*,
            double*, ptrdiff_t, double*) noexcept nogil
        void (*scatter_gradient_f64)(
            const uint8_t*, ptrdiff_t, const double*, const int32_t*, ptrdiff_t, ptrdiff_t, double*,
            double*, ptrdiff_t, double*) noexcept nogil
        void (*sample_group)(
            const double*, const double*, const double*, ptrdiff_t, int, int, uint8_t*) noexcept nogil
    const fvsbn_functions* fvsbn_of_level(int)

ctypedef fused real:
    float
    double

LANES = {"float32": lanes_f32, "float64": lanes_f64}
cdef const fvsbn_functions* functions = fvsbn_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = fvsbn_of_level(level)


def build_tables(const double[:, :] coef, const int32_t[::1] columns, real[:, :, ::1] tables):
    cdef ptrdiff_t n_groups = tables.shape[0], n_columns = columns.shape[0]
    cdef ptrdiff_t stride = coef.strides[0] // sizeof(double)
    if n_groups == 0:
        return
    with nogil:
        if real is float:
            functions.build_tables_f32(&coef[0, 0], stride, &columns[0], n_columns, n_groups, &tables[0, 0, 0])
        else:
            functions.build_tables_f64(&coef[0, 0], stride, &columns[0], n_columns, n_groups, &tables[0, 0, 0])


def compute_logits(
    const uint8_t[:, ::1] tile, const real[:, :, ::1] tables, const double[::1] intercept,
    real[:, ::1] z,
):
    cdef ptrdiff_t n_rows = tile.shape[1], n_groups = tables.shape[0]
    cdef ptrdiff_t n_columns = intercept.shape[0]
    cdef const real* first_table = NULL
    if n_groups > 0:
        first_table = &tables[0, 0, 0]
    with nogil:
        if real is float:
            functions.compute_logits_f32(
                &tile[0, 0], n_rows, first_table, n_groups, &intercept[0], n_columns, &z[0, 0])
        else:
            functions.compute_logits_f64(
                &tile[0, 0], n_rows, first_table, n_groups, &intercept[0], n_columns, &z[0, 0])


def logits_to_terms(const uint8_t[:, ::1] tile, const int32_t[::1] columns, real[:, ::1] z):
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = columns.shape[0]
    with nogil:
        if real is float:
            functions.logits_to_terms_f32(&tile[0, 0], n_rows, &columns[0], n_columns, &z[0, 0])
        else:
            functions.logits_to_terms_f64(&tile[0, 0], n_rows, &columns[0], n_columns, &z[0, 0])


def add_terms(const real[:, ::1] terms, ptrdiff_t n_columns, double[::1] total):
    cdef ptrdiff_t n_rows = total.shape[0]
    with nogil:
        if real is float:
            functions.add_terms_f32(&terms[0, 0], n_rows, n_columns, &total[0])
        else:
            functions.add_terms_f64(&terms[0, 0], n_rows, n_columns, &total[0])


def logits_to_residuals(
    const uint8_t[:, ::1] tile, const int32_t[::1] columns, const double[::1] weight,
    real[:, ::1] z, double[::1] value,
):
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = columns.shape[0]
    cdef const double* first_weight = NULL
    if weight is not None:
        first_weight = &weight[0]
    with nogil:
        if real is float:
            functions.logits_to_residuals_f32(
                &tile[0, 0], n_rows, &columns[0], n_columns, first_weight, &z[0, 0], &value[0])
        else:
            functions.logits_to_residuals_f64(
                &tile[0, 0], n_rows, &columns[0], n_columns, first_weight, &z[0, 0], &value[0])


def scatter_gradient(
    const uint8_t[:, ::1] tile, const real[:, ::1] residual, const int32_t[::1] columns,
    ptrdiff_t n_groups, real[:, ::1] buckets, double[:, :] grad_coef, double[::1] grad_intercept,
):
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = columns.shape[0]
    cdef ptrdiff_t stride = grad_coef.strides[0] // sizeof(double)
    cdef double* first_gradient = NULL
    if n_groups > 0:
        first_gradient = &grad_coef[0, 0]
    with nogil:
        if real is float:
            functions.scatter_gradient_f32(
                &tile[0, 0], n_rows, &residual[0, 0], &columns[0], n_columns, n_groups,
                &buckets[0, 0], first_gradient, stride, &grad_intercept[0])
        else:
            functions.scatter_gradient_f64(
                &tile[0, 0], n_rows, &residual[0, 0], &columns[0], n_columns, n_groups,
                &buckets[0, 0], first_gradient, stride, &grad_intercept[0])


def sample_group(
    const double[:, ::1] z, const double[:, ::1] weights, const double[:, ::1] uniform,
    int first_bit, int n_lanes, uint8_t[::1] group_bytes,
):
    cdef ptrdiff_t n_rows = group_bytes.shape[0]
    with nogil:
        functions.sample_group(
            &z[0, 0], &weights[0, 0], &uniform[0, 0], n_rows, first_bit, n_lanes, &group_bytes[0])
