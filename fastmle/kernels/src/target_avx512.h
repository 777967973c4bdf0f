/* What follows in this file is compiled for AVX-512, with registers of 512 bits. */
#define FASTMLE_FMA 1
#define FASTMLE_VECTOR_BYTES 64
#include <stddef.h> /* system headers before the target changes */
#include <stdint.h>
#include <math.h>
#include <string.h>
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target( \
        "avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq"))), \
    apply_to = function)
#else
#pragma GCC target( \
    "avx2,fma,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vpopcntdq,prefer-vector-width=512")
#endif
