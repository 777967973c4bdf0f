/* The loops of the FVSBN kernels, included once for every REAL (see fvsbn_level.h).
 *
 * A block is a list of at most LANES columns, ascending, held side by side in one 64-byte line. A
 * table holds, for one group of eight variables, the 256 possible sums of weights, one line each, so
 * that eight multiply-adds become one load and one add; tables stand TABLE_LINES apart. Lanes beyond the
 * block's columns stand for certain outcomes and are not written out. Every row runs the same
 * instructions wherever it stands, and adds the groups in order, so its result does not depend on its
 * neighbours. */

#define LANES NAME(lanes)
/* The lanes of a line are what is vectorised, never the rows: without the pragma (which needs
 * -fopenmp-simd and no OpenMP library) gcc turns the nest around and gathers. */
#define EACH_LANE _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < LANES; lane++)
#define LINE_AT(lines, offset) ((REAL *)((char *)(lines) + (offset)))

/* The weights of group g: weights[h][lane] = coef[lane][8 g + h] where that is a predecessor, 8 g + h <
 * columns[lane], and 0 elsewhere. coef rows are coef_stride apart. */
static inline void NAME(gather_weights)(
    const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t g, REAL (*restrict weights)[LANES])
{
    if (n_columns < LANES || columns[0] < 8 * g + 8)
        for (int h = 0; h < 8; h++)
            EACH_LANE
                weights[h][lane] = 0;
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        const double *row = coef + lane * coef_stride + 8 * g;
        const ptrdiff_t width = columns[lane] - 8 * g;
        if (width >= 8)
            for (int h = 0; h < 8; h++)
                weights[h][lane] = (REAL)row[h];
        else
            for (int h = 0; h < width; h++)
                weights[h][lane] = (REAL)row[h];
    }
}

/* tables[k][v][lane] = sum over the set bits h of v, ascending, of the weights of group g + k, for K groups. */
static void NAME(build_tables)(
    int K, const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t g, REAL *restrict tables)
{
    for (int k = 0; k < K; k++) {
        REAL weights[8][LANES];
        REAL *restrict table = tables + k * TABLE_LINES * LANES;
        NAME(gather_weights)(coef, coef_stride, columns, n_columns, g + k, weights);
        EACH_LANE {
            table[lane] = 0;
            table[LANES + lane] = weights[0][lane];
        }
        for (int h = 1; h < 8; h++) {
            const ptrdiff_t half = (ptrdiff_t)1 << h;
            for (ptrdiff_t v = 0; v < half; v += 2)
                EACH_LANE {
                    const REAL weight = weights[h][lane];
                    table[(half + v) * LANES + lane] = table[v * LANES + lane] + weight;
                    table[(half + v + 1) * LANES + lane] = table[(v + 1) * LANES + lane] + weight;
                }
        }
    }
}

/* Adds K consecutive tables to the logits of rows start..stop-1, or with `first` to the intercepts. The
 * bytes of eight rows are loaded at once: what bounds this loop is the number of loads. */
