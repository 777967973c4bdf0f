/* Kernels of the fully-visible sigmoid belief network: one table of functions a level. */
#ifndef FASTMLE_FVSBN_H
#define FASTMLE_FVSBN_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* The rows of a tile, and where they are sparse their set bits: those of row r are bits[starts[r]] to
 * bits[starts[r + 1] - 1], ascending, each with the flag SAME_GROUP if the one before stands in the same
 * group of eight variables. bits is NULL where the bytes of the tile serve better. */
typedef struct {
    const uint8_t *tile;
    ptrdiff_t n_rows;
    const uint16_t *bits;
    const int32_t *starts;
    ptrdiff_t n_summed; /* rows whose residuals add up in REAL before they go on in double */
} fvsbn_rows;
enum { SAME_GROUP = 0x8000, LISTED_BIT = 0x7FFF };

/* The rows of a tile, and for each run of at most RUN of them the rows in which each variable is set: of variable j
 * of n_variables in run k, i = k * n_variables + j, they are rows[starts[i]] to rows[starts[i + 1] - 1], ascending
 * and counted from the first of the run. The number of rows of the run, repeated, fills the list up to a multiple
 * of LISTED_ROWS. */
typedef struct {
    const uint8_t *tile;
    ptrdiff_t n_rows;
    const uint16_t *rows;
    const int32_t *starts;
    ptrdiff_t n_variables;
} fvsbn_columns;
/* Of a run, two lines a row stay in the first cache. */
enum { RUN = 256, LISTED_ROWS = 4 };
/* How far beyond the end of the lists of rows their memory must reach. */
enum { LISTING_SLACK = 8 };
/* Working memory for lists of set bits: in lines a group of eight variables, weights and sums of two blocks. */
enum { fvsbn_listed_lines = 32 };

/* What the functions compute stands in fvsbn_sums.h, fvsbn_terms.h and fvsbn_passes.h. Columns are one block
 * of at most LANES, or two for what takes `rows`. */
#define FVSBN_FUNCTIONS(REAL, SUFFIX)                                                             \
    void (*compute_logits_##SUFFIX)(                                                              \
        const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,       \
        const double *coef, ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept,   \
        REAL *work, REAL *z);                                                                     \
    void (*logits_to_terms_##SUFFIX)(                                                             \
        const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,       \
        REAL *z);                                                                                 \
    void (*add_log_likelihood_##SUFFIX)(                                                          \
        const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,  \
        ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, REAL *work, REAL *z,  \
        double *total);                                                                           \
    void (*add_gradient_##SUFFIX)(                                                                \
        const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,  \
        ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, const double *weight, \
        REAL *work, REAL *z, double *value, double *grad_coef, ptrdiff_t grad_stride,             \
        double *grad_intercept);

/* A table, or the buckets of a group, have 256 lines; the padding keeps the lines of small bytes, which
 * are used most, of four neighbours in different sets of the first cache. */
enum { lanes_f32 = 16, lanes_f64 = 8, fvsbn_table_lines = 256 + 17 };

typedef struct {
    FVSBN_FUNCTIONS(float, f32)
    FVSBN_FUNCTIONS(double, f64)
    void (*list_set_bits)(const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, int32_t *starts, uint16_t *bits);
    void (*list_rows)(const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, int32_t *starts, uint16_t *rows);
    void (*compute_gradient_in_lines)(
        const fvsbn_columns *listed, ptrdiff_t n_columns, int64_t *n_left, const int64_t *places,
        const float *parameters, const double *weight, float *work, double *value, float *gradient);
    void (*sample_block)(
        uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t first_column, ptrdiff_t n_lanes, ptrdiff_t n_given,
        const double *coef, ptrdiff_t coef_stride, const double *intercept, const int32_t *uniform,
        float *tables, float *z);
} fvsbn_functions;

extern const fvsbn_functions fvsbn_baseline;
#if FASTMLE_X86_LEVELS
extern const fvsbn_functions fvsbn_avx2;
extern const fvsbn_functions fvsbn_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const fvsbn_functions *fvsbn_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &fvsbn_avx2;
    if (level == LEVEL_AVX512)
        return &fvsbn_avx512;
#endif
    (void)level;
    return &fvsbn_baseline;
}

#endif
