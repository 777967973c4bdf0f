/* Entropies and divergences for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx2.h"
#define INFORMATION_TABLE information_avx2
#include "information_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
