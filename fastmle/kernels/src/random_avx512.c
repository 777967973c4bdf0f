/* The random fills for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx512.h"
#define RANDOM_TABLE random_avx512
#include "random_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
