/* What follows from a row's logits, included once for every REAL (see fvsbn_level.h): log-likelihoods and
 * residuals. */

/* The outcomes of rows start..stop-1 (at most CHUNK), one word a row: bit `lane` is the block's variable. */
static inline void NAME(gather_outcomes)(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const int32_t *columns, ptrdiff_t n_columns, uint16_t *restrict outcomes)
{
    const ptrdiff_t run = stop - start;
    if (n_columns == LANES && columns[0] % 8 == 0 && columns[LANES - 1] - columns[0] == LANES - 1) {
        const uint8_t *bytes = tile + (columns[0] >> 3) * n_rows + start;
        if (LANES == 8)
            for (ptrdiff_t r = 0; r < run; r++)
                outcomes[r] = bytes[r];
        else
            for (ptrdiff_t r = 0; r < run; r++)
                outcomes[r] = (uint16_t)(bytes[r] | bytes[n_rows + r] << 8);
        return;
    }
    memset(outcomes, 0, CHUNK * sizeof *outcomes);
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        const uint8_t *bytes = tile + (columns[lane] >> 3) * n_rows + start;
        const uint16_t mask = (uint16_t)(1 << (columns[lane] & 7)), one = (uint16_t)(1 << lane);
        _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
            outcomes[r] |= bytes[r] & mask ? one : 0;
    }
}

static inline REAL NAME(flip)(REAL x, WORD sign)
{
    WORD bits;
    memcpy(&bits, &x, sizeof bits);
    bits ^= sign;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* For a run of at most CHUNK rows: t = logit where the outcome is 1, -logit where it is 0, in place, and
 * e = exp(-|t|). The logarithm and the quotients follow in a loop of their own: the two halves are
 * chains of dependent operations, and only short chains leave the processor room to overlap rows. */
static inline void NAME(exponentials)(
    const uint16_t *outcomes, ptrdiff_t n_rows, REAL *restrict t, REAL *restrict e)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const WORD outcome = outcomes[r];
        EACH_LANE {
            const WORD sign = outcome & NAME(lane_bit)[lane] ? 0 : SIGN_BIT;
            const REAL signed_logit = NAME(flip)(t[r * LANES + lane], sign);
            t[r * LANES + lane] = signed_logit;
            e[r * LANES + lane] = NAME(exp)(-ABS(signed_logit));
        }
    }
}

/* Replaces logits by log p(x_i | x_<i), in nats. */
static void NAME(logits_to_terms)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    REAL *restrict z)
{
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES];
    for (ptrdiff_t start = 0; start < n_rows; start += CHUNK) {
        const ptrdiff_t end = start + CHUNK < n_rows ? start + CHUNK : n_rows;
        REAL *restrict t = z + start * LANES;
        NAME(gather_outcomes)(tile, n_rows, start, end, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, end - start, t, exponential);
        for (ptrdiff_t r = 0; r < end - start; r++) {
            EACH_LANE {
                const REAL e = exponential[r * LANES + lane];
                const REAL below = t[r * LANES + lane] < 0 ? t[r * LANES + lane] : 0;
                t[r * LANES + lane] = below - NAME(log1p_from_ratio)(e / (2 + e));
            }
        }
    }
}

/* total[r] += unit * the sum of min(t, 0) over the lanes of row r - log of the product of their 1 + e, in an
 * order of its own: lanes pair up until one logarithm is left for each row, of 2^LANES at most. */
static void NAME(add_lanes)(
    ptrdiff_t n_rows, const REAL *restrict t, const REAL *restrict e, double unit, double *restrict total)
{
    enum { HALF = LANES / 2, QUARTER = LANES / 4 };
    REAL sum[CHUNK * HALF], product[CHUNK * HALF];
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const REAL *t0 = t + r * LANES, *e0 = e + r * LANES;
        _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < HALF; lane++) {
            const REAL low = t0[lane] < 0 ? t0[lane] : 0;
            const REAL high = t0[HALF + lane] < 0 ? t0[HALF + lane] : 0;
            sum[r * HALF + lane] = low + high;
            product[r * HALF + lane] = MADD(e0[lane], e0[HALF + lane], e0[lane] + e0[HALF + lane]);
        }
    }
    for (ptrdiff_t r = 0; r < n_rows; r++)
        _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < QUARTER; lane++) {
            const REAL e0 = product[r * HALF + lane], e1 = product[r * HALF + QUARTER + lane];
            sum[r * QUARTER + lane] = sum[r * HALF + lane] + sum[r * HALF + QUARTER + lane];
            product[r * QUARTER + lane] = MADD(e0, e1, e0 + e1);
        }
    for (int width = QUARTER; width > 1; width /= 2)
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < n_rows * width / 2; i++) {
            const REAL e0 = product[2 * i], e1 = product[2 * i + 1];
            sum[i] = sum[2 * i] + sum[2 * i + 1];
            product[i] = MADD(e0, e1, e0 + e1);
        }
    _Pragma("omp simd") for (ptrdiff_t r = 0; r < n_rows; r++)
        total[r] += unit * (double)sum[r] - log1p_nonnegative_f64((double)product[r]);
}

