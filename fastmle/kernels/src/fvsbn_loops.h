/* The loops of the FVSBN kernels, included once for every REAL (see fvsbn_level.h).
 *
 * A block is a list of at most LANES columns, ascending, held side by side in one 64-byte line. A
 * table holds, for one group of eight variables, the 256 possible sums of weights, one line each, so
 * that eight multiply-adds become one load and one add. Lanes beyond the block's columns compute on
 * zeros and are not written out. Every row runs the same instructions wherever it stands, so its
 * result does not depend on its neighbours. */

#define LANES NAME(lanes)
/* The lanes of a line are what is vectorised, never the rows: without the pragma (which needs
 * -fopenmp-simd and no OpenMP library) gcc turns the nest around and gathers. */
#define EACH_LANE _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < LANES; lane++)

/* tables[g][v][lane] = sum over the set bits h of v, ascending, of coef[lane][8 g + h], where only
 * predecessors (8 g + h < columns[lane]) count. coef rows are coef_stride apart. */
static void NAME(build_tables)(
    const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t n_groups, REAL *restrict tables)
{
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        REAL *restrict table = tables + g * 256 * LANES;
        EACH_LANE
            table[lane] = 0;
        for (int h = 0; h < 8; h++) {
            REAL weight[LANES];
            const ptrdiff_t half = (ptrdiff_t)1 << h;
            const ptrdiff_t j = 8 * g + h;
            EACH_LANE
                weight[lane] = (lane < n_columns && j < columns[lane])
                                   ? (REAL)coef[lane * coef_stride + j] : (REAL)0;
            for (ptrdiff_t v = 0; v < half; v++)
                EACH_LANE
                    table[(half + v) * LANES + lane] = table[v * LANES + lane] + weight[lane];
        }
    }
}

static void NAME(compute_logits)(
    const uint8_t *tile, ptrdiff_t n_rows, const REAL *tables, ptrdiff_t n_groups,
    const double *intercept, ptrdiff_t n_columns, REAL *restrict z)
{
    REAL start[LANES];
    EACH_LANE
        start[lane] = lane < n_columns ? (REAL)intercept[lane] : (REAL)0;
    for (ptrdiff_t r = 0; r < n_rows; r++)
        EACH_LANE
            z[r * LANES + lane] = start[lane];
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        const REAL *table = tables + g * 256 * LANES;
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            const REAL *sums = table + bytes[r] * LANES;
            EACH_LANE
                z[r * LANES + lane] += sums[lane];
        }
    }
}

/* The outcomes of rows start..stop-1 (at most 64), one word a row: bit `lane` is the block's variable. */
static inline void NAME(gather_outcomes)(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const int32_t *columns, ptrdiff_t n_columns, uint16_t *restrict outcomes)
{
    for (ptrdiff_t r = 0; r < stop - start; r++)
        outcomes[r] = 0;
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        const uint8_t *bytes = tile + (columns[lane] >> 3) * n_rows + start;
        const int shift = columns[lane] & 7;
        for (ptrdiff_t r = 0; r < stop - start; r++)
            outcomes[r] |= (uint16_t)(((bytes[r] >> shift) & 1) << lane);
    }
}

/* +1 for a set bit, -1 for 0. The word is compared as a floating-point number, because integers of 64
 * bits have no comparison in the oldest vector registers. */
static inline REAL NAME(outcome_sign)(WORD bit)
{
    const WORD bits = bit | WORD_OF_POWER;
    REAL number;
    memcpy(&number, &bits, sizeof number);
    return number > POWER ? (REAL)1 : (REAL)-1;
}

/* For a run of at most 64 rows: t = logit where the outcome is 1, -logit where it is 0, in place, and
 * e = exp(-|t|). The logarithm and the quotients follow in a loop of their own: the two halves are
 * chains of dependent operations, and only short chains leave the processor room to overlap rows. */
static inline void NAME(exponentials)(
    const uint16_t *outcomes, const WORD *lane_bit, ptrdiff_t n_rows, REAL *restrict t, REAL *restrict e)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const WORD outcome = outcomes[r];
        EACH_LANE {
            const REAL signed_logit =
                t[r * LANES + lane] * NAME(outcome_sign)(outcome & lane_bit[lane]);
            t[r * LANES + lane] = signed_logit;
            e[r * LANES + lane] =
                NAME(exp_nonpositive)(signed_logit < 0 ? signed_logit : -signed_logit);
        }
    }
}

/* Replaces logits by log p(x_i | x_<i), in nats. */
static void NAME(logits_to_terms)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    REAL *restrict z)
{
    uint16_t outcomes[64];
    WORD lane_bit[LANES];
    REAL exponential[64 * LANES];
    for (int lane = 0; lane < LANES; lane++) /* a shift by the lane would not vectorise */
        lane_bit[lane] = (WORD)1 << lane;
    for (ptrdiff_t start = 0; start < n_rows; start += 64) {
        const ptrdiff_t stop = start + 64 < n_rows ? start + 64 : n_rows;
        REAL *restrict t = z + start * LANES;
        NAME(gather_outcomes)(tile, n_rows, start, stop, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, lane_bit, stop - start, t, exponential);
        for (ptrdiff_t r = 0; r < stop - start; r++) {
            EACH_LANE {
                const REAL e = exponential[r * LANES + lane];
                const REAL below = t[r * LANES + lane] < 0 ? t[r * LANES + lane] : 0;
                t[r * LANES + lane] = below - NAME(log1p_from_ratio)(e / (2 + e));
            }
        }
    }
}

