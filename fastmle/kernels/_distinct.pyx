"""Compiled kernels that find equal rows by their hashes; `reference` holds their definitions."""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint16_t, uint64_t
from libc.string cimport memcmp

cdef extern from *:
    """
    /* A slot of a hash table has the number of a row in its lower bits, and above it those of the row's hash. */
    #define NUMBER ((UINT64_C(1) << 40) - 1)
    #define EMPTY UINT64_MAX
    """
    const uint64_t NUMBER, EMPTY
    int lowest_bit "__builtin_ctzll"(unsigned long long) noexcept nogil

cdef struct row_table:
    const uint64_t* hashes
    const uint64_t* words
    ptrdiff_t n_words
    double* weight
    uint64_t* slots
    uint64_t mask


def merge_rows(
    const uint64_t[::1] hashes, const uint64_t[:, ::1] words, const int64_t[:, ::1] bounds, ptrdiff_t first,
    ptrdiff_t last, uint64_t[::1] slots, double[::1] weight,
):
    """Add the weight of each row to that of the first equal row of its bucket, and clear its own.

    `slots` is scratch: at least twice the number of rows of any bucket, rounded up to a power of two. Returns
    how many rows keep a weight.
    """
    cdef ptrdiff_t n_runs = bounds.shape[0], n_left = 0, bucket, run
    cdef uint64_t n_rows, size, k
    cdef row_table table
    if hashes.shape[0] == 0:
        return 0
    table.hashes = &hashes[0]
    table.n_words = words.shape[1]
    table.words = &words[0, 0] if table.n_words else NULL
    table.weight = &weight[0]
    table.slots = &slots[0]
    with nogil:
        for bucket in range(first, last):
            n_rows = 0
            for run in range(n_runs):
                n_rows += <uint64_t>(bounds[run, bucket + 1] - bounds[run, bucket])
            size = 1
            while size < 2 * n_rows:
                size *= 2
            for k in range(size):
                table.slots[k] = EMPTY
            table.mask = size - 1
            for run in range(n_runs):
                n_left += merge_range(table, bounds[run, bucket], bounds[run, bucket + 1])
    return n_left


cdef ptrdiff_t merge_range(row_table table, int64_t start, int64_t stop) noexcept nogil:
    """Merge the rows start <= r < stop with those in the table; return how many of them join these."""
    cdef ptrdiff_t n_new = 0
    cdef int64_t row, other
    cdef uint64_t hash, slot, k
    for row in range(start, stop):
        if table.weight[row] == 0:
            continue
        hash = table.hashes[row]
        k = hash & table.mask
        while True:
            slot = table.slots[k]
            if slot == EMPTY:
                table.slots[k] = (hash & ~NUMBER) | <uint64_t>row
                n_new += 1
                break
            if (slot ^ hash) <= NUMBER:
                other = <int64_t>(slot & NUMBER)
                if table.hashes[other] == hash and are_equal(table, row, other):
                    table.weight[other] += table.weight[row]
                    table.weight[row] = 0
                    break
            k = (k + 1) & table.mask
    return n_new


cdef inline bint are_equal(row_table table, int64_t row, int64_t other) noexcept nogil:
    cdef ptrdiff_t n = table.n_words
    return n == 0 or memcmp(table.words + n * row, table.words + n * other, n * sizeof(uint64_t)) == 0


def sort_rows(
    const uint64_t[::1] hashes, const double[::1] weight, int shift, uint16_t[::1] kept, int64_t[::1] bounds,
    uint16_t[::1] places, uint64_t[::1] sorted_hashes, double[::1] sorted_weight,
):
    """Sort the rows of positive weight by bucket, hash >> shift; `kept` is scratch, an entry a row."""
    cdef ptrdiff_t n_rows = hashes.shape[0], n_buckets = bounds.shape[0] - 1, n_kept = 0, row, k
    cdef int64_t count, total = 0
    if places.shape[0] == 0:
        bounds[:] = 0
        return
    # Pointers: the compiler cannot know that the views stay where they are while it writes into them.
    cdef const uint64_t* hash_of = &hashes[0]
    cdef const double* weight_of = &weight[0]
    cdef uint16_t* keep = &kept[0]
    cdef uint16_t* place = &places[0]
    cdef int64_t* bound = &bounds[0]
    cdef int64_t* bucket
    with nogil:
        if places.shape[0] == n_rows:
            for row in range(n_rows):
                keep[row] = <uint16_t>row
            n_kept = n_rows
        else:
            for row in range(n_rows):
                keep[n_kept] = <uint16_t>row
                n_kept += weight_of[row] > 0
        for k in range(n_buckets + 1):
            bound[k] = 0
        for k in range(n_kept):
            bound[hash_of[keep[k]] >> shift] += 1
        for k in range(n_buckets):
            count = bound[k]
            bound[k] = total
            total += count
        for k in range(n_kept):
            bucket = &bound[hash_of[keep[k]] >> shift]
            place[bucket[0]] = keep[k]
            bucket[0] += 1
        for k in range(n_buckets, 0, -1):  # each begins where the one before it has ended
            bound[k] = bound[k - 1]
        bound[0] = 0
        for k in range(n_kept):
            sorted_hashes[k] = hash_of[place[k]]
        for k in range(n_kept):
            sorted_weight[k] = weight_of[place[k]]


def restore_order(
    const uint16_t[::1] places, const double[::1] weight, int64_t start, uint64_t[::1] marks,
    uint16_t[::1] entries, int64_t[::1] rows, double[::1] ordered,
):
    """Write the numbers of the rows of positive weight, start + place, ascending, and their weights.

    `marks` and `entries` are scratch, a bit and an entry a place.
    """
    cdef ptrdiff_t k, place, n = 0
    cdef uint64_t mark
    with nogil:
        for k in range(marks.shape[0]):
            marks[k] = 0
        for k in range(places.shape[0]):
            entries[places[k]] = <uint16_t>k
            marks[places[k] >> 6] |= <uint64_t>(weight[k] > 0) << (places[k] & 63)
        for k in range(marks.shape[0]):
            mark = marks[k]
            while mark:
                place = 64 * k + lowest_bit(mark)
                rows[n] = start + place
                ordered[n] = weight[entries[place]]
                n += 1
                mark &= mark - 1
