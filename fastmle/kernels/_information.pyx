"""Compiled kernel of entropies and divergences; `information_reference` holds its definition.

Nothing is validated here: what would tell that entries are wrong is among the results.
"""
from cpython.buffer cimport PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stddef cimport ptrdiff_t

cdef extern from "src/information.h" nogil:
    enum:
        INFORMATION_MEASURE, INFORMATION_ENTROPY, INFORMATION_CROSS_ENTROPY, INFORMATION_KL, INFORMATION_JS
        INFORMATION_JEFFREYS, INFORMATION_RENYI, INFORMATION_TOTAL_VARIATION, INFORMATION_HELLINGER
        INFORMATION_CODE_LENGTH
    int INFORMATION_RESULTS, SETTINGS, INFORMATION_LOG, INFORMATION_OMIT
    ctypedef struct information_row:
        const char* values
        ptrdiff_t stride
        int is_single
    ctypedef struct information_functions:
        void (*sum_row)(
            int, int, information_row, information_row, ptrdiff_t, const double*, double*) noexcept nogil
        void (*inform_pairs)(double, double, const double*, ptrdiff_t, double*) noexcept nogil
    const information_functions* information_of_level(int)

SUM_KINDS = {
    "measure": INFORMATION_MEASURE,
    "entropy": INFORMATION_ENTROPY,
    "cross_entropy": INFORMATION_CROSS_ENTROPY,
    "kl": INFORMATION_KL,
    "js": INFORMATION_JS,
    "jeffreys": INFORMATION_JEFFREYS,
    "renyi": INFORMATION_RENYI,
    "total_variation": INFORMATION_TOTAL_VARIATION,
    "hellinger": INFORMATION_HELLINGER,
    "code_length": INFORMATION_CODE_LENGTH,
}
SUM_RESULTS = INFORMATION_RESULTS
SUM_SETTINGS = SETTINGS

cdef const information_functions* functions = information_of_level(0)


def set_level(int level):
    """Let the kernel of this module use the instruction set of that level, an available one."""
    global functions
    functions = information_of_level(level)


def sum_probabilities(int kind, bint log, bint omit, p, q, settings, results):
    """Sum up the terms of rows of probabilities, or of one row each: (n_rows, n_entries) or (n_entries,).

    `p` and `q` are float32 or float64 of any strides; `settings` (perhaps one line for all, broadcast) and
    `results` are float64 arrays with one contiguous line a row.
    """
    cdef Py_buffer of_p, of_q, of_settings, of_results
    cdef information_row row_p, row_q
    cdef ptrdiff_t n_rows = 1, n_entries, row, step_p = 0, step_q = 0
    cdef int flags = (INFORMATION_LOG if log else 0) | (INFORMATION_OMIT if omit else 0)
    PyObject_GetBuffer(p, &of_p, PyBUF_STRIDES)
    try:
        PyObject_GetBuffer(q, &of_q, PyBUF_STRIDES)
        try:
            PyObject_GetBuffer(settings, &of_settings, PyBUF_STRIDES)
            try:
                PyObject_GetBuffer(results, &of_results, PyBUF_STRIDES | PyBUF_WRITABLE)
                try:
                    row_p.values, row_q.values = <const char*>of_p.buf, <const char*>of_q.buf
                    row_p.stride, row_q.stride = of_p.strides[of_p.ndim - 1], of_q.strides[of_p.ndim - 1]
                    row_p.is_single, row_q.is_single = of_p.itemsize == 4, of_q.itemsize == 4
                    n_entries = of_p.shape[of_p.ndim - 1]
                    if of_p.ndim == 2:
                        n_rows, step_p, step_q = of_p.shape[0], of_p.strides[0], of_q.strides[0]
                    with nogil:
                        for row in range(n_rows):
                            functions.sum_row(
                                kind, flags, row_p, row_q, n_entries,
                                <const double*>(<const char*>of_settings.buf + row * of_settings.strides[0]),
                                <double*>of_results.buf + row * INFORMATION_RESULTS)
                            row_p.values += step_p
                            row_q.values += step_q
                finally:
                    PyBuffer_Release(&of_results)
            finally:
                PyBuffer_Release(&of_settings)
        finally:
            PyBuffer_Release(&of_q)
    finally:
        PyBuffer_Release(&of_p)


def inform_pairs(const double[::1] row_ones, const double[::1] ones, double total, double[:, ::1] values):
    """Replace the numbers of rows that are ones in two columns by the mutual information of these."""
    cdef ptrdiff_t row
    if values.shape[0] == 0 or values.shape[1] == 0:
        return
    with nogil:
        for row in range(values.shape[0]):
            functions.inform_pairs(row_ones[row], total, &ones[0], values.shape[1], &values[row, 0])
