"""Compiled kernels that pack, unpack and count bits; `reference` holds their definitions.

A tile is uint8 of shape (n_groups, n_rows): variable 8 g + h of row r is bit h of tile[g, r]. Nothing
is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    void prefetch "__builtin_prefetch" (const void*) noexcept nogil

cdef extern from "src/bits.h" nogil:
    ctypedef struct bits_table:
        const uint8_t* start
        ptrdiff_t row_stride, column_stride, n_rows, n_columns
        int size
        uint64_t one, sign
    ctypedef struct bits_functions:
        bint (*pack_rows)(const bits_table*, uint8_t*) noexcept nogil
        void (*unpack_rows)(const uint8_t*, ptrdiff_t, ptrdiff_t, uint8_t*) noexcept nogil
        void (*take_columns)(const uint8_t*, ptrdiff_t, const int64_t*, ptrdiff_t, uint8_t*) noexcept nogil
        void (*count_columns)(const uint8_t*, ptrdiff_t, ptrdiff_t, int64_t*) noexcept nogil
        void (*sum_columns)(const uint8_t*, ptrdiff_t, ptrdiff_t, const double*, double*) noexcept nogil
        void (*column_words)(const uint8_t*, ptrdiff_t, ptrdiff_t, uint64_t*, ptrdiff_t) noexcept nogil
        void (*count_pairs)(
            const uint64_t*, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, int64_t*) noexcept nogil
        void (*weigh_pairs)(
            const uint8_t*, ptrdiff_t, ptrdiff_t, const double*, ptrdiff_t, int32_t*, double*, double*,
            double*) noexcept nogil
        void (*hash_rows)(
            const uint8_t*, ptrdiff_t, ptrdiff_t, ptrdiff_t, uint64_t*, uint64_t*) noexcept nogil
    const bits_functions* bits_of_level(int)

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

cdef const bits_functions* functions = bits_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = bits_of_level(level)


def pack_rows(const value[:, :] rows, uint8_t[:, ::1] tile):
    """Return whether every value was 0 or 1; if not, the tile's content is meaningless."""
    cdef bits_table table
    if rows.shape[0] == 0 or rows.shape[1] == 0:
        return True
    table.start = <const uint8_t*>&rows[0, 0]
    table.row_stride = rows.strides[0]
    table.column_stride = rows.strides[1]
    table.n_rows = rows.shape[0]
    table.n_columns = rows.shape[1]
    table.size = sizeof(value)
    if value is float:
        table.one = <uint64_t>0x3F800000
        table.sign = <uint64_t>0x80000000
    elif value is double:
        table.one = <uint64_t>0x3FF0000000000000
        table.sign = <uint64_t>0x8000000000000000
    else:
        table.one = 1
        table.sign = 0
    cdef bint good
    with nogil:
        good = functions.pack_rows(&table, &tile[0, 0])
    return good


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
    if rows.shape[0] == 0 or rows.shape[1] == 0:
        return
    with nogil:
        functions.unpack_rows(&tile[0, 0], rows.shape[0], rows.shape[1], &rows[0, 0])


def take_columns(const uint8_t[:, ::1] tile, const int64_t[::1] columns, uint8_t[:, ::1] taken):
    """Fill taken with the given columns of the tile."""
    if tile.shape[1] == 0 or columns.shape[0] == 0:
        return
    with nogil:
        functions.take_columns(&tile[0, 0], tile.shape[1], &columns[0], columns.shape[0], &taken[0, 0])


