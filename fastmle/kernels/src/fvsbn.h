/* Kernels of the fully-visible sigmoid belief network: one table of functions a level. */
#ifndef FASTMLE_FVSBN_H
#define FASTMLE_FVSBN_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* What the functions compute stands in fvsbn_loops.h. */
#define FVSBN_FUNCTIONS(REAL, SUFFIX)                                                             \
    void (*build_tables_##SUFFIX)(                                                                \
        const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,   \
        ptrdiff_t n_groups, REAL *tables);                                                        \
    void (*compute_logits_##SUFFIX)(                                                              \
        const uint8_t *tile, ptrdiff_t n_rows, const REAL *tables, ptrdiff_t n_groups,            \
        const double *intercept, ptrdiff_t n_columns, REAL *z);                                   \
    void (*logits_to_terms_##SUFFIX)(                                                             \
        const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,       \
        REAL *z);                                                                                 \
    void (*add_terms_##SUFFIX)(                                                                   \
        const REAL *terms, ptrdiff_t n_rows, ptrdiff_t n_columns, double *total);                 \
    void (*logits_to_residuals_##SUFFIX)(                                                         \
        const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,       \
        const double *weight, REAL *z, double *value);                                            \
    void (*scatter_gradient_##SUFFIX)(                                                            \
        const uint8_t *tile, ptrdiff_t n_rows, const REAL *residual, const int32_t *columns,      \
        ptrdiff_t n_columns, ptrdiff_t n_groups, REAL *buckets, double *grad_coef,                \
        ptrdiff_t grad_stride, double *grad_intercept);

enum { lanes_f32 = 16, lanes_f64 = 8 };

typedef struct {
    FVSBN_FUNCTIONS(float, f32)
    FVSBN_FUNCTIONS(double, f64)
    void (*sample_group)(
        const double *z, const double *weights, const double *uniform, ptrdiff_t n_rows,
        int first_bit, int n_lanes, uint8_t *bytes);
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
