"""Compiled kernels that sum up values as they come; `summary_reference` holds their definitions.

A summary is a float64 array of SUMMARY_SIZE numbers, whose places SUMMARY_PLACES tells. Its digits are the
same at every instruction-set level. Nothing is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uintptr_t

cdef extern from "src/summaries.h" nogil:
    int c_tail_size "TAIL_SIZE"
    int c_summary_size "SUMMARY_SIZE"
    int SUMMARY_COUNT, SUMMARY_MEAN, SUMMARY_REST, SUMMARY_SQUARES, SUMMARY_CUBES, SUMMARY_MINIMUM
    int SUMMARY_MAXIMUM, SUMMARY_OTHERS, SUMMARY_UPPER_FLOOR, SUMMARY_LOWER_FLOOR
    int SUMMARY_UPPER_TAIL, SUMMARY_LOWER_TAIL
    ctypedef struct summaries_functions:
        int64_t (*summarize_values)(const double*, ptrdiff_t, ptrdiff_t, double*) noexcept nogil
        void (*merge_summaries)(double*, const double*) noexcept nogil
    const summaries_functions* summaries_of_level(int)

TAIL_SIZE = c_tail_size
SUMMARY_SIZE = c_summary_size
SUMMARY_PLACES = {
    "count": SUMMARY_COUNT,
    "mean": SUMMARY_MEAN,
    "rest": SUMMARY_REST,
    "squares": SUMMARY_SQUARES,
    "cubes": SUMMARY_CUBES,
    "minimum": SUMMARY_MINIMUM,
    "maximum": SUMMARY_MAXIMUM,
    "others": SUMMARY_OTHERS,
    "upper_floor": SUMMARY_UPPER_FLOOR,
    "lower_floor": SUMMARY_LOWER_FLOOR,
    "upper_tail": slice(SUMMARY_UPPER_TAIL, SUMMARY_UPPER_TAIL + c_tail_size),
    "lower_tail": slice(SUMMARY_LOWER_TAIL, SUMMARY_LOWER_TAIL + c_tail_size),
}

cdef const summaries_functions* functions = summaries_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = summaries_of_level(level)


cdef int64_t summarize_for_others(
    const double* values, ptrdiff_t n_values, ptrdiff_t stride, double* summary,
) noexcept nogil:
    return functions.summarize_values(values, n_values, stride, summary)


def summary_address():
    """Return the address of ``int64_t summarize(const double *values, ptrdiff_t n_values, ptrdiff_t
    stride, double *summary)``, with the stride in numbers: `summarize_values` for compiled callers. It
    stays the same when another level is chosen, and needs no GIL.
    """
    return <uintptr_t>&summarize_for_others


def summarize_values(const double[:] values, double[::1] summary):
    """Add values to a summary; return -1, or the place of the first that is not finite, and change nothing.
    """
    cdef int64_t found
    if values.shape[0] == 0:
        return -1
    with nogil:
        found = functions.summarize_values(
            &values[0], values.shape[0], values.strides[0] // <ptrdiff_t>sizeof(double), &summary[0])
    return found


def merge_summaries(double[::1] into, const double[::1] other):
    """Add what another summary holds to a summary."""
    with nogil:
        functions.merge_summaries(&into[0], &other[0])
