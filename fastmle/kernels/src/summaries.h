/* Running summaries of values: one table of functions a level. */
#ifndef FASTMLE_SUMMARIES_H
#define FASTMLE_SUMMARIES_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* A summary is a flat array. Both tails are lists of the TAIL_SIZE largest: one of the values, one of the
 * values times -1. A list is filled from its end; what is free is -infinity, and a full one is a heap with
 * its least number first. A value at or below the
 * floor of a tail is not listed: as many are known, in a summary that this one will be merged with. */
enum { TAIL_SIZE = 512 };
enum {
    SUMMARY_COUNT,
    SUMMARY_MEAN,
    SUMMARY_REST,    /* what the mean lacks by rounding */
    SUMMARY_SQUARES, /* sum of squared deviations from the mean */
    SUMMARY_CUBES,   /* sum of cubed deviations */
    SUMMARY_MINIMUM,
    SUMMARY_MAXIMUM,
    SUMMARY_OTHERS, /* how many are neither 0 nor 1 */
    SUMMARY_UPPER_FLOOR,
    SUMMARY_LOWER_FLOOR,
    SUMMARY_UPPER_TAIL,
    SUMMARY_LOWER_TAIL = SUMMARY_UPPER_TAIL + TAIL_SIZE,
    SUMMARY_SIZE = SUMMARY_LOWER_TAIL + TAIL_SIZE
};

/* What the functions compute stands in summaries_level.h. */
typedef struct {
    int64_t (*summarize_values)(
        const double *values, ptrdiff_t n_values, ptrdiff_t stride, double *summary);
    void (*merge_summaries)(double *into, const double *other);
} summaries_functions;

extern const summaries_functions summaries_baseline;
#if FASTMLE_X86_LEVELS
extern const summaries_functions summaries_avx2;
extern const summaries_functions summaries_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const summaries_functions *summaries_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &summaries_avx2;
    if (level == LEVEL_AVX512)
        return &summaries_avx512;
#endif
    (void)level;
    return &summaries_baseline;
}

#endif
