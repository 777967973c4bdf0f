/* One pass through memory each, included once for every REAL (see optimizers_level.h). */

/* Averages of what has vanished fade into denormal numbers and would stay there; these are slow to reckon with. */
static inline REAL NAME(normal)(REAL a)
{
    return MAGNITUDE(a) >= SMALLEST ? a : 0;
}

/* Sum of squares of the slope. Eight chains of additions overlap, as many at every level. */
static double NAME(measure_slope)(
    const REAL *restrict parameters, const REAL *restrict gradient, optimizers_runs runs,
    optimizers_step step)
{
    double sums[8] = {0};
    for (ptrdiff_t i = 0; i < runs.n_runs; i++) {
        ptrdiff_t k = (ptrdiff_t)runs.bounds[2 * i];
        const ptrdiff_t stop = (ptrdiff_t)runs.bounds[2 * i + 1];
        for (; k + 8 <= stop; k += 8)
#pragma omp simd
            for (int lane = 0; lane < 8; lane++) {
                const double slope = step.scale * (double)gradient[k + lane]
                                     + step.penalty * (double)parameters[k + lane];
                sums[lane] += slope * slope;
            }
        for (; k < stop; k++) {
            const double slope = step.scale * (double)gradient[k] + step.penalty * (double)parameters[k];
            sums[0] += slope * slope;
        }
    }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

static void NAME(update_sgd)(
    REAL *restrict parameters, const REAL *restrict gradient, optimizers_runs runs,
    optimizers_step step)
{
    const REAL scale = (REAL)step.scale, penalty = (REAL)step.penalty;
    const REAL keep = (REAL)step.keep, rate = (REAL)step.learning_rate;
    for (ptrdiff_t i = 0; i < runs.n_runs; i++)
#pragma omp simd
        for (ptrdiff_t k = (ptrdiff_t)runs.bounds[2 * i]; k < (ptrdiff_t)runs.bounds[2 * i + 1]; k++) {
            const REAL slope = scale * gradient[k] + penalty * parameters[k];
            parameters[k] = keep * parameters[k] - rate * slope;
        }
}

static void NAME(update_momentum)(
    REAL *restrict parameters, const REAL *restrict gradient, REAL *restrict velocity,
    optimizers_runs runs, optimizers_step step, double momentum, int nesterov)
{
    const REAL scale = (REAL)step.scale, penalty = (REAL)step.penalty;
    const REAL keep = (REAL)step.keep, rate = (REAL)step.learning_rate;
    const REAL left = (REAL)momentum, along = nesterov ? left : 1, again = nesterov ? 1 : 0;
    for (ptrdiff_t i = 0; i < runs.n_runs; i++)
#pragma omp simd
        for (ptrdiff_t k = (ptrdiff_t)runs.bounds[2 * i]; k < (ptrdiff_t)runs.bounds[2 * i + 1]; k++) {
            const REAL slope = scale * gradient[k] + penalty * parameters[k];
            const REAL moved = NAME(normal)(left * velocity[k] + slope);
            velocity[k] = moved;
            parameters[k] = keep * parameters[k] - rate * (along * moved + again * slope);
        }
}

static void NAME(update_adam)(
    REAL *restrict parameters, const REAL *restrict gradient, REAL *restrict first,
    REAL *restrict second, optimizers_runs runs, optimizers_step step, optimizers_adam adam)
{
    const REAL scale = (REAL)step.scale, penalty = (REAL)step.penalty, keep = (REAL)step.keep;
    const REAL kept1 = (REAL)adam.beta1, new1 = (REAL)(1 - adam.beta1);
    const REAL kept2 = (REAL)adam.beta2, new2 = (REAL)(1 - adam.beta2);
    /* Both averages began at zero, and are divided by what they lack for that. */
    const REAL rate = (REAL)(step.learning_rate / (1 - pow(adam.beta1, adam.n_steps)));
    const REAL whole = (REAL)(1 / sqrt(1 - pow(adam.beta2, adam.n_steps)));
    const REAL epsilon = (REAL)adam.epsilon;
    for (ptrdiff_t i = 0; i < runs.n_runs; i++)
#pragma omp simd
        for (ptrdiff_t k = (ptrdiff_t)runs.bounds[2 * i]; k < (ptrdiff_t)runs.bounds[2 * i + 1]; k++) {
            const REAL slope = scale * gradient[k] + penalty * parameters[k];
            const REAL mean = NAME(normal)(kept1 * first[k] + new1 * slope);
            const REAL square = NAME(normal)(kept2 * second[k] + new2 * (slope * slope));
            first[k] = mean;
            second[k] = square;
            parameters[k] = keep * parameters[k] - rate * mean / (ROOT(square) * whole + epsilon);
        }
}
