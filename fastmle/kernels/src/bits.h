/* Packing and counting of bits: one table of functions a level. A tile is group-major:
 * tile[g * n_rows + r] holds the variables 8 g .. 8 g + 7 of row r, variable 8 g + h in bit h. */
#ifndef FASTMLE_BITS_H
#define FASTMLE_BITS_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* A table of values of 1, 2, 4 or 8 bytes, with strides in bytes. The pattern of the number 1 is `one`
 * (that of 0 is 0); the bits of `sign` do not matter to a 0. */
typedef struct {
    const uint8_t *start;
    ptrdiff_t row_stride, column_stride, n_rows, n_columns;
    int size;
    uint64_t one, sign;
} bits_table;

/* What the functions compute stands in bits_pack.h, bits_count.h and bits_rows.h. */
typedef struct {
    int (*pack_rows)(const bits_table *table, uint8_t *tile);
    void (*unpack_rows)(const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, uint8_t *rows);
    void (*take_columns)(
        const uint8_t *tile, ptrdiff_t n_rows, const int64_t *columns, ptrdiff_t n_columns,
        uint8_t *taken);
    void (*count_columns)(
        const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, int64_t *counts);
    void (*sum_columns)(
        const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, const double *weight,
        double *sums);
    void (*column_words)(
        const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, uint64_t *words,
        ptrdiff_t word_stride);
    void (*count_pairs)(
        const uint64_t *words, ptrdiff_t n_words, ptrdiff_t n_columns, ptrdiff_t first,
        ptrdiff_t last, int64_t *counts);
    void (*weigh_pairs)(
        const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, const double *weight,
        ptrdiff_t group, int32_t *rows, double *lines, double *buckets, double *sums);
    void (*hash_rows)(
        const uint8_t *tiles, ptrdiff_t height, ptrdiff_t n_rows, ptrdiff_t n_groups,
        uint64_t *words, uint64_t *hashes);
} bits_functions;

extern const bits_functions bits_baseline;
#if FASTMLE_X86_LEVELS
extern const bits_functions bits_avx2;
extern const bits_functions bits_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const bits_functions *bits_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &bits_avx2;
    if (level == LEVEL_AVX512)
        return &bits_avx512;
#endif
    (void)level;
    return &bits_baseline;
}

#endif
