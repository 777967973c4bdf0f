/* Steps of the optimisers for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <float.h>
#include "target_avx2.h"
#define OPTIMIZERS_TABLE optimizers_avx2
#include "optimizers_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
