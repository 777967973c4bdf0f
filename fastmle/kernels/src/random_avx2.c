/* The random fills for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx2.h"
#define RANDOM_TABLE random_avx2
#include "random_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
