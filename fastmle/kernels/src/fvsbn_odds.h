/* What follows from a row's odds p / (1 - p), in float: log-likelihoods and residuals without an exponential.
 *
 * With the odds f against the outcome, f = odds for an outcome 0 and 1 / odds for a 1, its log-likelihood is
 * -log(1 + f) and its residual +-f / (1 + f). Where 1 + f = 2^j (1 + m), j >= 0 and 0 <= m < 1, exponents add
 * up and mantissas multiply; m is f itself where j = 0, which keeps the relative accuracy of small f. */

/* No product of odds ratios on the way to some odds leaves exp(+-ODDS_LIMIT), which a float can hold. */
#define ODDS_LIMIT 80.0

/* Whether that is so in all columns of a block for rows with so many ones at most: the positive weights, or
 * the negative ones, or the largest so often, sum up to less. */
static int odds_fit(
    const int32_t *columns, ptrdiff_t n_columns, const double *coef, ptrdiff_t coef_stride,
    ptrdiff_t n_groups, const double *intercept, ptrdiff_t most_ones)
{
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        const double *row = coef + lane * coef_stride;
        const ptrdiff_t width = columns[lane] < 8 * n_groups ? columns[lane] : 8 * n_groups;
        double sum = intercept[lane], size = __builtin_fabs(intercept[lane]), largest = 0;
        _Pragma("omp simd reduction(+ : sum, size) reduction(max : largest)") for (
            ptrdiff_t j = 0; j < width; j++) {
            const double w = __builtin_fabs(row[j]);
            sum += row[j];
            size += w;
            largest = w > largest ? w : largest;
        }
        if (size + __builtin_fabs(sum) < 2 * ODDS_LIMIT) /* twice the larger of the two sums */
            continue;
        if (!(size < INFINITY && (double)most_ones * largest + __builtin_fabs(intercept[lane]) < ODDS_LIMIT))
            return 0;
    }
    return 1;
}

static inline float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* j + 127, and m where j > 0, of x = 1 + f. */
static inline int32_t biased_exponent(float x)
{
    return (int32_t)(bits_of_float(x) >> 23);
}

static inline float mantissa_past_one(float x)
{
    return float_of_bits((bits_of_float(x) & 0x007FFFFF) | 0x3F800000) - 1;
}

static void add_terms_odds(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop, const int32_t *columns,
    ptrdiff_t n_columns, float *restrict z, double *restrict total)
{
    uint16_t outcomes[CHUNK];
    float mantissa[CHUNK * lanes_f32];
    for (; start < stop; start += CHUNK, z += CHUNK * lanes_f32, total += CHUNK) {
        const ptrdiff_t end = start + CHUNK < stop ? start + CHUNK : stop;
        gather_outcomes_f32(tile, n_rows, start, end, columns, n_columns, outcomes);
        for (ptrdiff_t r = 0; r < end - start; r++) {
            const uint32_t outcome = outcomes[r];
            EACH_LANE {
                const float odds = z[r * LANES + lane], inverse = 1 / odds;
                const float f = outcome & lane_bit_f32[lane] ? inverse : odds;
                const float x = 1 + f, m = mantissa_past_one(x);
                z[r * LANES + lane] = (float)(127 - biased_exponent(x));
                mantissa[r * LANES + lane] = x < 2 ? f : m;
            }
        }
        add_lanes_f32(end - start, z, mantissa, LOG_2, total);
    }
}

/* One run of to_residuals_odds, of at most CHUNK rows. Without weights the mantissas of a lane's rows
 * multiply, and one logarithm is left. */
static inline ALWAYS_INLINE void residuals_of_odds(
    const int weighted, const uint16_t *outcomes, const double *weight, ptrdiff_t n_rows,
    float *restrict z, int32_t *restrict exponents, float *restrict logarithms, float *restrict total)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const float w = weighted ? (float)weight[r] : 1.0f;
        const uint32_t outcome = outcomes[r];
        EACH_LANE {
            const float odds = z[r * LANES + lane], inverse = 1 / odds;
            const uint32_t sign = outcome & lane_bit_f32[lane] ? 0 : UINT32_C(0x80000000);
            const float f = outcome & lane_bit_f32[lane] ? inverse : odds;
            const float x = 1 + f, past_one = mantissa_past_one(x), m = x < 2 ? f : past_one;
            const int32_t exponent = biased_exponent(x) - 127;
            float residual = f * (1 / x);
            if (weighted) {
                logarithms[lane] += w * ((float)LOG_2 * (float)exponent + log1p_from_ratio_f32(m / (2 + m)));
                residual *= w;
            } else {
                exponents[lane] += exponent;
                logarithms[lane] = MULTIPLY_ADD_F32(logarithms[lane], m, logarithms[lane] + m);
            }
            residual = flip_f32(residual, sign);
            total[lane] += residual;
            z[r * LANES + lane] = residual;
        }
    }
}

static void to_residuals_odds(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop, const int32_t *columns,
    ptrdiff_t n_columns, const double *weight, float *restrict z, double *value, double *total)
{
    uint16_t outcomes[CHUNK];
    for (; start < stop; start += CHUNK, z += CHUNK * lanes_f32) {
        const ptrdiff_t end = start + CHUNK < stop ? start + CHUNK : stop;
        float product[lanes_f32] = {0}, residuals[lanes_f32] = {0};
        int32_t exponents[lanes_f32] = {0};
        double logarithms[lanes_f32];
        gather_outcomes_f32(tile, n_rows, start, end, columns, n_columns, outcomes);
        if (weight) {
            residuals_of_odds(1, outcomes, weight + start, end - start, z, exponents, product, residuals);
            EACH_LANE
                logarithms[lane] = (double)product[lane];
        } else {
            residuals_of_odds(0, outcomes, weight, end - start, z, exponents, product, residuals);
            EACH_LANE
                logarithms[lane] = LOG_2 * exponents[lane] + log1p_nonnegative_f64((double)product[lane]);
        }
        for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
            value[lane] -= logarithms[lane];
            total[lane] += (double)residuals[lane];
        }
    }
}
