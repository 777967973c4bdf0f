/* The loops of NADE for one level, in both precisions, and their table. The including file sets NADE_TABLE
 * and the target, and includes the header of its intrinsics. */
#include <math.h>
#include <string.h>
#include "elementary.h"
#include "nade.h"

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE __attribute__((always_inline))
#else
#define ALWAYS_INLINE
#endif

#ifndef FASTMLE_VECTOR_BYTES
#define FASTMLE_VECTOR_BYTES 16
#endif
typedef double part_f64 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(8), may_alias));
typedef float part_f32 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(4), may_alias));

/* a b + c: compilers have no such operation on their own vectors. */
#if FASTMLE_VECTOR_BYTES == 64
#define FUSE_F64(a, b, c) ((part_f64)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define FUSE_F32(a, b, c) ((part_f32)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#elif FASTMLE_VECTOR_BYTES == 32
#define FUSE_F64(a, b, c) ((part_f64)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define FUSE_F32(a, b, c) ((part_f32)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#else
#define FUSE_F64(a, b, c) ((a) * (b) + (c))
#define FUSE_F32(a, b, c) ((a) * (b) + (c))
#endif

#include "nade_sigmoid.h"

/* Sums of neighbours, of a and then of b. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE __builtin_shufflevector
#define ADD_NEIGHBOURS_2(a, b) (SHUFFLE(a, b, 0, 2) + SHUFFLE(a, b, 1, 3))
#define ADD_NEIGHBOURS_4(a, b) (SHUFFLE(a, b, 0, 2, 4, 6) + SHUFFLE(a, b, 1, 3, 5, 7))
#define ADD_NEIGHBOURS_8(a, b) \
    (SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15))
#define ADD_NEIGHBOURS_16(a, b) \
    (SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) + \
     SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31))
#if FASTMLE_VECTOR_BYTES == 64
#define ADD_NEIGHBOURS_F64 ADD_NEIGHBOURS_8
#define ADD_NEIGHBOURS_F32 ADD_NEIGHBOURS_16
#elif FASTMLE_VECTOR_BYTES == 32
#define ADD_NEIGHBOURS_F64 ADD_NEIGHBOURS_4
#define ADD_NEIGHBOURS_F32 ADD_NEIGHBOURS_8
#else
#define ADD_NEIGHBOURS_F64 ADD_NEIGHBOURS_2
#define ADD_NEIGHBOURS_F32 ADD_NEIGHBOURS_4
#endif
#endif
#endif

enum { GROUP = nade_group, COLUMNS = nade_columns };

/* The number of rows, rounded up to whole groups. */
static inline ptrdiff_t padded(const nade_rows *rows)
{
    return (rows->n_rows + GROUP - 1) / GROUP * GROUP;
}

/* Which rows of a group have a one in variable i: bit r of the result is that of row start + r. */
static inline unsigned ones_of(const nade_rows *rows, ptrdiff_t i, ptrdiff_t start)
{
    const uint8_t *bytes = rows->bytes + (i >> 3) * rows->stride + start;
    const ptrdiff_t n = rows->n_rows - start;
    unsigned ones = 0;
    for (int r = 0; r < (n < GROUP ? (int)n : GROUP); r++)
        ones |= (unsigned)(bytes[r] >> (i & 7) & 1) << r;
    return ones;
}

/* The place of the lowest one of a word that is not zero. */
static inline int lowest_bit(unsigned word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctz(word);
#else
    int place = 0;
    while (!(word >> place & 1))
        place++;
    return place;
#endif
}

/* Does something for every pass over eight rows, or over the numbers of a line by registers of so many. */
#define EACH_ROW(r) _Pragma("omp simd") for (int r = 0; r < GROUP; r++)
#define EACH_NUMBER(k, from, to) _Pragma("omp simd") for (ptrdiff_t k = (from); k < (to); k++)
#define EACH_PART(k, from, to) for (ptrdiff_t k = (from); k < (to); k += PART)

#define REAL double
#define VECTOR part_f64
#define FUSE FUSE_F64
#ifdef SHUFFLE
#define ADD_NEIGHBOURS ADD_NEIGHBOURS_F64
#endif
#define ABS fabs
#define EXP exp_f64
#define EXP_INSIDE exp_inside_f64
#define FARTHEST 708.0
#define LOG1P_FROM_RATIO log1p_from_ratio_f64
#define NAME(stem) stem##_f64
#define PART ((ptrdiff_t)(FASTMLE_VECTOR_BYTES / 8))
#include "nade_loops.h"
#include "nade_gradient.h"
#undef REAL
#undef VECTOR
#undef FUSE
#undef ADD_NEIGHBOURS
#undef ABS
#undef EXP
#undef EXP_INSIDE
#undef FARTHEST
#undef LOG1P_FROM_RATIO
#undef NAME
#undef PART

#define REAL float
#define VECTOR part_f32
#define FUSE FUSE_F32
#ifdef SHUFFLE
#define ADD_NEIGHBOURS ADD_NEIGHBOURS_F32
#endif
#define ABS fabsf
#define EXP exp_f32
#define EXP_INSIDE exp_inside_f32
#ifdef SIGMOID_PART_F32
#define SIGMOID_PART SIGMOID_PART_F32
#define RECIPROCAL_PART reciprocal_part_f32
#endif
#define FARTHEST 87.0f
#define LOG1P_FROM_RATIO log1p_from_ratio_f32
#define NAME(stem) stem##_f32
#define PART ((ptrdiff_t)(FASTMLE_VECTOR_BYTES / 4))
#include "nade_loops.h"
#include "nade_gradient.h"
#include "nade_pairs.h"
#include "nade_coarse.h"

const nade_functions NADE_TABLE = {
    {begin_f32, walk_f32, represent_f32, add_gradient_f32},
    {begin_f64, walk_f64, represent_f64, add_gradient_f64},
#if HAS_PAIRS
    {turn_into_odds, coarsen, coarse_begin, coarse_walk},
#else
    {turn_into_odds, coarsen, NULL, NULL},
#endif
};
