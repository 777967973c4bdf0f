/* Sums over probabilities: entropies and divergences. One table of functions a level. */
#ifndef FASTMLE_INFORMATION_H
#define FASTMLE_INFORMATION_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* What is summed up; information_terms.h has the terms. */
enum {
    INFORMATION_MEASURE, /* nothing: the sums and least entries alone */
    INFORMATION_ENTROPY,
    INFORMATION_CROSS_ENTROPY,
    INFORMATION_KL,
    INFORMATION_JS,
    INFORMATION_JEFFREYS,
    INFORMATION_RENYI,
    INFORMATION_TOTAL_VARIATION,
    INFORMATION_HELLINGER,
    INFORMATION_CODE_LENGTH,
    INFORMATION_KINDS
};

/* Where the results stand. */
enum {
    INFORMATION_VALUE,
    INFORMATION_OTHER,   /* Renyi: sum of p exp(x - shift), x = (alpha - 1) log(p / q) */
    INFORMATION_LARGEST, /* Renyi: the largest x of an entry with p > 0 */
    INFORMATION_SUM_P,
    INFORMATION_SUM_Q,
    INFORMATION_LEAST_P, /* or 0; of logarithms: minus the largest */
    INFORMATION_LEAST_Q,
    INFORMATION_RESULTS
};

/* The settings of a row. Entries are multiplied by their scale, or have it added if they are logarithms. The
 * coefficients of the Renyi divergence are (1 + alpha + .. + alpha^(n-2)) / n! for n = 2, 3, .. */
enum {
    SETTING_SCALE_P,
    SETTING_SCALE_Q,
    SETTING_ALPHA,
    SETTING_SHIFT,
    SETTING_SERIES,
    SERIES_TERMS = 14,
    SETTINGS = SETTING_SERIES + SERIES_TERMS
};

enum { INFORMATION_LOG = 1, INFORMATION_OMIT = 2 };

typedef struct {
    const char *values;
    ptrdiff_t stride; /* in bytes */
    int is_single;    /* float32 instead of float64 */
} information_row;

typedef struct {
    void (*sum_row)(int kind, int flags, information_row p, information_row q, ptrdiff_t n_entries,
                    const double *settings, double *results);
    void (*inform_pairs)(double one, double total, const double *ones, ptrdiff_t n, double *values);
} information_functions;

extern const information_functions information_baseline;
#if FASTMLE_X86_LEVELS
extern const information_functions information_avx2;
extern const information_functions information_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const information_functions *information_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &information_avx2;
    if (level == LEVEL_AVX512)
        return &information_avx512;
#endif
    (void)level;
    return &information_baseline;
}

#endif