static inline ALWAYS_INLINE void NAME(add_tables)(
    const int K, const int first, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start,
    ptrdiff_t stop, const REAL *tables, const REAL *restrict intercept, REAL *restrict z)
{
    const REAL *const table1 = tables + TABLE_LINES * LANES, *const table2 = table1 + TABLE_LINES * LANES,
               *const table3 = table2 + TABLE_LINES * LANES;
    ptrdiff_t r = start;
#define ADD_LINES(offset0, offset1, offset2, offset3, row)                                        \
    {                                                                                             \
        const REAL *sums0 = LINE_AT(tables, offset0), *sums1 = LINE_AT(table1, offset1),          \
                   *sums2 = LINE_AT(table2, offset2), *sums3 = LINE_AT(table3, offset3);          \
        REAL *line = z + (row) * LANES;                                                           \
        EACH_LANE {                                                                               \
            REAL sum = first ? intercept[lane] : line[lane];                                      \
            sum = K > 0 ? sum + sums0[lane] : sum;                                                \
            sum = K > 1 ? sum + sums1[lane] : sum;                                                \
            sum = K > 2 ? sum + sums2[lane] : sum;                                                \
            sum = K > 3 ? sum + sums3[lane] : sum;                                                \
            line[lane] = sum;                                                                     \
        }                                                                                         \
    }
#define ADD_ROW(i)                                                                                \
    ADD_LINES(LINE_OF(word0, i), LINE_OF(word1, i), LINE_OF(word2, i), LINE_OF(word3, i), r + i)
    for (; r + 8 <= stop; r += 8) {
        const uint64_t word0 = K > 0 ? load_word(bytes + r) : 0,
                       word1 = K > 1 ? load_word(bytes + n_rows + r) : 0,
                       word2 = K > 2 ? load_word(bytes + 2 * n_rows + r) : 0,
                       word3 = K > 3 ? load_word(bytes + 3 * n_rows + r) : 0;
        ADD_ROW(0) ADD_ROW(1) ADD_ROW(2) ADD_ROW(3) ADD_ROW(4) ADD_ROW(5) ADD_ROW(6) ADD_ROW(7)
    }
    for (; r < stop; r++) {
        const uint64_t word0 = K > 0 ? bytes[r] : 0, word1 = K > 1 ? bytes[n_rows + r] : 0,
                       word2 = K > 2 ? bytes[2 * n_rows + r] : 0,
                       word3 = K > 3 ? bytes[3 * n_rows + r] : 0;
        ADD_LINES(LINE_OF(word0, 0), LINE_OF(word1, 0), LINE_OF(word2, 0), LINE_OF(word3, 0), r)
    }
#undef ADD_ROW
#undef ADD_LINES
}

static void NAME(add_some_tables)(
    int K, int first, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const REAL *tables, const REAL *intercept, REAL *z)
{
#define ADD(K) \
    if (first) \
        NAME(add_tables)(K, 1, bytes, n_rows, start, stop, tables, intercept, z); \
    else \
        NAME(add_tables)(K, 0, bytes, n_rows, start, stop, tables, intercept, z)
    switch (K) {
    case 0: ADD(0); break;
    case 1: ADD(1); break;
    case 2: ADD(2); break;
    case 3: ADD(3); break;
    default: ADD(4);
    }
#undef ADD
}

/* z[r][lane] = intercept[lane] + the sum of coef[lane][j] x_rj over the predecessors, which stand in the
 * first n_groups groups. Tables are built for four groups at a time, just before their use: read back
 * later, they would have left the second cache, and that costs more than building them again for every
 * tile. */
static void NAME(dense_logits)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    const double *coef, ptrdiff_t coef_stride, ptrdiff_t n_groups, const REAL *start,
    REAL *restrict tables, REAL *restrict z)
{
    for (ptrdiff_t g = 0; g == 0 || g < n_groups; g += 4) {
        const int K = n_groups - g < 4 ? (int)(n_groups - g) : 4;
        NAME(build_tables)(K, coef, coef_stride, columns, n_columns, g, tables);
        NAME(add_some_tables)(K, g == 0, tile + g * n_rows, n_rows, 0, n_rows, tables, start, z);
    }
}

/* The same from lists of set bits (see list_set_bits), one line of weights a bit. The bits of a group add up
 * among themselves first, as in a table, so that the result is the same to the last place. */
static void NAME(sparse_logits)(
    const uint16_t *bits, const int32_t *starts, ptrdiff_t n_rows, const int32_t *columns,
    ptrdiff_t n_columns, const double *coef, ptrdiff_t coef_stride, ptrdiff_t n_groups,
    const REAL *start, REAL *restrict weights, REAL *restrict z)
{
    const uint16_t limit = (uint16_t)(8 * n_groups);
    for (ptrdiff_t g = 0; g < n_groups; g++)
        NAME(gather_weights)(
            coef, coef_stride, columns, n_columns, g, (REAL(*)[LANES])(weights + 8 * g * LANES));
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        REAL sum[LANES], group[LANES];
        EACH_LANE {
            sum[lane] = start[lane];
            group[lane] = 0;
        }
        for (ptrdiff_t k = starts[r]; k < starts[r + 1]; k++) {
            const uint16_t bit = bits[k] & LISTED_BIT;
            const REAL *line = weights + (ptrdiff_t)bit * LANES;
            if (bit >= limit)
                break;
            if (bits[k] & SAME_GROUP)
                EACH_LANE
                    group[lane] += line[lane];
            else
                EACH_LANE {
                    sum[lane] += group[lane];
                    group[lane] = line[lane];
                }
        }
        EACH_LANE
            z[r * LANES + lane] = sum[lane] + group[lane];
    }
}

