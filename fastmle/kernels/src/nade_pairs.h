/* What nade_coarse.h asks of registers, at each level:
 *
 *     add_pairs            sums + the sums of the products of neighbours of a and b, of which a stands in memory
 *     pair_up              the low halves of a and b beside each other
 *     which_negative       which of sixteen numbers are negative
 *     estimate_reciprocal  1 / x, within 2^-14 of it
 *     exact_reciprocal     1 / x, and
 *     exact_sigmoid        1 / (1 + exp(-x)), as `activate` takes them
 *
 * PAIR_ROWS is of how many rows the sums stay in registers. Without the instruction for add_pairs floats are the
 * quicker way, and draws go by exact logits. */
#if FASTMLE_VECTOR_BYTES >= 32 || defined(__SSE2__)
#define HAS_PAIRS 1
#else
#define HAS_PAIRS 0
#endif

#if HAS_PAIRS
typedef int32_t part_i32 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(4), may_alias));
typedef uint32_t part_u32 __attribute__((vector_size(FASTMLE_VECTOR_BYTES), aligned(4), may_alias));

#if FASTMLE_VECTOR_BYTES == 64

enum { PAIR_ROWS = 16 };
static inline part_i32 add_pairs(part_i32 sums, const int16_t *a, part_i32 b)
{
    return (part_i32)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)b, _mm512_loadu_si512(a));
}
static inline part_u32 pair_up(part_u32 a, part_u32 b)
{
    return (part_u32)_mm512_mask_blend_epi16(0xAAAAAAAA, (__m512i)a, (__m512i)(b << 16));
}
static inline unsigned which_negative(const int32_t *numbers)
{
    return _mm512_movepi32_mask(_mm512_loadu_si512(numbers));
}
static inline part_f32 estimate_reciprocal(part_f32 x)
{
    return (part_f32)_mm512_rcp14_ps((__m512)x);
}

#elif FASTMLE_VECTOR_BYTES == 32

enum { PAIR_ROWS = 8 };
static inline part_i32 add_pairs(part_i32 sums, const int16_t *a, part_i32 b)
{
    const __m256i own = _mm256_loadu_si256((const __m256i *)a);
    return (part_i32)_mm256_add_epi32((__m256i)sums, _mm256_madd_epi16(own, (__m256i)b));
}
static inline part_u32 pair_up(part_u32 a, part_u32 b)
{
    return (part_u32)_mm256_blend_epi16((__m256i)a, (__m256i)(b << 16), 0xAA);
}
static inline unsigned which_negative(const int32_t *numbers)
{
    const __m256 low = _mm256_loadu_ps((const float *)numbers), high = _mm256_loadu_ps((const float *)numbers + 8);
    return (unsigned)_mm256_movemask_ps(low) | (unsigned)_mm256_movemask_ps(high) << 8;
}
static inline part_f32 estimate_reciprocal(part_f32 x)
{
    return reciprocal_part_f32(x);
}

#else

enum { PAIR_ROWS = 8 };
static inline part_i32 add_pairs(part_i32 sums, const int16_t *a, part_i32 b)
{
    const __m128i own = _mm_loadu_si128((const __m128i *)a);
    return (part_i32)_mm_add_epi32((__m128i)sums, _mm_madd_epi16(own, (__m128i)b));
}
static inline part_u32 pair_up(part_u32 a, part_u32 b)
{
    return (a & 0xFFFF) | b << 16;
}
static inline unsigned which_negative(const int32_t *numbers)
{
    unsigned found = 0;
    for (int r = 0; r < 16; r += 4)
        found |= (unsigned)_mm_movemask_ps(_mm_loadu_ps((const float *)numbers + r)) << r;
    return found;
}
static inline part_f32 estimate_reciprocal(part_f32 x)
{
    return 1 / x;
}

#endif

#ifdef SIGMOID_PART_F32
static inline part_f32 exact_reciprocal(part_f32 x)
{
    return reciprocal_part_f32(x);
}
static inline part_f32 exact_sigmoid(part_f32 x)
{
    return SIGMOID_PART_F32(x);
}
#else
static inline part_f32 exact_reciprocal(part_f32 x)
{
    return 1 / x;
}
static inline part_f32 exact_sigmoid(part_f32 x)
{
    for (int lane = 0; lane < FASTMLE_VECTOR_BYTES / 4; lane++)
        x[lane] = sigmoid_f32(x[lane]);
    return x;
}
#endif

#endif
