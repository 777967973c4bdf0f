/* The steps of the optimisers for one level, in both precisions, and their table. The including file sets
 * OPTIMIZERS_TABLE and the target. Every entry has operations of its own and sums have eight lanes, so the
 * digits are those of every machine: nothing here may be contracted to a fused multiply-add. */
#include <float.h>
#include <math.h>
#include "optimizers.h"

#define REAL double
#define NAME(function) function##_f64
#define ROOT sqrt
#define MAGNITUDE fabs
#define SMALLEST DBL_MIN
#include "optimizers_loops.h"
#undef REAL
#undef NAME
#undef ROOT
#undef MAGNITUDE
#undef SMALLEST

#define REAL float
#define NAME(function) function##_f32
#define ROOT sqrtf
#define MAGNITUDE fabsf
#define SMALLEST FLT_MIN
#include "optimizers_loops.h"

const optimizers_functions OPTIMIZERS_TABLE = {
    measure_slope_f32, update_sgd_f32, update_momentum_f32, update_adam_f32,
    measure_slope_f64, update_sgd_f64, update_momentum_f64, update_adam_f64,
};