/* The intercepts. In lanes beyond the block's columns the outcome 0 that gather_outcomes gives them is
 * certain: its log-likelihood and its residual are exactly 0. */
static inline void NAME(first_line)(const double *intercept, ptrdiff_t n_columns, REAL *line)
{
    EACH_LANE
        line[lane] = (REAL)-1e30;
    for (ptrdiff_t lane = 0; lane < n_columns; lane++)
        line[lane] = (REAL)intercept[lane];
}

static void NAME(compute_logits)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, REAL *restrict work,
    REAL *restrict z)
{
    REAL start[LANES];
    NAME(first_line)(intercept, n_columns, start);
    if (rows->bits)
        NAME(sparse_logits)(
            rows->bits, rows->starts, rows->n_rows, columns, n_columns, coef, coef_stride, n_groups,
            start, work, z);
    else
        NAME(dense_logits)(
            rows->tile, rows->n_rows, columns, n_columns, coef, coef_stride, n_groups, start, work, z);
}

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
            e[r * LANES + lane] = NAME(exp_nonpositive)(-ABS(signed_logit));
        }
    }
}

/* Replaces logits by log p(x_i | x_<i), in nats. */
static void NAME(logits_to_terms)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, REAL *restrict z)
{
    const ptrdiff_t n_rows = rows->n_rows;
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES];
    for (ptrdiff_t start = 0; start < n_rows; start += CHUNK) {
        const ptrdiff_t end = start + CHUNK < n_rows ? start + CHUNK : n_rows;
        REAL *restrict t = z + start * LANES;
        NAME(gather_outcomes)(rows->tile, n_rows, start, end, columns, n_columns, outcomes);
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

/* total[row] += the block's terms of that row, always in the same order. Lanes pair up, sums of min(t, 0)
 * and products of 1 + e with e = exp(-|t|), until one logarithm is left for each row, of 2^LANES at most. */
static void NAME(add_log_likelihood)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, REAL *restrict work,
    REAL *restrict z, double *restrict total)
{
    enum { HALF = LANES / 2, QUARTER = LANES / 4 };
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES], t[CHUNK * HALF], e[CHUNK * HALF];
    NAME(compute_logits)(rows, columns, n_columns, coef, coef_stride, n_groups, intercept, work, z);
    for (ptrdiff_t start = 0; start < rows->n_rows; start += CHUNK) {
        const ptrdiff_t end = start + CHUNK < rows->n_rows ? start + CHUNK : rows->n_rows;
        const ptrdiff_t run = end - start;
        REAL *logits = z + start * LANES;
        NAME(gather_outcomes)(rows->tile, rows->n_rows, start, end, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, run, logits, exponential);
        for (ptrdiff_t r = 0; r < run; r++) {
            const REAL *t0 = logits + r * LANES, *e0 = exponential + r * LANES;
            _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < HALF; lane++) {
                const REAL low = t0[lane] < 0 ? t0[lane] : 0;
                const REAL high = t0[HALF + lane] < 0 ? t0[HALF + lane] : 0;
                t[r * HALF + lane] = low + high;
                e[r * HALF + lane] = MADD(e0[lane], e0[HALF + lane], e0[lane] + e0[HALF + lane]);
            }
        }
        for (ptrdiff_t r = 0; r < run; r++)
            _Pragma("omp simd") for (ptrdiff_t lane = 0; lane < QUARTER; lane++) {
                const REAL e0 = e[r * HALF + lane], e1 = e[r * HALF + QUARTER + lane];
                t[r * QUARTER + lane] = t[r * HALF + lane] + t[r * HALF + QUARTER + lane];
                e[r * QUARTER + lane] = MADD(e0, e1, e0 + e1);
            }
        for (int width = QUARTER; width > 1; width /= 2)
            _Pragma("omp simd") for (ptrdiff_t i = 0; i < run * width / 2; i++) {
                const REAL e0 = e[2 * i], e1 = e[2 * i + 1];
                t[i] = t[2 * i] + t[2 * i + 1];
                e[i] = MADD(e0, e1, e0 + e1);
            }
        _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
            total[start + r] += (double)t[r] - log1p_nonnegative_f64((double)e[r]);
    }
}

