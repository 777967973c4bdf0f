/* Steps of the optimisers for AVX-512. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <float.h>
#include "target_avx512.h"
#define OPTIMIZERS_TABLE optimizers_avx512
#include "optimizers_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
