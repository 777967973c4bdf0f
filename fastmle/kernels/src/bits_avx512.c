/* The loops on bits for AVX-512, which counts the bits of a register by one instruction. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <immintrin.h>
#include "target_avx512.h"
#define BITS_TABLE bits_avx512
#define BITS_AVX2
#define BITS_POPCOUNT
#include "bits_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