/* One run of logits_to_residuals, of at most CHUNK rows. Without weights the logarithms of a lane's rows
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

/* Replaces logits by the residuals w (x_i - p(x_i = 1 | x_<i)), which is the gradient of the
 * log-likelihood in the logit; adds the block's weighted log-likelihoods to value[lane] and the
 * residuals to total[lane]. The sums run in REAL over CHUNK rows and in double beyond. */
static void NAME(logits_to_residuals)(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop, const int32_t *columns,
    ptrdiff_t n_columns, const double *weight, REAL *restrict z, double *value, double *total)
{
    uint16_t outcomes[CHUNK];
    REAL exponential[CHUNK * LANES];
    for (; start < stop; start += CHUNK) {
        const ptrdiff_t end = start + CHUNK < stop ? start + CHUNK : stop;
        REAL *t = z + start * LANES;
        REAL below[LANES] = {0}, product[LANES] = {0}, residuals[LANES] = {0};
        double logarithms[LANES] = {0};
        NAME(gather_outcomes)(tile, n_rows, start, end, columns, n_columns, outcomes);
        NAME(exponentials)(outcomes, end - start, t, exponential);
        if (weight) {
            NAME(residuals_of_run)(
                1, outcomes, weight + start, end - start, exponential, t, below, product, residuals);
        } else {
            NAME(residuals_of_run)(
                0, outcomes, weight, end - start, exponential, t, below, product, residuals);
            EACH_LANE
                logarithms[lane] = log1p_nonnegative_f64((double)product[lane]);
        }
        for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
            value[lane] += (double)below[lane] - logarithms[lane];
            total[lane] += (double)residuals[lane];
        }
    }
}

/* Adds the residuals of rows start..stop-1 to the buckets of their bytes, for K consecutive groups:
 * what add_tables does, backwards. A byte without a set bit contributes nothing; its residual goes to
 * one of the eight idle lines before the buckets, another one for each row, because rows that add to
 * the same line in turn wait for each other. */
static inline ALWAYS_INLINE void NAME(fill_buckets)(
    const int K, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const REAL *residual, REAL *buckets)
{
    REAL *const buckets0 = buckets + 8 * LANES, *const buckets1 = buckets0 + TABLE_LINES * LANES,
         *const buckets2 = buckets1 + TABLE_LINES * LANES,
         *const buckets3 = buckets2 + TABLE_LINES * LANES;
    ptrdiff_t r = start;
#define BUCKET_OF(word, i) (LINE_OF(word, i) ? LINE_OF(word, i) : -64 * (i + 1))
#define FILL_LINES(offset0, offset1, offset2, offset3, row)                                       \
    {                                                                                             \
        REAL *bucket0 = LINE_AT(buckets0, offset0), *bucket1 = LINE_AT(buckets1, offset1),        \
             *bucket2 = LINE_AT(buckets2, offset2), *bucket3 = LINE_AT(buckets3, offset3);        \
        const REAL *line = residual + (row) * LANES;                                              \
        EACH_LANE {                                                                               \
            const REAL x = line[lane];                                                            \
            bucket0[lane] += x;                                                                   \
            if (K > 1)                                                                            \
                bucket1[lane] += x;                                                               \
            if (K > 2)                                                                            \
                bucket2[lane] += x;                                                               \
            if (K > 3)                                                                            \
                bucket3[lane] += x;                                                               \
        }                                                                                         \
    }
#define FILL_ROW(i)                                                                               \
    FILL_LINES(BUCKET_OF(word0, i), BUCKET_OF(word1, i), BUCKET_OF(word2, i), BUCKET_OF(word3, i), \
               r + i)
    for (; r + 8 <= stop; r += 8) {
        const uint64_t word0 = load_word(bytes + r),
                       word1 = K > 1 ? load_word(bytes + n_rows + r) : 0,
                       word2 = K > 2 ? load_word(bytes + 2 * n_rows + r) : 0,
                       word3 = K > 3 ? load_word(bytes + 3 * n_rows + r) : 0;
        FILL_ROW(0) FILL_ROW(1) FILL_ROW(2) FILL_ROW(3)
        FILL_ROW(4) FILL_ROW(5) FILL_ROW(6) FILL_ROW(7)
    }
    for (; r < stop; r++) {
        const uint64_t word0 = bytes[r], word1 = K > 1 ? bytes[n_rows + r] : 0,
                       word2 = K > 2 ? bytes[2 * n_rows + r] : 0,
                       word3 = K > 3 ? bytes[3 * n_rows + r] : 0;
        FILL_LINES(BUCKET_OF(word0, 0), BUCKET_OF(word1, 0), BUCKET_OF(word2, 0), BUCKET_OF(word3, 0), r)
    }
#undef FILL_ROW
#undef FILL_LINES
#undef BUCKET_OF
}

