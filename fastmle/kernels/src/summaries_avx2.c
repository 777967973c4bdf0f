/* Running summaries for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx2.h"
#define SUMMARIES_TABLE summaries_avx2
#include "summaries_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
