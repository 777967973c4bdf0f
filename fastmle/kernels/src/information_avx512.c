/* Entropies and divergences for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx512.h"
#define INFORMATION_TABLE information_avx512
#include "information_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
