from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint64_t

cdef void draw_lines(
    uint64_t[:, ::1] states, int32_t[:, ::1] bits, ptrdiff_t n_lines, ptrdiff_t stream_columns,
) noexcept nogil