static void NAME(fill_some_buckets)(
    int K, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const REAL *residual, REAL *buckets)
{
    switch (K) {
    case 0: break;
    case 1: NAME(fill_buckets)(1, bytes, n_rows, start, stop, residual, buckets); break;
    case 2: NAME(fill_buckets)(2, bytes, n_rows, start, stop, residual, buckets); break;
    case 3: NAME(fill_buckets)(3, bytes, n_rows, start, stop, residual, buckets); break;
    default: NAME(fill_buckets)(4, bytes, n_rows, start, stop, residual, buckets);
    }
}

/* One step of the fold: of n lines, a multiple of eight, each run of eight shrinks to its sum, and
 * bits[0], bits[1], bits[2] get the sums of the lines whose number has bit 0, 1, 2 set. */
static inline void NAME(fold_lines)(
    ptrdiff_t n, const REAL *restrict lines, REAL *restrict sums, REAL (*restrict bits)[LANES])
{
    EACH_LANE
        bits[0][lane] = bits[1][lane] = bits[2][lane] = 0;
    for (ptrdiff_t v = 0; v < n; v += 8) {
        const REAL *a = lines + v * LANES;
        REAL *sum = sums + v / 8 * LANES;
        EACH_LANE {
            const REAL a1 = a[LANES + lane], a3 = a[3 * LANES + lane], a5 = a[5 * LANES + lane],
                       a7 = a[7 * LANES + lane];
            const REAL pair0 = a[lane] + a1, pair1 = a[2 * LANES + lane] + a3,
                       pair2 = a[4 * LANES + lane] + a5, pair3 = a[6 * LANES + lane] + a7;
            const REAL upper = pair2 + pair3;
            bits[0][lane] += (a1 + a3) + (a5 + a7);
            bits[1][lane] += pair1 + pair3;
            bits[2][lane] += upper;
            sum[lane] = (pair0 + pair1) + upper;
        }
    }
}

/* The buckets of K groups from group g on fold into the gradient: that of variable 8 g + h is the sum of
 * the buckets of bytes with bit h. */
static void NAME(fold_buckets)(
    int K, ptrdiff_t g, const int32_t *columns, ptrdiff_t n_columns, const REAL *buckets,
    double *grad_coef, ptrdiff_t grad_stride)
{
    for (int k = 0; k < K; k++) {
        const REAL *bucket = buckets + (k * TABLE_LINES + 8) * LANES;
        REAL bits[9][LANES], sums[32 * LANES], sums_of_sums[8 * LANES] = {0}, all[LANES];
        NAME(fold_lines)(256, bucket, sums, bits);
        NAME(fold_lines)(32, sums, sums_of_sums, bits + 3);
        NAME(fold_lines)(8, sums_of_sums, all, bits + 6);
        for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
            double *row = grad_coef + lane * grad_stride + 8 * (g + k);
            const ptrdiff_t width = columns[lane] - 8 * (g + k);
            for (int h = 0; h < (width < 8 ? width : 8); h++)
                row[h] += (double)bits[h][lane];
        }
    }
}

/* The gradient in the weights from the residuals, by buckets. */
static void NAME(dense_gradient)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t n_groups, const REAL *residual, REAL *restrict buckets, double *grad_coef,
    ptrdiff_t grad_stride)
{
    for (ptrdiff_t g = 0; g < n_groups; g += 4) {
        const int K = n_groups - g < 4 ? (int)(n_groups - g) : 4;
        memset(buckets, 0, (size_t)K * TABLE_LINES * LANES * sizeof(REAL));
        NAME(fill_some_buckets)(K, tile + g * n_rows, n_rows, 0, n_rows, residual, buckets);
        NAME(fold_buckets)(K, g, columns, n_columns, buckets, grad_coef, grad_stride);
    }
}