/* total[row] += the block's terms of that row, added lane by lane in double precision. */
static void NAME(add_terms)(
    const REAL *terms, ptrdiff_t n_rows, ptrdiff_t n_columns, double *restrict total)
{
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        double sum = 0.0;
        for (ptrdiff_t lane = 0; lane < n_columns; lane++)
            sum += (double)terms[r * LANES + lane];
        total[r] += sum;
    }
}

/* Replaces logits by the residuals w (x_i - p(x_i = 1 | x_<i)), which is the gradient of the
 * log-likelihood in the logit, and adds the block's weighted log-likelihoods to value[lane]. The
 * sums run in REAL over 64 rows and in double beyond. */
static void NAME(logits_to_residuals)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    const double *weight, REAL *restrict z, double *value)
{
    uint16_t outcomes[64];
    WORD lane_bit[LANES];
    REAL exponential[64 * LANES];
    for (int lane = 0; lane < LANES; lane++)
        lane_bit[lane] = (WORD)1 << lane;
    for (ptrdiff_t start = 0; start < n_rows; start += 64) {
        const ptrdiff_t stop = start + 64 < n_rows ? start + 64 : n_rows;
        REAL *restrict t = z + start * LANES;
        REAL sum[LANES];
        EACH_LANE
            sum[lane] = 0;
        NAME(gather_outcomes)(tile, n_rows, start, stop, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, lane_bit, stop - start, t, exponential);
        for (ptrdiff_t r = 0; r < stop - start; r++) {
            const REAL w = weight ? (REAL)weight[start + r] : (REAL)1;
            const WORD outcome = outcomes[r];
            EACH_LANE {
                const REAL e = exponential[r * LANES + lane];
                const REAL signed_logit = t[r * LANES + lane];
                const REAL inverse = 1 / ((1 + e) * (2 + e)); /* one division serves both quotients */
                const REAL below = signed_logit < 0 ? signed_logit : 0;
                const REAL term = below - NAME(log1p_from_ratio)(e * ((1 + e) * inverse));
                const REAL wrong = (signed_logit < 0 ? (REAL)1 : e) * ((2 + e) * inverse);
                sum[lane] += w * term;
                t[r * LANES + lane] = w * NAME(outcome_sign)(outcome & lane_bit[lane]) * wrong;
            }
        }
        for (ptrdiff_t lane = 0; lane < n_columns; lane++)
            value[lane] += (double)sum[lane];
    }
}

/* grad_coef[lane][j] += sum over rows of residual * x_j for the predecessors j < columns[lane], and
 * grad_intercept[lane] += sum of residuals. Backwards through the tables: residuals gather in the
 * bucket of the row's byte, and the 256 buckets fold into eight sums, halving once per bit. */
static void NAME(scatter_gradient)(
    const uint8_t *tile, ptrdiff_t n_rows, const REAL *residual, const int32_t *columns,
    ptrdiff_t n_columns, ptrdiff_t n_groups, REAL *restrict buckets,
    double *grad_coef, ptrdiff_t grad_stride, double *grad_intercept)
{
    double total[LANES];
    EACH_LANE
        total[lane] = 0;
    for (ptrdiff_t start = 0; start < n_rows; start += 64) {
        const ptrdiff_t stop = start + 64 < n_rows ? start + 64 : n_rows;
        REAL sum[LANES];
        EACH_LANE
            sum[lane] = 0;
        for (ptrdiff_t r = start; r < stop; r++)
            EACH_LANE
                sum[lane] += residual[r * LANES + lane];
        EACH_LANE
            total[lane] += (double)sum[lane];
    }
    for (ptrdiff_t lane = 0; lane < n_columns; lane++)
        grad_intercept[lane] += total[lane];
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        memset(buckets, 0, 256 * LANES * sizeof(REAL));
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            REAL *bucket = buckets + bytes[r] * LANES;
            EACH_LANE
                bucket[lane] += residual[r * LANES + lane];
        }
        for (int h = 7; h >= 0; h--) {
            const ptrdiff_t half = (ptrdiff_t)1 << h;
            const ptrdiff_t j = 8 * g + h;
            REAL sum[LANES];
            EACH_LANE
                sum[lane] = 0;
            for (ptrdiff_t v = 0; v < half; v++)
                EACH_LANE {
                    const REAL upper = buckets[(half + v) * LANES + lane];
                    sum[lane] += upper;
                    buckets[v * LANES + lane] += upper;
                }
            for (ptrdiff_t lane = 0; lane < n_columns; lane++)
                if (j < columns[lane])
                    grad_coef[lane * grad_stride + j] += (double)sum[lane];
        }
    }
}

#undef EACH_LANE
#undef LANES
