/* A line is a run of bytes, one a row or one a variable, that fills a register; the top bits of its
 * bytes, gathered into one word, are the step on which packing and transposing rest. x86 has an
 * instruction for it, which no compiler finds by itself; elsewhere one multiplication gathers eight. */

#if defined(BITS_AVX2)

enum { LINE = 32 };
typedef __m256i byte_line;

static inline byte_line load_line(const uint8_t *bytes)
{
    return _mm256_loadu_si256((const __m256i *)bytes);
}

static inline byte_line join_lines(byte_line a, byte_line b)
{
    return _mm256_or_si256(a, b);
}

static inline byte_line mask_line(byte_line a, byte_line b)
{
    return _mm256_and_si256(a, b);
}

static inline byte_line double_bytes(byte_line x)
{
    return _mm256_add_epi8(x, x);
}

static inline uint32_t top_bits(byte_line x)
{
    return (uint32_t)_mm256_movemask_epi8(x);
}

/* The lowest bits of the bytes: what a shift of 16-bit words drags along stays below the top bits. */
static inline uint32_t low_bits(byte_line x)
{
    return top_bits(_mm256_slli_epi16(x, 7));
}

#elif defined(__SSE2__) || defined(_M_X64)

enum { LINE = 16 };
typedef __m128i byte_line;

static inline byte_line load_line(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)bytes);
}

static inline byte_line join_lines(byte_line a, byte_line b)
{
    return _mm_or_si128(a, b);
}

static inline byte_line mask_line(byte_line a, byte_line b)
{
    return _mm_and_si128(a, b);
}

static inline byte_line double_bytes(byte_line x)
{
    return _mm_add_epi8(x, x);
}

static inline uint32_t top_bits(byte_line x)
{
    return (uint32_t)_mm_movemask_epi8(x);
}

static inline uint32_t low_bits(byte_line x)
{
    return top_bits(_mm_slli_epi16(x, 7));
}

#else

enum { LINE = 8 };
typedef uint64_t byte_line;

static inline byte_line load_line(const uint8_t *bytes)
{
    byte_line x;
    memcpy(&x, bytes, 8);
    return x;
}

static inline byte_line join_lines(byte_line a, byte_line b)
{
    return a | b;
}

static inline byte_line mask_line(byte_line a, byte_line b)
{
    return a & b;
}

static inline byte_line double_bytes(byte_line x)
{
    return (x << 1) & UINT64_C(0xFEFEFEFEFEFEFEFE);
}

static inline uint32_t low_bits(byte_line x)
{
    return (uint32_t)(((x & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080)) >> 56);
}

static inline uint32_t top_bits(byte_line x)
{
    return low_bits(x >> 7);
}

#endif

/* to[k * to_stride + r] = from[r * from_stride + k] for 16 rows and 8 columns of bytes. */
#if defined(__SSE2__) || defined(_M_X64)

static inline void transpose_bytes(
    const uint8_t *from, ptrdiff_t from_stride, uint8_t *to, ptrdiff_t to_stride)
{
    __m128i x[8], y[8];
    for (int r = 0; r < 8; r++) /* rows r and r + 8 take turns; three more rounds finish the sort */
        x[r] = _mm_unpacklo_epi8(
            _mm_loadl_epi64((const __m128i *)(from + r * from_stride)),
            _mm_loadl_epi64((const __m128i *)(from + (r + 8) * from_stride)));
    for (int r = 0; r < 4; r++) {
        y[2 * r] = _mm_unpacklo_epi8(x[r], x[r + 4]);
        y[2 * r + 1] = _mm_unpackhi_epi8(x[r], x[r + 4]);
    }
    for (int r = 0; r < 4; r++) {
        x[2 * r] = _mm_unpacklo_epi8(y[r], y[r + 4]);
        x[2 * r + 1] = _mm_unpackhi_epi8(y[r], y[r + 4]);
    }
    for (int r = 0; r < 4; r++) {
        y[2 * r] = _mm_unpacklo_epi8(x[r], x[r + 4]);
        y[2 * r + 1] = _mm_unpackhi_epi8(x[r], x[r + 4]);
    }
    for (int k = 0; k < 8; k++)
        _mm_storeu_si128((__m128i *)(to + k * to_stride), y[k]);
}

/* to[r * 8 + k] = from[k * from_stride + r] for 8 groups and 16 rows of bytes: the way back. */
static inline void gather_bytes(const uint8_t *from, ptrdiff_t from_stride, uint8_t *to)
{
    __m128i x[8], y[8];
    for (int k = 0; k < 8; k++)
        x[k] = _mm_loadu_si128((const __m128i *)(from + k * from_stride));
    for (int k = 0; k < 4; k++) {
        y[2 * k] = _mm_unpacklo_epi8(x[k], x[k + 4]);
        y[2 * k + 1] = _mm_unpackhi_epi8(x[k], x[k + 4]);
    }
    for (int k = 0; k < 4; k++) {
        x[2 * k] = _mm_unpacklo_epi8(y[k], y[k + 4]);
        x[2 * k + 1] = _mm_unpackhi_epi8(y[k], y[k + 4]);
    }
    for (int k = 0; k < 4; k++) {
        _mm_storeu_si128((__m128i *)(to + 32 * k), _mm_unpacklo_epi8(x[k], x[k + 4]));
        _mm_storeu_si128((__m128i *)(to + 32 * k + 16), _mm_unpackhi_epi8(x[k], x[k + 4]));
    }
}

#else

static inline void transpose_words(uint64_t *x)
{
    for (int step = 4; step > 0; step /= 2) { /* blocks of 4, 2, then 1 change places */
        const uint64_t mask = step == 4   ? UINT64_C(0x00000000FFFFFFFF)
                              : step == 2 ? UINT64_C(0x0000FFFF0000FFFF)
                                          : UINT64_C(0x00FF00FF00FF00FF);
        for (int r = 0; r < 8; r++)
            if (!(r & step)) {
                const uint64_t change = ((x[r] >> (8 * step)) ^ x[r + step]) & mask;
                x[r + step] ^= change;
                x[r] ^= change << (8 * step);
            }
    }
}

static inline void transpose_bytes(
    const uint8_t *from, ptrdiff_t from_stride, uint8_t *to, ptrdiff_t to_stride)
{
    uint64_t x[8];
    for (int half = 0; half < 16; half += 8) {
        for (int r = 0; r < 8; r++)
            memcpy(&x[r], from + (half + r) * from_stride, 8);
        transpose_words(x);
        for (int k = 0; k < 8; k++)
            memcpy(to + k * to_stride + half, &x[k], 8);
    }
}

static inline void gather_bytes(const uint8_t *from, ptrdiff_t from_stride, uint8_t *to)
{
    uint64_t x[8];
    for (int half = 0; half < 16; half += 8) {
        for (int k = 0; k < 8; k++)
            memcpy(&x[k], from + k * from_stride + half, 8);
        transpose_words(x);
        memcpy(to + 8 * half, x, sizeof x);
    }
}

#endif
