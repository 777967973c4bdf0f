"""Compiled kernels that pack, unpack and count bits; `reference` holds their definitions.

A tile is uint8 of shape (n_groups, n_rows): variable 8 g + h of row r is bit h of tile[g, r].
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "src/bits.h" nogil:
    uint8_t gather_bits(uint64_t)
    void c_column_words "column_words"(const uint8_t*, ptrdiff_t, ptrdiff_t, uint64_t*)
    int64_t count_common(const uint64_t*, const uint64_t*, ptrdiff_t)

ctypedef fused value:
    uint8_t
    uint16_t
    uint32_t
    uint64_t
    float
    double

ctypedef fused index:
    int32_t
    int64_t



def pack_rows(const value[:, :] rows, uint8_t[:, ::1] tile):
    """Return 1 if every value was 0 or 1, else 0 (the tile's content is then meaningless)."""
    cdef ptrdiff_t n_rows = rows.shape[0], n_columns = rows.shape[1]
    cdef ptrdiff_t n_groups = tile.shape[0], start, stop, r, g, j, width
    cdef bint contiguous = rows.strides[1] == sizeof(value)
    cdef uint64_t eight, wrong = 0
    cdef uint8_t byte
    cdef bint one
    cdef value v
    with nogil:
        start = 0
        while start < n_rows:
            stop = start + 64 if start + 64 < n_rows else n_rows
            for g in range(n_groups):
                width = n_columns - 8 * g if n_columns - 8 * g < 8 else 8
                if value is uint8_t:
                    if contiguous and width == 8:
                        for r in range(start, stop):
                            memcpy(&eight, &rows[r, 8 * g], 8)
                            wrong |= eight
                            tile[g, r] = gather_bits(eight)
                        continue
                for r in range(start, stop):
                    byte = 0
                    for j in range(width):
                        v = rows[r, 8 * g + j]
                        one = v == 1
                        byte |= <uint8_t>(one << j)
                        wrong |= <uint64_t>((not one and v != 0) << 1)
                    tile[g, r] = byte
            start = stop
    return not wrong & <uint64_t>0xFEFEFEFEFEFEFEFE


def pack_sparse_rows(const index[::1] indptr, const index[::1] indices, uint8_t[:, ::1] tile):
    """Set bit indices[k] of row r for indptr[r] <= k < indptr[r + 1]; the tile starts as zeros."""
    cdef ptrdiff_t n_rows = tile.shape[1], r
    cdef index k, j
    with nogil:
        for r in range(n_rows):
            for k in range(indptr[r], indptr[r + 1]):
                j = indices[k]
                tile[j >> 3, r] |= <uint8_t>(1 << (j & 7))


def unpack_rows(const uint8_t[:, ::1] tile, uint8_t[:, ::1] rows):
    cdef ptrdiff_t n_rows = rows.shape[0], n_columns = rows.shape[1]
    cdef ptrdiff_t start = 0, stop, r, j
    with nogil:
        while start < n_rows:
            stop = start + 64 if start + 64 < n_rows else n_rows
            for r in range(start, stop):
                for j in range(n_columns):
                    rows[r, j] = (tile[j >> 3, r] >> (j & 7)) & 1
            start = stop


def count_columns(const uint8_t[:, ::1] tile, int64_t[::1] counts):
    """Add the number of ones of every column to counts."""
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = counts.shape[0], g, r, j
    cdef int64_t histogram[256]
    cdef int v
    with nogil:
        for g in range(tile.shape[0]):
            memset(histogram, 0, sizeof(histogram))
            for r in range(n_rows):
                histogram[tile[g, r]] += 1
            for j in range(8 * g, n_columns if n_columns < 8 * g + 8 else 8 * g + 8):
                for v in range(256):
                    if (v >> (j & 7)) & 1:
                        counts[j] += histogram[v]


def sum_columns(const uint8_t[:, ::1] tile, const double[::1] weight, double[::1] sums):
    """Add the weights of the rows in which a column is one to sums."""
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = sums.shape[0], g, r, j
    cdef double histogram[256]
    cdef int v
    with nogil:
        for g in range(tile.shape[0]):
            memset(histogram, 0, sizeof(histogram))
            for r in range(n_rows):
                histogram[tile[g, r]] += weight[r]
            for j in range(8 * g, n_columns if n_columns < 8 * g + 8 else 8 * g + 8):
                for v in range(256):
                    if (v >> (j & 7)) & 1:
                        sums[j] += histogram[v]


def column_words(const uint8_t[:, ::1] tile, uint64_t[:, ::1] words):
    """Fill words, (n_columns, ceil(n_rows / 64)), with the bits of each column; bit k is row k."""
    with nogil:
        c_column_words(&tile[0, 0], tile.shape[1], words.shape[0], &words[0, 0])


def count_pairs(
    const uint64_t[:, ::1] words, ptrdiff_t first, ptrdiff_t last, int64_t[:, ::1] counts,
):
    """Add the co-occurrences of columns first <= i < last with columns j <= i to counts[i, j]."""
    cdef ptrdiff_t n_words = words.shape[1], i, j
    with nogil:
        for i in range(first, last):
            for j in range(i + 1):
                counts[i, j] += count_common(&words[i, 0], &words[j, 0], n_words)