/* Adds the log-likelihoods of rows start..stop-1 in the block to their totals, from their logits. */
static void NAME(add_terms)(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop, const int32_t *columns,
    ptrdiff_t n_columns, REAL *restrict z, double *restrict total)
{
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES];
    for (; start < stop; start += CHUNK, z += CHUNK * LANES, total += CHUNK) {
        const ptrdiff_t end = start + CHUNK < stop ? start + CHUNK : stop;
        NAME(gather_outcomes)(tile, n_rows, start, end, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, end - start, z, exponential);
        NAME(add_lanes)(end - start, z, exponential, 1.0, total);
    }
}

/* One run of to_residuals, of at most CHUNK rows. Without weights the logarithms of a lane's rows
 * are taken together: log1p(product) with 1 + product = (1 + e) (1 + e') ..., which keeps the relative
 * accuracy of small e. */
static inline ALWAYS_INLINE void NAME(residuals_of_run)(
    const int weighted, const uint16_t *outcomes, const double *weight, ptrdiff_t n_rows,
    const REAL *restrict exponential, REAL *restrict t, REAL *restrict below_sum,
    REAL *restrict product, REAL *restrict residual_sum)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const REAL w = weighted ? (REAL)weight[r] : (REAL)1;
        const WORD outcome = outcomes[r];
        EACH_LANE {
            const REAL e = exponential[r * LANES + lane];
            const REAL signed_logit = t[r * LANES + lane];
            const REAL below = signed_logit < 0 ? signed_logit : 0;
            const REAL numerator = signed_logit < 0 ? (REAL)1 : e;
            const WORD sign = outcome & NAME(lane_bit)[lane] ? 0 : SIGN_BIT;
            REAL residual;
            if (weighted) {
                const REAL inverse = 1 / ((1 + e) * (2 + e)); /* one division serves both quotients */
                const REAL log_term = NAME(log1p_from_ratio)(e * ((1 + e) * inverse));
                below_sum[lane] += w * (below - log_term);
                residual = w * (numerator * ((2 + e) * inverse));
            } else {
                below_sum[lane] += below;
                product[lane] = MADD(product[lane], e, product[lane] + e);
                residual = numerator / (1 + e);
            }
            residual = NAME(flip)(residual, sign);
            residual_sum[lane] += residual;
            t[r * LANES + lane] = residual;
        }
    }
}

/* Replaces the logits of rows start..stop-1 by the residuals w (x_i - p(x_i = 1 | x_<i)), which is the gradient of the
 * log-likelihood in the logit; adds the block's weighted log-likelihoods to value[lane] and the
 * residuals to total[lane]. The sums run in REAL over CHUNK rows and in double beyond. */
static void NAME(to_residuals)(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop, const int32_t *columns,
    ptrdiff_t n_columns, const double *weight, REAL *restrict z, double *value, double *total)
{
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES];
    for (; start < stop; start += CHUNK, z += CHUNK * LANES) {
        const ptrdiff_t end = start + CHUNK < stop ? start + CHUNK : stop;
        REAL below[LANES] = {0}, product[LANES] = {0}, residuals[LANES] = {0};
        double logarithms[LANES] = {0};
        NAME(gather_outcomes)(tile, n_rows, start, end, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, end - start, z, exponential);
        if (weight) {
            NAME(residuals_of_run)(
                1, outcomes, weight + start, end - start, exponential, z, below, product, residuals);
        } else {
            NAME(residuals_of_run)(
                0, outcomes, weight, end - start, exponential, z, below, product, residuals);
            EACH_LANE
                logarithms[lane] = log1p_nonnegative_f64((double)product[lane]);
        }
        for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
            value[lane] += (double)below[lane] - logarithms[lane];
            total[lane] += (double)residuals[lane];
        }
    }
}
