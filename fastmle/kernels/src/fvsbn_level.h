/* All loops of one level, and their table. The including file sets FVSBN_TABLE and the target. */
#include <math.h>
#include <string.h>
#include "elementary.h"
#include "fvsbn.h"

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE __attribute__((always_inline))
#else
#define ALWAYS_INLINE
#endif

/* Rows that go through the elementary functions together: their scratch stays in the first cache, and
 * the product of as many numbers, at most 2 each, in the range of a float. */
enum { CHUNK = 96 };
enum { TABLE_LINES = fvsbn_table_lines };

/* The bytes of eight rows, the first one lowest. */
static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The same of fewer rows. */
static inline uint64_t load_bytes(const uint8_t *bytes, ptrdiff_t n)
{
    uint64_t word = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

/* Where the line of byte i of a word begins, in bytes: 64 times the byte. */
#define LINE_OF(word, i) \
    ((ptrdiff_t)(((i) == 0 ? (word) << 6 : (word) >> (8 * (i) - ((i) == 0 ? 0 : 6))) & 0x3fc0))

/* How many of n columns stand in the block that begins with column `first`. */
static inline ptrdiff_t block_size(ptrdiff_t n_columns, ptrdiff_t first, ptrdiff_t lanes)
{
    const ptrdiff_t n = n_columns - first;
    return n < 0 ? 0 : n < lanes ? n : lanes;
}

/* The groups, of n, in which the variables before a column stand. */
static inline ptrdiff_t groups_before(int32_t column, ptrdiff_t n_groups)
{
    const ptrdiff_t n = ((ptrdiff_t)column + 7) / 8;
    return n < n_groups ? n : n_groups;
}

/* A line has LANES numbers. The lanes are what is vectorised, never the rows: without the pragma (which
 * needs -fopenmp-simd and no OpenMP library) gcc turns the nest around and gathers. */
#define LANES NAME(lanes)
#define EACH_LANE _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < LANES; lane++)
#define LINE_AT(lines, offset) ((REAL *)((char *)(lines) + (offset)))

/* Two lines cut into registers, for loops that keep them there from one pass to the next. */
#if FASTMLE_VECTOR_BYTES == 64
enum { N_PARTS = 2 };
#define EACH_PART(DO) DO(0) DO(1)
#elif FASTMLE_VECTOR_BYTES == 32
enum { N_PARTS = 4 };
#define EACH_PART(DO) DO(0) DO(1) DO(2) DO(3)
#else
#define FASTMLE_VECTOR_BYTES 16
enum { N_PARTS = 8 };
#define EACH_PART(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#endif
typedef double part_f64 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(8), may_alias));
typedef float part_f32 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(4), may_alias));

/* Whether the less probable outcome, of probability e / (1 + e) with the odds e <= 1, is drawn by a uniform v
 * in (0, 1]; v is never 0, so what has no probability is not drawn. */
static inline int is_rare_f32(float v, float logit)
{
    const float e = exp_f32(-__builtin_fabsf(logit));
    return v * (1 + e) <= e;
}

static inline int is_rare_odds(float v, float odds)
{
    return v * (1 + odds) <= (odds < 1 ? odds : 1);
}

/* REAL is the type of the numbers, WORD the unsigned integer as wide; lane_bit[lane] is bit `lane` of it (a
 * shift by the lane would not vectorise everywhere). FORM is what the sums of a row mean: in f64 and f32
 * they are logits, in `odds` products in float. */
static const uint64_t lane_bit_f64[lanes_f64] = {1, 2, 4, 8, 16, 32, 64, 128};
static const uint32_t lane_bit_f32[lanes_f32] = {
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};

#define COMBINE(a, b) ((a) + (b))
#define NEUTRAL 0
#define FACTOR(weight) (weight)
#define IMPOSSIBLE ((REAL)-1e30)

