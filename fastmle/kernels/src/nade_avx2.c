/* The loops of NADE for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <immintrin.h>
#include "target_avx2.h"
#define NADE_TABLE nade_avx2
#include "nade_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
