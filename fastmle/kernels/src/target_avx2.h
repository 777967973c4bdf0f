/* What follows in this file is compiled for AVX2 (with its companions of the same processors). */
#define FASTMLE_FMA 1
#define FASTMLE_VECTOR_BYTES 32
#include <stddef.h> /* system headers before the target changes */
#include <stdint.h>
#include <math.h>
#include <string.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,bmi,bmi2,popcnt")
#endif
