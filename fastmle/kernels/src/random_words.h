/* Random words of 64 bits, and numbers from them.
 *
 * The generator is SFC64 by Chris Doty-Humphrey (PractRand; also in NumPy), in eight lanes that know
 * nothing of each other: their loops are the vector instructions of every level. */

/* Beginning at a cache line; and not merged into the caller, where the state would not fit into the
 * registers. */
#if defined(_MSC_VER) && !defined(__clang__)
#define ALIGNED __declspec(align(64))
#define APART __declspec(noinline)
#else
#define ALIGNED __attribute__((aligned(64)))
#define APART __attribute__((noinline))
#endif

/* Draws n_rounds times one word a lane. */
static APART void draw_words(uint64_t *restrict state, uint64_t *restrict words, ptrdiff_t n_rounds)
{
    uint64_t a[RANDOM_LANES], b[RANDOM_LANES], c[RANDOM_LANES], counter[RANDOM_LANES];
    memcpy(a, state, sizeof a);
    memcpy(b, state + RANDOM_LANES, sizeof b);
    memcpy(c, state + 2 * RANDOM_LANES, sizeof c);
    memcpy(counter, state + 3 * RANDOM_LANES, sizeof counter);
    for (ptrdiff_t round = 0; round < n_rounds; round++)
        _Pragma("omp simd") for (int lane = 0; lane < RANDOM_LANES; lane++) {
            const uint64_t word = a[lane] + b[lane] + counter[lane];
            counter[lane]++;
            a[lane] = b[lane] ^ (b[lane] >> 11);
            b[lane] = c[lane] + (c[lane] << 3);
            c[lane] = (c[lane] << 24 | c[lane] >> 40) + word;
            words[RANDOM_LANES * round + lane] = word;
        }
    memcpy(state, a, sizeof a);
    memcpy(state + RANDOM_LANES, b, sizeof b);
    memcpy(state + 2 * RANDOM_LANES, c, sizeof c);
    memcpy(state + 3 * RANDOM_LANES, counter, sizeof counter);
}

/* Starts generators from three seed words: these start a single SFC64, as NumPy does, whose words are the
 * a, b and c of the lanes, of one generator after the other. */
static void start_generators(const uint64_t *words, uint64_t *states, ptrdiff_t n_generators)
{
    enum { N_DISCARDED = 12 }; /* after which every bit of the seed has reached every bit of the state */
    uint64_t discarded[N_DISCARDED * RANDOM_LANES];
    uint64_t a = words[0], b = words[1], c = words[2], counter = 1;
    ptrdiff_t drawn = -N_DISCARDED;
    for (ptrdiff_t number = 0; number < n_generators; number++) {
        uint64_t *state = states + 4 * RANDOM_LANES * number;
        for (; drawn < 3 * RANDOM_LANES; drawn++) {
            const uint64_t word = a + b + counter++;
            a = b ^ (b >> 11);
            b = c + (c << 3);
            c = (c << 24 | c >> 40) + word;
            if (drawn >= 0)
                state[drawn] = word;
        }
        drawn = 0;
        for (int lane = 0; lane < RANDOM_LANES; lane++)
            state[3 * RANDOM_LANES + lane] = 1;
        draw_words(state, discarded, N_DISCARDED);
    }
}

/* Fills n_lines lines of n_bits numbers with 31 random bits each, two of a word. Every line begins with a
 * new round, and what is left of its last one is discarded. */
static void draw_bits(
    uint64_t *restrict state, int32_t *restrict bits, ptrdiff_t n_lines, ptrdiff_t n_bits, ptrdiff_t stride)
{
    enum { N_ROUNDS = 16, CHUNK_BITS = 2 * RANDOM_LANES * N_ROUNDS };
    ALIGNED uint64_t words[RANDOM_LANES * N_ROUNDS];
    ALIGNED int32_t drawn[CHUNK_BITS];
    for (ptrdiff_t line = 0; line < n_lines; line++, bits += stride)
        for (ptrdiff_t start = 0; start < n_bits; start += CHUNK_BITS) {
            const ptrdiff_t run = n_bits - start < CHUNK_BITS ? n_bits - start : CHUNK_BITS;
            draw_words(state, words, (run + 2 * RANDOM_LANES - 1) / (2 * RANDOM_LANES));
            memcpy(drawn, words, sizeof drawn);
            _Pragma("omp simd") for (ptrdiff_t i = 0; i < run; i++)
                bits[start + i] = drawn[i] & INT32_MAX;
        }
}

static inline double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* (k + 1/2) 2^-52 in (0, 1), exact, with k the upper 52 bits: they become the fraction of a number in
 * [1, 2), from which 1 - 2^-53 is taken. */
static inline double unit_of_word(uint64_t word)
{
    return double_of_bits(word >> 12 | UINT64_C(0x3FF0000000000000)) - (1.0 - 0x1p-53);
}

/* k + 1/2, rounded once, for a word k taken as a signed or as an unsigned integer, as no level but the
 * highest has an instruction for it. Its halves become fractions of large numbers, whose last places are
 * worth 2^32 and 1. */
static inline double signed_of_word(uint64_t word)
{
    const double high = double_of_bits((word >> 32) ^ UINT64_C(0x4530000080000000)) - (0x1p84 + 0x1p63);
    const double low = double_of_bits((word & UINT64_C(0xFFFFFFFF)) | UINT64_C(0x4330000000000000))
                       - (0x1p52 - 0.5);
    return high + low;
}

static inline double unsigned_of_word(uint64_t word)
{
    const double high = double_of_bits((word >> 32) | UINT64_C(0x4530000000000000)) - 0x1p84;
    const double low = double_of_bits((word & UINT64_C(0xFFFFFFFF)) | UINT64_C(0x4330000000000000))
                       - (0x1p52 - 0.5);
    return high + low;
}

/* All ones where the highest bit is set, else zero. */
static inline uint64_t mask_of_sign(uint64_t word)
{
    return 0 - (word >> 63);
}
