"""Compiled kernels of the neural autoregressive distribution estimator; `nade_reference` holds their definitions.

A kernel works on some rows of a tile, uint8 of shape (n_groups, n_rows) with unit stride along the rows, and
on a network: `output_weight` and `input_weight`, one line of hidden units a column, `bias` of the columns,
`hidden_bias`. Lines are contiguous, a multiple of 64 bytes long, and zero beyond the first `n_hidden` numbers.
`scratch` is working memory, lines as long; how many is what `nade_lines` says. All of them have one precision,
float32 or float64. Nothing is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, int32_t, uint8_t, uint64_t

from ._random cimport draw_lines

cdef extern from "src/nade.h" nogil:
    enum: nade_columns
    enum: nade_coarse_group
    enum: nade_sigmoid
    enum: nade_relu
    ctypedef struct nade_rows:
        uint8_t* bytes
        ptrdiff_t stride, n_rows, n_columns
    ctypedef struct nade_network:
        const void *input
        const void *hidden_bias
        const void *output
        const void *bias
        ptrdiff_t n_hidden, stride, width, n_odds
        int activation
    ctypedef struct nade_gradient:
        const void *mask
        const double *weight
        double keep, smoothing
        double *value
        void *input
        void *hidden_bias
        void *output
        void *bias
    ctypedef struct nade_loops:
        void (*begin)(const nade_rows*, const nade_network*, void*) noexcept nogil
        void (*walk)(
            const nade_rows*, const nade_network*, ptrdiff_t, ptrdiff_t, const int32_t*, void*, double*, double*,
            ptrdiff_t) noexcept nogil
        void (*represent)(const nade_rows*, const nade_network*, void*, double*) noexcept nogil
        void (*add_gradient)(
            const nade_rows*, const nade_network*, const nade_gradient*, void*) noexcept nogil
    ctypedef struct nade_coarse:
        int16_t *weight
        float *terms
        ptrdiff_t n_columns, stride
    ctypedef struct nade_coarse_loops:
        void (*turn_into_odds)(ptrdiff_t, ptrdiff_t, const float*, float*, float*, float*) noexcept nogil
        void (*coarsen)(const nade_network*, const nade_coarse*) noexcept nogil
        void (*begin)(const nade_rows*, const nade_network*, const nade_coarse*, void*) noexcept nogil
        void (*walk)(
            const nade_rows*, const nade_network*, const nade_coarse*, ptrdiff_t, ptrdiff_t, const int32_t*,
            void*) noexcept nogil
    ctypedef struct nade_functions:
        nade_loops f32, f64
        nade_coarse_loops coarse
    const nade_functions* nade_of_level(int)

ctypedef fused real:
    float
    double

NADE_ACTIVATIONS = {"sigmoid": nade_sigmoid, "relu": nade_relu}
NADE_COLUMNS = nade_columns

cdef const nade_functions* functions = nade_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = nade_of_level(level)


def nade_lines(ptrdiff_t n_rows):
    """Return how many lines of working memory so many rows need."""
    return 3 * ((n_rows + nade_coarse_group - 1) // nade_coarse_group * nade_coarse_group) + 1


cdef inline nade_rows rows_of(const uint8_t[:, :] tile, ptrdiff_t n_columns) noexcept nogil:
    return nade_rows(<uint8_t*>&tile[0, 0], tile.strides[0], tile.shape[1], n_columns)


cdef inline nade_network network_of(
    const real[:, ::1] output_weight, const real[::1] bias, const real[:, ::1] input_weight,
    const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
) noexcept nogil:
    cdef ptrdiff_t lanes = 64 // sizeof(real), width = (n_hidden + lanes - 1) // lanes * lanes
    return nade_network(
        &input_weight[0, 0], &hidden_bias[0], &output_weight[0, 0], &bias[0], n_hidden, hidden_bias.shape[0], width,
        0, activation)


cdef inline const nade_loops* loops_of(const real[::1] numbers) noexcept nogil:
    if real is float:
        return &functions.f32
    else:
        return &functions.f64


cdef inline void walk_all(
    const nade_loops* loops, const nade_rows* rows, const nade_network* net, void* lines, double* total,
    double* logits,
) noexcept nogil:
    cdef ptrdiff_t first = 0, stop
    loops.begin(rows, net, lines)
    while first < rows.n_columns:
        stop = min(first + <ptrdiff_t>nade_columns, rows.n_columns)
        loops.walk(rows, net, first, stop, NULL, lines, total, logits, rows.n_columns)
        first = stop


def nade_log_likelihood(
    const uint8_t[:, :] tile, const real[:, ::1] output_weight, const real[::1] bias,
    const real[:, ::1] input_weight, const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
    real[:, ::1] scratch, double[::1] total,
):
    """Add the log-likelihood of every row to `total`."""
    cdef nade_rows rows = rows_of(tile, bias.shape[0])
    cdef nade_network net = network_of(output_weight, bias, input_weight, hidden_bias, n_hidden, activation)
    with nogil:
        walk_all(loops_of(bias), &rows, &net, &scratch[0, 0], &total[0], NULL)


def nade_logits(
    const uint8_t[:, :] tile, const real[:, ::1] output_weight, const real[::1] bias,
    const real[:, ::1] input_weight, const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
    real[:, ::1] scratch, double[:, ::1] logits,
):
    """Write the logit of every conditional to `logits`, of shape (n_rows, n_columns)."""
    cdef nade_rows rows = rows_of(tile, bias.shape[0])
    cdef nade_network net = network_of(output_weight, bias, input_weight, hidden_bias, n_hidden, activation)
    with nogil:
        walk_all(loops_of(bias), &rows, &net, &scratch[0, 0], NULL, &logits[0, 0])


def nade_represent(
    const uint8_t[:, :] tile, const real[:, ::1] output_weight, const real[::1] bias,
    const real[:, ::1] input_weight, const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
    real[:, ::1] scratch, double[:, ::1] hidden,
):
    """Write the hidden units after the last column to `hidden`, of shape (n_rows, n_hidden)."""
    cdef nade_rows rows = rows_of(tile, bias.shape[0])
    cdef nade_network net = network_of(output_weight, bias, input_weight, hidden_bias, n_hidden, activation)
    with nogil:
        loops_of(bias).represent(&rows, &net, &scratch[0, 0], &hidden[0, 0])


cdef inline nade_coarse coarse_of(const int16_t[:, ::1] weight, const float[:, ::1] terms) noexcept nogil:
    return nade_coarse(
        <int16_t*>&weight[0, 0], <float*>&terms[0, 0], terms.shape[0], weight.shape[1])


def nade_odds(const float[:, ::1] weight, float[:, ::1] odds, float[:, ::1] sums):
    """Write exp(-weight) to `odds`, weights beyond 87 either way cut there.

    Adds to the lines of `sums` the sizes of the weights of each column, infinite where one is cut, and the weights.
    """
    with nogil:
        functions.coarse.turn_into_odds(
            weight.shape[0], weight.shape[1], &weight[0, 0], &odds[0, 0], &sums[0, 0], &sums[1, 0])


def nade_coarsen(
    const float[:, ::1] output_weight, const float[::1] bias, ptrdiff_t n_hidden, int16_t[:, ::1] weight,
    float[:, ::1] terms,
):
    """Round output weights of sigmoid units to integers.

    In a line of `weight` those of 32 units stand in pairs, that of the unit after the next fifteen beside each.
    A line of `terms`, of shape (n_columns, 3), gets the logit where all units are a half, the scale of the sum of
    weights times 32768 (h - 1/2), rounded, and what logits can then be off by, infinite from 1 on.
    """
    cdef nade_network net = network_of(output_weight, bias, output_weight, output_weight[0], n_hidden, nade_sigmoid)
    cdef nade_coarse coarse = coarse_of(weight, terms)
    with nogil:
        functions.coarse.coarsen(&net, &coarse)


def nade_sample(
    uint8_t[:, :] tile, ptrdiff_t n_given, const real[:, ::1] output_weight, const real[::1] bias,
    const real[:, ::1] input_weight, const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
    ptrdiff_t n_odds, const int16_t[:, ::1] coarse_weight, const float[:, ::1] coarse_terms,
    uint64_t[:, ::1] states, int32_t[:, ::1] uniform, real[:, ::1] scratch,
):
    """Draw the variables of some rows, but for the first ones, which are given.

    One state of a generator draws them all; `uniform`, of shape (NADE_COLUMNS, n_rows), is working memory. Of the
    first `n_odds` units, a multiple of 128 bytes or all, `input_weight` and `hidden_bias` hold exp(-weight). What
    `nade_coarsen` makes of the output weights, or None, is for float32, sigmoid units and finite input alone; it changes no draw
    but within rounding.
    """
    cdef nade_rows rows = rows_of(tile, bias.shape[0])
    cdef nade_network net = network_of(output_weight, bias, input_weight, hidden_bias, n_hidden, activation)
    cdef const nade_loops* loops = loops_of(bias)
    cdef const nade_coarse_loops* coarse_loops = &functions.coarse
    cdef nade_coarse coarse
    cdef bint rounded = real is float and coarse_weight is not None and coarse_loops.walk != NULL
    if rounded:
        coarse = coarse_of(coarse_weight, coarse_terms)
    net.n_odds = min(n_odds, net.width)
    cdef void* lines = &scratch[0, 0]
    cdef ptrdiff_t first = 0, given, stop
    with nogil:
        if rounded:
            coarse_loops.begin(&rows, &net, &coarse, lines)
        else:
            loops.begin(&rows, &net, lines)
        while first < rows.n_columns:
            stop = min(first + <ptrdiff_t>nade_columns, rows.n_columns)
            given = min(max(n_given, first), stop)
            if given < stop:
                draw_lines(states, uniform, stop - given, rows.n_rows)
            if rounded:
                coarse_loops.walk(&rows, &net, &coarse, first, given, NULL, lines)
                coarse_loops.walk(&rows, &net, &coarse, given, stop, &uniform[0, 0], lines)
            else:
                loops.walk(&rows, &net, first, given, NULL, lines, NULL, NULL, 0)
                loops.walk(&rows, &net, given, stop, &uniform[0, 0], lines, NULL, NULL, 0)
            first = stop


def nade_add_gradient(
    const uint8_t[:, :] tile, const real[:, ::1] output_weight, const real[::1] bias,
    const real[:, ::1] input_weight, const real[::1] hidden_bias, ptrdiff_t n_hidden, int activation,
    const double[::1] weight, const real[:, ::1] mask, double keep, double smoothing, real[:, ::1] scratch,
    double[::1] value, real[:, ::1] grad_output_weight, real[::1] grad_bias, real[:, ::1] grad_input_weight,
    real[::1] grad_hidden_bias,
):
    """Add the log-likelihood of the rows to value[0], and its gradient to the others.

    `weight` is None or a number a row; `mask` is None or a line a row, which multiplies its hidden units by 0
    or 1 / keep; in the gradient outcomes are moved by `smoothing` towards a half of each.
    """
    cdef nade_rows rows = rows_of(tile, bias.shape[0])
    cdef nade_network net = network_of(output_weight, bias, input_weight, hidden_bias, n_hidden, activation)
    cdef const double* row_weight = &weight[0] if weight is not None else NULL
    cdef const real* first_mask = &mask[0, 0] if mask is not None else NULL
    cdef nade_gradient gradient = nade_gradient(
        first_mask, row_weight, keep, smoothing, &value[0], &grad_input_weight[0, 0], &grad_hidden_bias[0],
        &grad_output_weight[0, 0], &grad_bias[0])
    with nogil:
        loops_of(bias).add_gradient(&rows, &net, &gradient, &scratch[0, 0])
