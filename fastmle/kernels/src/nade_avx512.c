/* The loops of NADE for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <immintrin.h>
#include "target_avx512.h"
#define NADE_TABLE nade_avx512
#include "nade_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
