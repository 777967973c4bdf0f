/* Instruction-set levels. The loops are compiled once per level, each in a file of its own that begins
 * with a FASTMLE_TARGET pragma; the extension asks the processor which levels it has. Elsewhere than
 * on x86-64 with gcc or clang there is the baseline alone, which is vectorised as it stands. */
#ifndef FASTMLE_LEVELS_H
#define FASTMLE_LEVELS_H

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define FASTMLE_X86_LEVELS 1
#else
#define FASTMLE_X86_LEVELS 0
#endif

enum { LEVEL_BASELINE = 0, LEVEL_AVX2 = 1 };

static inline int cpu_has_level(int level)
{
#if FASTMLE_X86_LEVELS
    __builtin_cpu_init();
    if (level == LEVEL_AVX2)
        return __builtin_cpu_supports("avx2");
#endif
    return level == LEVEL_BASELINE;
}

#endif
