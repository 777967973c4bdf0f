/* Running summaries for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include "target_avx512.h"
#define SUMMARIES_TABLE summaries_avx512
#include "summaries_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