#define REAL double
#define WORD uint64_t
#define SIGN_BIT UINT64_C(0x8000000000000000)
#define ABS __builtin_fabs
#define MADD MULTIPLY_ADD_F64
#define NAME(stem) stem##_f64
#define FORM(stem) stem##_f64
#include "fvsbn_sums.h"
#include "fvsbn_terms.h"
#include "fvsbn_buckets.h"
#include "fvsbn_passes.h"
#undef REAL
#undef WORD
#undef SIGN_BIT
#undef ABS
#undef MADD
#undef NAME
#undef FORM

#define REAL float
#define WORD uint32_t
#define SIGN_BIT UINT32_C(0x80000000)
#define ABS __builtin_fabsf
#define MADD MULTIPLY_ADD_F32
#define NAME(stem) stem##_f32
#define FORM(stem) stem##_f32
#include "fvsbn_sums.h"
#include "fvsbn_terms.h"
#include "fvsbn_buckets.h"
#include "fvsbn_passes.h"
#include "fvsbn_sample.h"
#undef FORM
#undef COMBINE
#undef NEUTRAL
#undef FACTOR
#undef IMPOSSIBLE

#define COMBINE(a, b) ((a) * (b))
#define NEUTRAL 1
#define FACTOR(weight) exp_f32(weight)
#define IMPOSSIBLE 0.0f
#define FORM(stem) stem##_odds
#include "fvsbn_odds.h"
#include "fvsbn_sums.h"
#include "fvsbn_passes.h"
#include "fvsbn_sample.h"
#include "fvsbn_lists.h"

/* In float: odds where they stay in range, else logits. */
static void add_log_likelihood_float(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, float *restrict work,
    float *restrict z, double *restrict total)
{
    /* Its own ones do not decide: a row's score would depend on its company. */
    if (odds_fit(columns, n_columns, coef, coef_stride, n_groups, intercept, 8 * n_groups))
        add_log_likelihood_odds(
            rows, columns, n_columns, coef, coef_stride, n_groups, intercept, work, z, total);
    else
        add_log_likelihood_f32(
            rows, columns, n_columns, coef, coef_stride, n_groups, intercept, work, z, total);
}

static void add_gradient_float(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, const double *weight,
    float *restrict work, float *restrict z, double *value, double *grad_coef, ptrdiff_t grad_stride,
    double *grad_intercept)
{
    ptrdiff_t most_ones = 8 * n_groups;
    if (rows->bits)
        most_ones = longest_list(rows);
    if (odds_fit(columns, n_columns, coef, coef_stride, n_groups, intercept, most_ones))
        add_gradient_odds(
            rows, columns, n_columns, coef, coef_stride, n_groups, intercept, weight, work, z, value,
            grad_coef, grad_stride, grad_intercept);
    else
        add_gradient_f32(
            rows, columns, n_columns, coef, coef_stride, n_groups, intercept, weight, work, z, value,
            grad_coef, grad_stride, grad_intercept);
}

#include "fvsbn_lines.h"

static void sample_block_float(
    uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t first_column, ptrdiff_t n_lanes, ptrdiff_t n_given,
    const double *coef, ptrdiff_t coef_stride, const double *intercept, const int32_t *uniform,
    float *restrict tables, float *restrict z)
{
    int32_t columns[lanes_f32];
    for (int lane = 0; lane < lanes_f32; lane++)
        columns[lane] = (int32_t)first_column + lane;
    if (odds_fit(columns, n_lanes, coef, coef_stride, coef ? first_column / 8 + 2 : 0, intercept, first_column + n_lanes))
        sample_block_odds(
            tile, n_rows, first_column, n_lanes, n_given, coef, coef_stride, intercept, uniform, tables, z);
    else
        sample_block_f32(
            tile, n_rows, first_column, n_lanes, n_given, coef, coef_stride, intercept, uniform, tables, z);
}

const fvsbn_functions FVSBN_TABLE = {
    sum_by_tables_f32, logits_to_terms_f32, add_log_likelihood_float, add_gradient_float,
    sum_by_tables_f64, logits_to_terms_f64, add_log_likelihood_f64, add_gradient_f64,
    list_set_bits,
    list_rows,
    compute_gradient_in_lines,
    sample_block_float,
};
