"""Compiled kernels that fill arrays with random numbers; `random_reference` holds their definitions.

A state is 32 words: a, b, c and the counter of eight generators side by side. A fill takes whole rounds of
eight words and changes the state. Nothing is validated here.
"""
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t, uint64_t, uintptr_t

cdef extern from "src/random.h" nogil:
    enum: RANDOM_LANES
    ctypedef void (*random_fill)(
        uint64_t*, const double*, void*, ptrdiff_t, ptrdiff_t) noexcept nogil
    ctypedef struct random_functions:
        void (*start_generators)(const uint64_t*, uint64_t*, ptrdiff_t) noexcept nogil
        void (*draw_words)(uint64_t*, uint64_t*, ptrdiff_t) noexcept nogil
        void (*draw_bits)(uint64_t*, int32_t*, ptrdiff_t, ptrdiff_t, ptrdiff_t) noexcept nogil
        random_fill fill_uniform, fill_normal, fill_exponential, fill_bernoulli, fill_categorical
        random_fill fill_correlated
        void (*uniform_to_normal)(const double*, double*, ptrdiff_t) noexcept nogil
    const random_functions* random_of_level(int)

ctypedef fused outcome:
    int64_t
    uint64_t
    double

cdef const random_functions* functions = random_of_level(0)


def set_level(int level):
    """Let the kernels of this module use the instruction set of that level, an available one."""
    global functions
    functions = random_of_level(level)


cdef random_fill fill_of_name(str name) except NULL:
    if name == "fill_uniform":
        return functions.fill_uniform
    if name == "fill_normal":
        return functions.fill_normal
    if name == "fill_exponential":
        return functions.fill_exponential
    if name == "fill_bernoulli":
        return functions.fill_bernoulli
    if name == "fill_categorical":
        return functions.fill_categorical
    if name == "fill_correlated":
        return functions.fill_correlated
    raise ValueError(f"there is no fill {name!r}")


def fill_address(str name):
    """Return the address of a fill at the level in use, for compiled code that calls it.

    Its type is ``void (uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows,
    ptrdiff_t n_columns)``, whatever the fill.
    """
    return <uintptr_t>fill_of_name(name)


cdef inline void run(
    random_fill fill, uint64_t[::1] state, const double[::1] parameters, void* out, ptrdiff_t n_rows,
    ptrdiff_t n_columns,
) noexcept nogil:
    fill(&state[0], &parameters[0], out, n_rows, n_columns)


def start_generators(const uint64_t[::1] words, uint64_t[:, ::1] states):
    """Start generators, one a row of states, from three seed words."""
    if states.shape[0] > 0:
        with nogil:
            functions.start_generators(&words[0], &states[0, 0], states.shape[0])


def draw_words(uint64_t[::1] state, uint64_t[::1] words):
    """Draw random words, a multiple of eight."""
    if words.shape[0] > 0:
        with nogil:
            functions.draw_words(&state[0], &words[0], words.shape[0] // RANDOM_LANES)


cdef void draw_lines(
    uint64_t[:, ::1] states, int32_t[:, ::1] bits, ptrdiff_t n_lines, ptrdiff_t stream_columns,
) noexcept nogil:
    cdef ptrdiff_t number, first, width, n_columns = bits.shape[1]
    for number in range(states.shape[0]):
        first = number * stream_columns
        width = min(stream_columns, n_columns - first)
        functions.draw_bits(&states[number, 0], &bits[0, first], n_lines, width, n_columns)


def draw_bits(uint64_t[:, ::1] states, int32_t[:, ::1] bits, ptrdiff_t stream_columns):
    """Fill lines with 31 random bits an entry; each state draws the next `stream_columns` columns."""
    with nogil:
        draw_lines(states, bits, bits.shape[0], stream_columns)


def fill_uniform(uint64_t[::1] state, const double[::1] parameters, double[:, ::1] out):
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_uniform, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def fill_normal(uint64_t[::1] state, const double[::1] parameters, double[:, ::1] out):
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_normal, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def fill_exponential(uint64_t[::1] state, const double[::1] parameters, double[:, ::1] out):
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_exponential, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def fill_bernoulli(uint64_t[::1] state, const double[::1] parameters, int64_t[:, ::1] out):
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_bernoulli, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def fill_categorical(uint64_t[::1] state, const double[::1] parameters, outcome[:, ::1] out):
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_categorical, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def fill_correlated(uint64_t[::1] state, const double[::1] parameters, double[:, ::1] out):
    """Fill rows with mean + L z, of the mean and the lower triangle L, row by row."""
    if out.shape[0] > 0 and out.shape[1] > 0:
        with nogil:
            run(functions.fill_correlated, state, parameters, &out[0, 0], out.shape[0], out.shape[1])


def uniform_to_normal(const double[::1] uniform, double[::1] out):
    """Write the standard normal quantiles at the given probabilities."""
    if out.shape[0] > 0:
        with nogil:
            functions.uniform_to_normal(&uniform[0], &out[0], out.shape[0])
