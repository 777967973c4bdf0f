/* The loops on bits for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <immintrin.h>
#include "target_avx2.h"
#define BITS_TABLE bits_avx2
#define BITS_WIDTH 32
#define BITS_AVX2
#include "bits_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