def take_rows(
    const uint8_t[::1] tiles, ptrdiff_t height, const index[::1] rows, uint8_t[::1] taken,
    ptrdiff_t taken_height, int64_t[::1] places,
):
    """Fill taken with the given rows of the tiles.

    Both are tiles one after the other, each of so many rows but the last one, which has what is left. places
    is scratch, one number a row.
    """
    cdef ptrdiff_t n_taken = rows.shape[0], n_groups, n_rows, last, left, step, g, k, r, start, stop
    cdef int64_t place
    cdef uint8_t* run
    if n_taken == 0 or taken.shape[0] == 0:
        return
    n_groups = taken.shape[0] // n_taken
    n_rows = tiles.shape[0] // n_groups
    last = n_rows // height * height
    left = n_rows - last
    with nogil:
        for k in range(n_taken):
            r = rows[k]
            start = r // height * height
            places[k] = start * n_groups + (r - start)
        # Group by group: the bytes of one group are few enough to stay in the cache, those of all are not.
        for g in range(n_groups):
            start = 0
            while start < n_taken:
                stop = min(start + taken_height, n_taken)
                run = &taken[start * n_groups + g * (stop - start)]
                for k in range(start, stop):
                    place = places[k]
                    step = height if place < last * n_groups else left
                    place += g * step
                    run[k - start] = tiles[place]
                    prefetch(&tiles[0] + place + step)  # for the next group, which would wait for memory
                start = stop


def count_columns(const uint8_t[:, ::1] tile, int64_t[::1] counts):
    """Add the number of ones of every column to counts."""
    if tile.shape[1] == 0 or counts.shape[0] == 0:
        return
    with nogil:
        functions.count_columns(&tile[0, 0], tile.shape[1], counts.shape[0], &counts[0])


def sum_columns(const uint8_t[:, ::1] tile, const double[::1] weight, double[::1] sums):
    """Add the weights of the rows in which a column is one to sums."""
    if tile.shape[1] == 0 or sums.shape[0] == 0:
        return
    with nogil:
        functions.sum_columns(&tile[0, 0], tile.shape[1], sums.shape[0], &weight[0], &sums[0])


def column_words(const uint8_t[:, ::1] tile, uint64_t[:, :] words):
    """Fill words, (n_columns, ceil(n_rows / 64)), with the bits of each column; bit k is row k."""
    if words.shape[0] == 0 or words.shape[1] == 0:
        return
    with nogil:
        functions.column_words(
            &tile[0, 0], tile.shape[1], words.shape[0], &words[0, 0], words.strides[0] // sizeof(uint64_t))


def count_pairs(
    const uint64_t[:, ::1] words, ptrdiff_t first, ptrdiff_t last, int64_t[:, ::1] counts,
):
    """Add the co-occurrences of columns first <= i < last with columns j <= i to counts, twice."""
    if words.shape[0] == 0 or words.shape[1] == 0:
        return
    with nogil:
        functions.count_pairs(&words[0, 0], words.shape[1], words.shape[0], first, last, &counts[0, 0])


def weigh_pairs(
    const uint8_t[:, ::1] tile, const double[::1] weight, ptrdiff_t group, int32_t[::1] rows,
    double[:, ::1] lines, double[:, ::1] buckets, double[:, ::1] sums,
):
    """Add the weights of the rows in which a column of the group and a column j <= i are one, twice."""
    if tile.shape[1] == 0:
        return
    with nogil:
        functions.weigh_pairs(
            &tile[0, 0], tile.shape[1], sums.shape[0], &weight[0], group, &rows[0], &lines[0, 0],
            &buckets[0, 0], &sums[0, 0])


def hash_rows(const uint8_t[::1] tiles, ptrdiff_t height, uint64_t[:, ::1] words, uint64_t[::1] hashes):
    """Write the bytes of each row, eight a word, unless words has no columns, and a hash of them.

    Tiles have `height` rows each; the last may be shorter.
    """
    cdef ptrdiff_t n_rows = hashes.shape[0]
    cdef uint64_t* out = NULL
    if tiles.shape[0] == 0:
        hashes[:] = 0
        return
    if words.shape[1] > 0:
        out = &words[0, 0]
    with nogil:
        functions.hash_rows(&tiles[0], height, n_rows, tiles.shape[0] // n_rows, out, &hashes[0])
