/* Steps of the first-order optimisers: one table of functions a level. */
#ifndef FASTMLE_OPTIMIZERS_H
#define FASTMLE_OPTIMIZERS_H

#include <stddef.h>
#include <stdint.h>
#include "levels.h"

/* Run i takes in the entries of flat arrays from bounds[2 i] up to bounds[2 i + 1]. */
typedef struct {
    const int64_t *bounds;
    ptrdiff_t n_runs;
} optimizers_runs;

/* What is descended, the slope, is `scale` times the gradient plus `penalty` times the parameters; `keep`
 * multiplies the parameters before the step. */
typedef struct {
    double scale, penalty, keep, learning_rate;
} optimizers_step;

typedef struct {
    double beta1, beta2, epsilon, n_steps;
} optimizers_adam;

/* What the functions compute stands in optimizers_loops.h. */
typedef struct {
    double (*measure_slope_f32)(const float *, const float *, optimizers_runs, optimizers_step);
    void (*update_sgd_f32)(float *, const float *, optimizers_runs, optimizers_step);
    void (*update_momentum_f32)(
        float *, const float *, float *, optimizers_runs, optimizers_step, double, int);
    void (*update_adam_f32)(
        float *, const float *, float *, float *, optimizers_runs, optimizers_step, optimizers_adam);
    double (*measure_slope_f64)(const double *, const double *, optimizers_runs, optimizers_step);
    void (*update_sgd_f64)(double *, const double *, optimizers_runs, optimizers_step);
    void (*update_momentum_f64)(
        double *, const double *, double *, optimizers_runs, optimizers_step, double, int);
    void (*update_adam_f64)(
        double *, const double *, double *, double *, optimizers_runs, optimizers_step, optimizers_adam);
} optimizers_functions;

extern const optimizers_functions optimizers_baseline;
#if FASTMLE_X86_LEVELS
extern const optimizers_functions optimizers_avx2;
extern const optimizers_functions optimizers_avx512;
#endif

/* The functions of a level that the processor has. */
static inline const optimizers_functions *optimizers_of_level(int level)
{
#if FASTMLE_X86_LEVELS
    if (level == LEVEL_AVX2)
        return &optimizers_avx2;
    if (level == LEVEL_AVX512)
        return &optimizers_avx512;
#endif
    (void)level;
    return &optimizers_baseline;
}

#endif