/* The same from lists of set bits: each adds the row's residuals to a line of its own. */
static void NAME(sparse_gradient)(
    const uint16_t *bits, const int32_t *starts, ptrdiff_t n_rows, const int32_t *columns,
    ptrdiff_t n_columns, ptrdiff_t n_groups, const REAL *residual, REAL *restrict sums,
    double *grad_coef, ptrdiff_t grad_stride)
{
    const uint16_t limit = (uint16_t)(8 * n_groups);
    memset(sums, 0, (size_t)(8 * n_groups) * LANES * sizeof(REAL));
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        const REAL *line = residual + r * LANES;
        for (ptrdiff_t k = starts[r]; k < starts[r + 1]; k++) {
            const uint16_t bit = bits[k] & LISTED_BIT;
            REAL *restrict sum = sums + (ptrdiff_t)bit * LANES;
            if (bit >= limit)
                break;
            EACH_LANE
                sum[lane] += line[lane];
        }
    }
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        double *row = grad_coef + lane * grad_stride;
        const ptrdiff_t width = columns[lane] < 8 * n_groups ? columns[lane] : 8 * n_groups;
        for (ptrdiff_t j = 0; j < width; j++)
            row[j] += (double)sums[j * LANES + lane];
    }
}

/* Both directions at once where four tables serve all: rows go through in chunks that stay in the first
 * cache. */
static void NAME(narrow_gradient)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    const double *coef, ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept,
    const double *weight, REAL *restrict tables, REAL *restrict buckets, REAL *restrict z,
    double *value, double *grad_coef, ptrdiff_t grad_stride, double *grad_intercept)
{
    const int K = (int)n_groups;
    REAL first[LANES];
    NAME(first_line)(intercept, n_columns, first);
    NAME(build_tables)(K, coef, coef_stride, columns, n_columns, 0, tables);
    memset(buckets, 0, (size_t)K * TABLE_LINES * LANES * sizeof(REAL));
    for (ptrdiff_t start = 0; start < n_rows; start += CHUNK) {
        const ptrdiff_t stop = start + CHUNK < n_rows ? start + CHUNK : n_rows;
        NAME(add_some_tables)(K, 1, tile, n_rows, start, stop, tables, first, z);
        NAME(logits_to_residuals)(
            tile, n_rows, start, stop, columns, n_columns, weight, z, value, grad_intercept);
        NAME(fill_some_buckets)(K, tile, n_rows, start, stop, z, buckets);
    }
    NAME(fold_buckets)(K, 0, columns, n_columns, buckets, grad_coef, grad_stride);
}

/* Adds a tile's log-likelihoods, weighted, to value[lane], and their gradient, the sum of residual * x_j
 * over the predecessors j < columns[lane], to grad_coef[lane][j], that of the intercepts to
 * grad_intercept[lane]. */
static void NAME(add_gradient)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, const double *weight,
    REAL *restrict work, REAL *restrict z, double *value, double *grad_coef, ptrdiff_t grad_stride,
    double *grad_intercept)
{
    const uint8_t *tile = rows->tile;
    const ptrdiff_t n_rows = rows->n_rows;
    if (n_groups <= 4 && !rows->bits) {
        NAME(narrow_gradient)(
            tile, n_rows, columns, n_columns, coef, coef_stride, n_groups, intercept, weight, work,
            work + 4 * TABLE_LINES * LANES, z, value, grad_coef, grad_stride, grad_intercept);
        return;
    }
    NAME(compute_logits)(rows, columns, n_columns, coef, coef_stride, n_groups, intercept, work, z);
    NAME(logits_to_residuals)(
        tile, n_rows, 0, n_rows, columns, n_columns, weight, z, value, grad_intercept);
    if (rows->bits)
        NAME(sparse_gradient)(
            rows->bits, rows->starts, n_rows, columns, n_columns, n_groups, z, work, grad_coef,
            grad_stride);
    else
        NAME(dense_gradient)(
            tile, n_rows, columns, n_columns, n_groups, z, work, grad_coef, grad_stride);
}

#undef LINE_AT
#undef EACH_LANE
#undef LANES
