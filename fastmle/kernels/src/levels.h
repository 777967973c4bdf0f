/* Instruction-set levels. Loops that gain from wider registers are compiled once per level, each in a
 * file of its own that sets the target with a pragma and fills one table of functions; the extensions
 * take the table of the level that is chosen at run time. Elsewhere than on x86-64 with gcc or clang
 * there is the baseline alone, which is vectorised as it stands (arm64: NEON). */
#ifndef FASTMLE_LEVELS_H
#define FASTMLE_LEVELS_H

#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
#define FASTMLE_X86_LEVELS 1
#else
#define FASTMLE_X86_LEVELS 0
#endif

enum { LEVEL_BASELINE = 0, LEVEL_AVX2 = 1, LEVEL_AVX512 = 2, N_LEVELS = 3 };

static const char *const LEVEL_NAMES[N_LEVELS] = {"baseline", "avx2", "avx512"};

static inline int cpu_has_level(int level)
{
#if FASTMLE_X86_LEVELS
    __builtin_cpu_init();
    if (level == LEVEL_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
               && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")
               && __builtin_cpu_supports("popcnt");
    if (level == LEVEL_AVX512) /* from Ice Lake and Zen 4 on */
        return cpu_has_level(LEVEL_AVX2) && __builtin_cpu_supports("avx512f")
               && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
               && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")
               && __builtin_cpu_supports("avx512vpopcntdq");
#endif
    return level == LEVEL_BASELINE;
}

#if defined(__clang__)
#define FASTMLE_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define FASTMLE_COMPILER "gcc " __VERSION__
#elif defined(_MSC_VER)
#define FASTMLE_TEXT(x) #x
#define FASTMLE_TEXT_OF(x) FASTMLE_TEXT(x)
#define FASTMLE_COMPILER "MSVC " FASTMLE_TEXT_OF(_MSC_FULL_VER)
#else
#define FASTMLE_COMPILER "unknown"
#endif

#endif
