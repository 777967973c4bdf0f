"""Compiled kernels of the fully-visible sigmoid belief network; `reference` holds their definitions.

A kernel works on one row tile, uint8 of shape (n_groups_of_the_data, n_rows), or on some of a table's, and
on one block of at most LANES columns, int32 and ascending; kernels that take `starts` and `bits` work on two
such blocks, the first one full. `scratch`, float32 or float64, has the precision of the computation: lines of
LANES numbers, of which the last are the logits of a tile's rows, and before them at least SCRATCH_LINES, and
LISTED_LINES a group besides where lists of set bits are given. It should begin at a multiple of 64 bytes.
`starts` and `bits`, made by `list_set_bits`, take the place of the tile's bytes in the sums, where rows are
sparse. `n_summed` is the number of rows whose residuals add up in the scratch memory's precision before they
go on in float64. Nothing is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from ._random cimport draw_lines

cdef extern from *:
    int64_t fetch_decreased "__atomic_sub_fetch" (int64_t*, int64_t, int) noexcept nogil
    enum: RELAXED "__ATOMIC_RELAXED"

cdef extern from "src/fvsbn.h" nogil:
    enum: lanes_f32
    enum: lanes_f64
    enum: fvsbn_table_lines
    enum: fvsbn_listed_lines
    enum: LISTED_BIT
    enum: c_listed_rows "LISTED_ROWS"
    enum: c_listing_slack "LISTING_SLACK"
    enum: RUN
    ctypedef struct fvsbn_rows:
        const uint8_t* tile
        ptrdiff_t n_rows
        const uint16_t* bits
        const int32_t* starts
        ptrdiff_t n_summed
    ctypedef struct fvsbn_columns:
        const uint8_t* tile
        ptrdiff_t n_rows
        const uint16_t* rows
        const int32_t* starts
        ptrdiff_t n_variables
    ctypedef struct fvsbn_functions:
        void (*compute_logits_f32)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            float*, float*) noexcept nogil
        void (*logits_to_terms_f32)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, float*) noexcept nogil
        void (*add_log_likelihood_f32)(
            const fvsbn_rows*, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            float*, float*, double*) noexcept nogil
        void (*add_gradient_f32)(
            const fvsbn_rows*, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            const double*, float*, float*, double*, double*, ptrdiff_t, double*) noexcept nogil
        void (*compute_logits_f64)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            double*, double*) noexcept nogil
        void (*logits_to_terms_f64)(
            const uint8_t*, ptrdiff_t, const int32_t*, ptrdiff_t, double*) noexcept nogil
        void (*add_log_likelihood_f64)(
            const fvsbn_rows*, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            double*, double*, double*) noexcept nogil
        void (*add_gradient_f64)(
            const fvsbn_rows*, const int32_t*, ptrdiff_t, const double*, ptrdiff_t, ptrdiff_t, const double*,
            const double*, double*, double*, double*, double*, ptrdiff_t, double*) noexcept nogil
        void (*list_set_bits)(const uint8_t*, ptrdiff_t, ptrdiff_t, int32_t*, uint16_t*) noexcept nogil
        void (*list_rows)(const uint8_t*, ptrdiff_t, ptrdiff_t, int32_t*, uint16_t*) noexcept nogil
        void (*compute_gradient_in_lines)(
            const fvsbn_columns*, ptrdiff_t, int64_t*, const int64_t*, const float*, const double*, float*, double*,
            float*) noexcept nogil
        void (*sample_block)(
            uint8_t*, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, const double*, ptrdiff_t, const double*,
            const int32_t*, float*, float*) noexcept nogil
    const fvsbn_functions* fvsbn_of_level(int)

ctypedef fused real:
    float
    double

LANES = {"float32": lanes_f32, "float64": lanes_f64}
SCRATCH_LINES = 8 * fvsbn_table_lines  # four tables, and buckets for four groups
LISTED_LINES = fvsbn_listed_lines
MAX_LISTED = LISTED_BIT + 1  # lists of set bits are for fewer columns than this
LISTED_RUN = RUN  # rows of a run, for which `list_rows` lists the rows of every variable
LISTED_ROWS = c_listed_rows  # what the lengths of these lists are multiples of
LISTING_SLACK = c_listing_slack  # how far beyond their end the memory of these lists must reach

cdef const fvsbn_functions* functions = fvsbn_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = fvsbn_of_level(level)


cdef inline const double* first_weight(const double[:, :] coef) noexcept nogil:
    # Independent columns have no weights, and an empty array no first entry.
    return &coef[0, 0] if coef.shape[1] > 0 else NULL


cdef inline ptrdiff_t count_groups(const int32_t[::1] columns, const double[:, :] coef) noexcept nogil:
    # The groups in which the block's last column has predecessors.
    cdef ptrdiff_t last = columns[columns.shape[0] - 1]
    return ((last if last < coef.shape[1] else coef.shape[1]) + 7) // 8


cdef inline fvsbn_rows rows_of(
    const uint8_t[:, ::1] tile, const int32_t[::1] starts, const uint16_t[::1] bits,
) noexcept nogil:
    cdef fvsbn_rows rows
    rows.tile, rows.n_rows, rows.bits, rows.starts = &tile[0, 0], tile.shape[1], NULL, NULL
    rows.n_summed = tile.shape[1]
    if starts is not None:
        rows.bits, rows.starts = &bits[0], &starts[0]
    return rows


def compute_logits(
    const uint8_t[:, ::1] tile, const int32_t[::1] columns, const double[:, :] coef,
    const double[::1] intercept, real[:, ::1] scratch,
):
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = columns.shape[0]
    cdef ptrdiff_t stride = coef.strides[0] // sizeof(double), n_groups = count_groups(columns, coef)
    cdef real* z = &scratch[scratch.shape[0] - n_rows, 0]
    with nogil:
        if real is float:
            functions.compute_logits_f32(
                &tile[0, 0], n_rows, &columns[0], n_columns, first_weight(coef), stride, n_groups, &intercept[0],
                &scratch[0, 0], z)
        else:
            functions.compute_logits_f64(
                &tile[0, 0], n_rows, &columns[0], n_columns, first_weight(coef), stride, n_groups, &intercept[0],
                &scratch[0, 0], z)


def logits_to_terms(const uint8_t[:, ::1] tile, const int32_t[::1] columns, real[:, ::1] scratch):
    cdef ptrdiff_t n_rows = tile.shape[1]
    cdef real* z = &scratch[scratch.shape[0] - n_rows, 0]
    with nogil:
        if real is float:
            functions.logits_to_terms_f32(&tile[0, 0], n_rows, &columns[0], columns.shape[0], z)
        else:
            functions.logits_to_terms_f64(&tile[0, 0], n_rows, &columns[0], columns.shape[0], z)


def add_log_likelihood(
    const uint8_t[:, ::1] tile, const int32_t[::1] columns, const double[:, :] coef,
    const double[::1] intercept, real[:, ::1] scratch, double[::1] total,
    const int32_t[::1] starts=None, const uint16_t[::1] bits=None,
):
    cdef fvsbn_rows rows = rows_of(tile, starts, bits)
    cdef ptrdiff_t n_columns = columns.shape[0]
    cdef ptrdiff_t stride = coef.strides[0] // sizeof(double), n_groups = count_groups(columns, coef)
    cdef real* z = &scratch[scratch.shape[0] - rows.n_rows, 0]
    with nogil:
        if real is float:
            functions.add_log_likelihood_f32(
                &rows, &columns[0], n_columns, first_weight(coef), stride, n_groups, &intercept[0],
                &scratch[0, 0], z, &total[0])
        else:
            functions.add_log_likelihood_f64(
                &rows, &columns[0], n_columns, first_weight(coef), stride, n_groups, &intercept[0],
                &scratch[0, 0], z, &total[0])


def add_gradient(
    const uint8_t[::1] tiles, ptrdiff_t height, ptrdiff_t n_rows, const int32_t[::1] columns,
    const double[:, :] coef, const double[::1] intercept, const double[::1] weight, real[:, ::1] scratch,
    const int64_t[:, ::1] units, int64_t[::1] n_left, ptrdiff_t n_taken, double[:, ::1] value,
    double[:, :, :] grad_coef, double[:, ::1] grad_intercept, const int32_t[:, ::1] starts=None,
    const uint16_t[::1] bits=None, ptrdiff_t first_listed=0, ptrdiff_t n_summed=4096,
):
    """Work through some of the first n_left[0] units, from the last on; calls from several threads share them.

    A call takes n_taken units at most. n_left[0] is counted down, and may end below 0. A unit is (part, first
    tile, stop tile, first column, stop column, listed, fresh): the block of columns in those tiles, which goes to
    a part of the results, clear before if it is fresh. If it is listed, the set bits of tile t begin at
    starts[t - first_listed].
    """
    cdef ptrdiff_t n_groups = tiles.shape[0] // n_rows, stride = coef.strides[0] // sizeof(double)
    cdef ptrdiff_t grad_stride = grad_coef.strides[1] // sizeof(double), width = grad_coef.shape[2]
    cdef real* z = &scratch[scratch.shape[0] - min(height, n_rows), 0]
    cdef fvsbn_rows rows
    cdef ptrdiff_t unit, part, tile, first, n_columns, n_used, lane
    cdef const double* row_weight
    cdef double* first_gradient
    rows.n_summed = n_summed
    with nogil:
        while n_taken > 0:
            n_taken -= 1
            unit = <ptrdiff_t>fetch_decreased(&n_left[0], 1, RELAXED)
            if unit < 0:
                break
            part, first, n_columns = units[unit, 0], units[unit, 3], units[unit, 4] - units[unit, 3]
            n_used = count_groups(columns[first:first + n_columns], coef)
            first_gradient = &grad_coef[part, first, 0] if width > 0 else NULL
            if units[unit, 6]:
                for lane in range(n_columns if width > 0 else 0):
                    memset(first_gradient + lane * grad_stride, 0, width * sizeof(double))
            for tile in range(units[unit, 1], units[unit, 2]):
                rows.tile, rows.n_rows = &tiles[tile * height * n_groups], min(height, n_rows - tile * height)
                rows.bits, rows.starts = NULL, NULL
                if units[unit, 5]:
                    rows.bits, rows.starts = &bits[0], &starts[tile - first_listed, 0]
                row_weight = &weight[tile * height] if weight is not None else NULL
                if real is float:
                    functions.add_gradient_f32(
                        &rows, &columns[first], n_columns, first_weight(coef[first:]), stride, n_used,
                        &intercept[first], row_weight, &scratch[0, 0], z, &value[part, first], first_gradient,
                        grad_stride, &grad_intercept[part, first])
                else:
                    functions.add_gradient_f64(
                        &rows, &columns[first], n_columns, first_weight(coef[first:]), stride, n_used,
                        &intercept[first], row_weight, &scratch[0, 0], z, &value[part, first], first_gradient,
                        grad_stride, &grad_intercept[part, first])


def compute_gradient_in_lines(
    const uint8_t[:, ::1] tile, const float[::1] parameters, const int64_t[::1] places, int64_t[::1] n_left,
    const double[::1] weight, float[:, ::1] scratch, double[::1] value, float[::1] gradient,
    const int32_t[::1] starts, const uint16_t[::1] rows,
):
    """The value and gradient of pairs of blocks, see `fastmle.lines`; calls from several threads share them.

    The first n_left[0] pairs are to be done; it is counted down, and may end below 0. The lists are those of
    `list_rows`, and scratch has two lines a row of a run, and two more.
    """
    cdef fvsbn_columns listed = fvsbn_columns(&tile[0, 0], tile.shape[1], &rows[0], &starts[0], 0)
    listed.n_variables = (starts.shape[0] - 1) // ((tile.shape[1] + RUN - 1) // RUN)
    with nogil:
        functions.compute_gradient_in_lines(
            &listed, value.shape[0], &n_left[0], &places[0], &parameters[0],
            &weight[0] if weight is not None else NULL, &scratch[0, 0], &value[0], &gradient[0])


def list_set_bits(const uint8_t[:, ::1] tile, int32_t[::1] starts, uint16_t[::1] bits):
    with nogil:
        functions.list_set_bits(&tile[0, 0], tile.shape[1], tile.shape[0], &starts[0], &bits[0])


def list_rows(const uint8_t[:, ::1] tile, int32_t[::1] starts, uint16_t[::1] rows):
    with nogil:
        functions.list_rows(&tile[0, 0], tile.shape[1], tile.shape[0], &starts[0], &rows[0])


def sample_block(
    uint8_t[:, ::1] tile, ptrdiff_t first_column, ptrdiff_t n_given, const double[:, :] coef,
    const double[::1] intercept, const int32_t[:, ::1] uniform, float[:, ::1] scratch,
):
    cdef ptrdiff_t n_rows = tile.shape[1], n_lanes = intercept.shape[0]
    cdef ptrdiff_t stride = coef.strides[0] // sizeof(double)
    cdef float* z = &scratch[scratch.shape[0] - n_rows, 0]
    with nogil:
        functions.sample_block(
            &tile[0, 0], n_rows, first_column, n_lanes, n_given, first_weight(coef), stride, &intercept[0],
            &uniform[0, 0], &scratch[0, 0], z)


def sample_rows(
    uint8_t[:, ::1] tile, ptrdiff_t n_given, const double[:, :] coef, const double[::1] intercept,
    uint64_t[:, ::1] states, ptrdiff_t stream_rows, int32_t[:, ::1] uniform, float[:, ::1] scratch,
):
    """Draw the variables of a tile, but for the first ones that are given, block after block.

    Each state draws the next `stream_rows` rows; `uniform`, of shape (LANES, n_rows), is working memory.
    """
    cdef ptrdiff_t n_rows = tile.shape[1], n_columns = intercept.shape[0], n_lanes
    cdef ptrdiff_t stride = coef.strides[0] // sizeof(double), start = n_given - n_given % lanes_f32
    cdef float* z = &scratch[scratch.shape[0] - n_rows, 0]
    with nogil:
        while start < n_columns:
            n_lanes = min(<ptrdiff_t>lanes_f32, n_columns - start)
            draw_lines(states, uniform, n_lanes, stream_rows)
            functions.sample_block(
                &tile[0, 0], n_rows, start, n_lanes, max(<ptrdiff_t>0, n_given - start), first_weight(coef[start:]),
                stride, &intercept[start], &uniform[0, 0], &scratch[0, 0], z)
            start += n_lanes
