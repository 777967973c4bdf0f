/* The FVSBN loops for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx512.h"
#define FVSBN_TABLE fvsbn_avx512
#include "fvsbn_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
