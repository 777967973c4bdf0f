/* The FVSBN loops for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx2.h"
#define FVSBN_TABLE fvsbn_avx2
#include "fvsbn_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
