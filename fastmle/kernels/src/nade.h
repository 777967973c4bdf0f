/* The neural autoregressive distribution estimator: one table of functions a level. */
#ifndef FASTMLE_NADE_H
#define FASTMLE_NADE_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* Rows of packed bits: bytes of eight variables, group-major, groups `stride` apart. */
typedef struct {
    uint8_t *bytes;
    ptrdiff_t stride, n_rows, n_columns;
} nade_rows;

/* A block has as many columns, and random bits are drawn for as many at a time. */
enum { nade_columns = 16 };
/* Rows are taken by so many, and by so many where hidden units are rounded. */
enum { nade_group = 8, nade_coarse_group = 16 };
enum { nade_sigmoid = 0, nade_relu = 1 };

/* The parameters, float or double as the functions that they are given to. Lines of hidden units are `stride`
 * numbers apart, a multiple of 64 bytes, and zero beyond the first n_hidden; loops go through the first `width`
 * of them, whole cache lines. Of the first n_odds units, as many as fill whole pairs of cache lines, or all,
 * `input` and `hidden_bias` hold exp(-weight): their sums are products. */
typedef struct {
    const void *input, *hidden_bias, *output, *bias;
    ptrdiff_t n_hidden, stride, width, n_odds;
    int activation;
} nade_network;

/* What a gradient is taken of, and where it is added. mask, or NULL, holds a line a row that multiplies its
 * hidden units, by 0 or 1 / keep; weight, or NULL, a number a row; in the gradient outcomes are moved by
 * `smoothing` towards a half of each. */
typedef struct {
    const void *mask;
    const double *weight;
    double keep, smoothing;
    double *value;
    void *input, *hidden_bias, *output, *bias;
} nade_gradient;

/* What the functions compute, in one precision, stands in nade_loops.h and nade_gradient.h. */
typedef struct {
    void (*begin)(const nade_rows *, const nade_network *, void *);
    void (*walk)(
        const nade_rows *, const nade_network *, ptrdiff_t, ptrdiff_t, const int32_t *, void *, double *,
        double *, ptrdiff_t);
    void (*represent)(const nade_rows *, const nade_network *, void *, double *);
    void (*add_gradient)(const nade_rows *, const nade_network *, const nade_gradient *, void *);
} nade_loops;

/* Output weights of a float network that are rounded to integers, lines of `stride`, a multiple of 64 bytes, and
 * a line of terms a column, which turn their sums into logits: see nade_coarse.h, and for the functions too. */
enum { nade_coarse_bias, nade_coarse_scale, nade_coarse_error, nade_coarse_terms };
typedef struct {
    int16_t *weight;
    float *terms;
    ptrdiff_t n_columns, stride;
} nade_coarse;

/* The last two are NULL where the processor has no instruction for them. */
typedef struct {
    void (*turn_into_odds)(ptrdiff_t, ptrdiff_t, const float *, float *, float *, float *);
    void (*coarsen)(const nade_network *, const nade_coarse *);
    void (*begin)(const nade_rows *, const nade_network *, const nade_coarse *, void *);
    void (*walk)(
        const nade_rows *, const nade_network *, const nade_coarse *, ptrdiff_t, ptrdiff_t, const int32_t *,
        void *);
} nade_coarse_loops;

typedef struct {
    nade_loops f32, f64;
    nade_coarse_loops coarse;
} nade_functions;

extern const nade_functions nade_baseline;
#if FASTMLE_X86_LEVELS
extern const nade_functions nade_avx2;
extern const nade_functions nade_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const nade_functions *nade_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &nade_avx2;
    if (level == LEVEL_AVX512)
        return &nade_avx512;
#endif
    (void)level;
    return &nade_baseline;
}

#endif
