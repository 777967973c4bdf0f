/* All loops of one level, and their table. The including file sets FVSBN_TABLE and the target. */
#include <string.h>
#include "elementary.h"
#include "fvsbn.h"

#if defined(__GNUC__) || defined(__clang__)
#define ALWAYS_INLINE __attribute__((always_inline))
#else
#define ALWAYS_INLINE
#endif

/* Rows that go through the elementary functions together: their scratch stays in the first cache, and
 * the product of their 1 + exp(-|logit|), at most 2 each, in the range of a float. */
enum { CHUNK = 96 };
enum { TABLE_LINES = fvsbn_table_lines };

/* The bytes of eight rows, the first one lowest. */
static inline uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Where the line of byte i of a word begins, in bytes: 64 times the byte. */
#define LINE_OF(word, i) \
    ((ptrdiff_t)(((i) == 0 ? (word) << 6 : (word) >> (8 * (i) - ((i) == 0 ? 0 : 6))) & 0x3fc0))

/* WORD is the unsigned integer as wide as REAL; lane_bit[lane] is bit `lane` of it (a shift by the lane
 * would not vectorise everywhere). */
#define REAL double
#define WORD uint64_t
#define SIGN_BIT UINT64_C(0x8000000000000000)
#define ABS __builtin_fabs
#define MADD MULTIPLY_ADD_F64
#define NAME(stem) stem##_f64
static const uint64_t lane_bit_f64[lanes_f64] = {1, 2, 4, 8, 16, 32, 64, 128};
#include "fvsbn_loops.h"
#undef REAL
#undef WORD
#undef SIGN_BIT
#undef ABS
#undef MADD
#undef NAME

#define REAL float
#define WORD uint32_t
#define SIGN_BIT UINT32_C(0x80000000)
#define ABS __builtin_fabsf
#define MADD MULTIPLY_ADD_F32
#define NAME(stem) stem##_f32
static const uint32_t lane_bit_f32[lanes_f32] = {
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
#include "fvsbn_loops.h"
#undef REAL
#undef WORD
#undef SIGN_BIT
#undef ABS
#undef MADD
#undef NAME

/* Lists the set bits of every row (see fvsbn_rows). */
static void list_set_bits(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, int32_t *restrict starts,
    uint16_t *restrict bits)
{
    int32_t end = 0;
    memset(starts, 0, (size_t)(n_rows + 1) * sizeof *starts);
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        _Pragma("omp simd") for (ptrdiff_t r = 0; r < n_rows; r++) {
            uint8_t x = bytes[r];
            x = (uint8_t)(x - ((x >> 1) & 0x55));
            x = (uint8_t)((x & 0x33) + ((x >> 2) & 0x33));
            starts[r + 1] += (x + (x >> 4)) & 0x0F;
        }
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) { /* each start moves on while its row is filled */
        const int32_t count = starts[r + 1];
        starts[r + 1] = end;
        end += count;
    }
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            unsigned byte = bytes[r], flag = 0;
            if (r + 8 <= n_rows && byte == 0) {
                if (load_word(bytes + r) == 0)
                    r += 7;
                continue;
            }
            for (unsigned h = 0; byte; h++, byte >>= 1)
                if (byte & 1) {
                    bits[starts[r + 1]++] = (uint16_t)((8 * g + h) | flag);
                    flag = SAME_GROUP;
                }
        }
    }
}

/* Draws the variables first_column..first_column + n_lanes - 1 (at most LANES, first_column a multiple of
 * 8) of a tile's rows, given the variables before them; of the block's own, the first n_given are given.
 * coef[lane][j] is the weight of variable j, uniform[lane * n_rows + r] 31 random bits. Rows stand side by
 * side here, and a bit that has been drawn adds its weights to the logits of those after it.
 *
 * The less probable outcome, of probability e / (1 + e) with e = exp(-|logit|), is drawn where v = (uniform
 * + 1) / 2^31 <= e / (1 + e): v is never 0, so what has no probability is not drawn. */
static void sample_block(
    uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t first_column, ptrdiff_t n_lanes, ptrdiff_t n_given,
    const double *coef, ptrdiff_t coef_stride, const double *intercept, const int32_t *uniform,
    float *restrict tables, float *restrict z)
{
    enum { L = lanes_f32 };
    const fvsbn_rows rows = {tile, n_rows, NULL, NULL};
    int32_t columns[L];
    float inner[L][L] = {{0}}, logit[L][CHUNK];
    int32_t bits[CHUNK];
    for (int lane = 0; lane < L; lane++)
        columns[lane] = (int32_t)first_column;
    if (coef)
        for (ptrdiff_t lane = 0; lane < n_lanes; lane++)
            for (ptrdiff_t k = 0; k < lane; k++)
                inner[k][lane] = (float)coef[lane * coef_stride + first_column + k];
    compute_logits_f32(
        &rows, columns, n_lanes, coef, coef_stride, coef ? first_column / 8 : 0, intercept, tables, z);
    for (ptrdiff_t start = 0; start < n_rows; start += CHUNK) {
        const ptrdiff_t run = n_rows - start < CHUNK ? n_rows - start : CHUNK;
        uint8_t *low = tile + (first_column >> 3) * n_rows + start, *high = low + n_rows;
        memset(bits, 0, sizeof bits);
        for (ptrdiff_t r = 0; r < run; r++) {
            bits[r] = n_given > 0 ? low[r] : 0;
            bits[r] |= n_given > 8 ? high[r] << 8 : 0;
        }
        for (ptrdiff_t r = 0; r < run; r++)
            for (int lane = 0; lane < L; lane++)
                logit[lane][r] = z[(start + r) * L + lane];
        for (ptrdiff_t lane = 0; lane < n_lanes; lane++) {
            const int32_t one = (int32_t)1 << lane;
            const int32_t *random = uniform + lane * n_rows + start;
            float drawn[CHUNK];
            if (lane < n_given)
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    drawn[r] = bits[r] & one ? 1.0f : 0.0f;
            else
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++) {
                    const float t = logit[lane][r];
                    const float e = exp_nonpositive_f32(-__builtin_fabsf(t));
                    const float v = ((float)random[r] + 1.0f) * 0x1p-31f;
                    const float rare = v * (1.0f + e) <= e ? 1.0f : 0.0f;
                    drawn[r] = t < 0.0f ? rare : 1.0f - rare;
                    bits[r] |= drawn[r] > 0.0f ? one : 0;
                }
            for (ptrdiff_t later = lane + 1; later < n_lanes; later++) {
                const float weight = inner[lane][later];
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    logit[later][r] += drawn[r] * weight;
            }
        }
        for (ptrdiff_t r = 0; r < run; r++)
            low[r] = (uint8_t)bits[r];
        if (n_lanes > 8)
            for (ptrdiff_t r = 0; r < run; r++)
                high[r] = (uint8_t)(bits[r] >> 8);
    }
}

const fvsbn_functions FVSBN_TABLE = {
    compute_logits_f32, logits_to_terms_f32, add_log_likelihood_f32, add_gradient_f32,
    compute_logits_f64, logits_to_terms_f64, add_log_likelihood_f64, add_gradient_f64,
    list_set_bits,
    sample_block,
};
