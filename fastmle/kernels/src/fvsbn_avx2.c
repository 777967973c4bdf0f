/* The FVSBN loops for AVX2. */
#include "levels.h"
#if FASTMLE_X86_LEVELS
#include <stddef.h> /* system headers before the target changes */
#include <stdint.h>
#include <string.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define FVSBN_TABLE fvsbn_avx2
#include "fvsbn_level.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
