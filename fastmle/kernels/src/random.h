/* Random fills: one table of functions a level. The digits are the same at every level and on every
 * machine: each number is the outcome of the same basic operations, none of which are fused.
 *
 * A state is 32 words: a, b, c and the counter of eight generators SFC64, the lanes, each number in all
 * lanes before the next. A fill takes whole rounds, one word a lane: entry i of the table, row by row, gets
 * the word of lane i % 8 in round i / 8, and what is left of the last round is discarded. */
#ifndef FASTMLE_RANDOM_H
#define FASTMLE_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

enum { RANDOM_LANES = 8 };

/* Fills n_rows x n_columns entries of 8 bytes; what the parameters are stands at each fill. */
typedef void (*random_fill)(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns);

/* What the functions compute stands in random_words.h, random_fills.h and random_correlated.h. */
typedef struct {
    void (*start_generators)(const uint64_t *words, uint64_t *states, ptrdiff_t n_generators);
    /* gcc spreads its loop over all registers only if it stands in a table, too. */
    void (*draw_words)(uint64_t *restrict state, uint64_t *restrict words, ptrdiff_t n_rounds);
    void (*draw_bits)(
        uint64_t *restrict state, int32_t *restrict bits, ptrdiff_t n_lines, ptrdiff_t n_bits, ptrdiff_t stride);
    random_fill fill_uniform, fill_normal, fill_exponential, fill_bernoulli, fill_categorical,
        fill_correlated;
    void (*uniform_to_normal)(const double *uniform, double *out, ptrdiff_t n);
} random_functions;

extern const random_functions random_baseline;
#if FASTMLE_X86_LEVELS
extern const random_functions random_avx2;
extern const random_functions random_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const random_functions *random_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &random_avx2;
    if (level == LEVEL_AVX512)
        return &random_avx512;
#endif
    (void)level;
    return &random_baseline;
}

#endif
