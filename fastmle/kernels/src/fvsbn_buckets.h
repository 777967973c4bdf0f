/* From residuals to the gradient in the weights, included once for every REAL (see fvsbn_level.h). */

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
        const REAL *line = residual + (row - start) * LANES;                                              \
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
 * bits[0], bits[1], bits[2] get the sums of the lines whose number has bit 0, 1, 2 set. The lines are left
 * clear. */
static inline void NAME(fold_lines)(
    ptrdiff_t n, REAL *restrict lines, REAL *restrict sums, REAL (*restrict bits)[LANES])
{
    EACH_LANE
        bits[0][lane] = bits[1][lane] = bits[2][lane] = 0;
    for (ptrdiff_t v = 0; v < n; v += 8) {
        REAL *a = lines + v * LANES;
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
            for (int i = 0; i < 8; i++)
                a[i * LANES + lane] = 0;
        }
    }
}

/* The buckets of K groups from group g on fold into the gradient: that of variable 8 g + h is the sum of
 * the buckets of bytes with bit h. They are left clear for the next groups. */
static void NAME(fold_buckets)(
    int K, ptrdiff_t g, const int32_t *columns, ptrdiff_t n_columns, REAL *buckets,
    double *grad_coef, ptrdiff_t grad_stride)
{
    for (int k = 0; k < K; k++) {
        REAL *bucket = buckets + (k * TABLE_LINES + 8) * LANES;
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
static void NAME(add_by_buckets)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, ptrdiff_t n_groups,
    const REAL *residual, REAL *restrict buckets, double *grad_coef, ptrdiff_t grad_stride)
{
    const ptrdiff_t n_rows = rows->n_rows;
    memset(buckets, 0, 4 * TABLE_LINES * LANES * sizeof(REAL));
    for (ptrdiff_t g = 0; g < n_groups; g += 4) {
        const int K = n_groups - g < 4 ? (int)(n_groups - g) : 4;
        for (ptrdiff_t start = 0, stop; start < n_rows; start = stop) {
            stop = start + rows->n_summed < n_rows ? start + rows->n_summed : n_rows;
            NAME(fill_some_buckets)(
                K, rows->tile + g * n_rows, n_rows, start, stop, residual + start * LANES, buckets);
            NAME(fold_buckets)(K, g, columns, n_columns, buckets, grad_coef, grad_stride);
        }
    }
}

/* The same from lists of set bits, for rows start..stop-1 and two blocks at once, into two lines a variable:
 * each bit adds the row's residuals to its own. The residuals of the second block follow those of the
 * first. */
static void NAME(add_by_lists)(
    const fvsbn_rows *rows, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t n_groups,
    const REAL *residual, REAL *restrict sums)
{
    const uint16_t limit = (uint16_t)(8 * n_groups);
    for (ptrdiff_t r = start; r < stop; r++) {
        const NAME(part) *low = (const NAME(part) *)(residual + (r - start) * LANES);
        const NAME(part) *high = (const NAME(part) *)(residual + (stop - start + r - start) * LANES);
#define LOAD(i) const NAME(part) x##i = *(i < N_PARTS / 2 ? low + i : high + (i - N_PARTS / 2));
        EACH_PART(LOAD)
        for (ptrdiff_t k = rows->starts[r]; k < rows->starts[r + 1]; k++) {
            const uint16_t bit = rows->bits[k] & LISTED_BIT;
            NAME(part) *restrict sum = (NAME(part) *)(sums + (ptrdiff_t)bit * 2 * LANES);
            if (bit >= limit)
                break;
#define ADD(i) sum[i] += x##i;
            EACH_PART(ADD)
#undef ADD
        }
#undef LOAD
    }
}

/* Adds those sums to the gradient of one of the two blocks, and leaves them clear. */
static void NAME(spread_sums)(
    const int32_t *columns, ptrdiff_t n_columns, ptrdiff_t n_groups, REAL *restrict sums,
    double *grad_coef, ptrdiff_t grad_stride)
{
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        REAL *lines = sums + 16 * g * LANES;
        for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
            double *row = grad_coef + lane * grad_stride + 8 * g;
            const ptrdiff_t width = columns[lane] - 8 * g;
            if (width >= 8)
                for (int h = 0; h < 8; h++)
                    row[h] += (double)lines[2 * h * LANES + lane];
            else
                for (int h = 0; h < width; h++)
                    row[h] += (double)lines[2 * h * LANES + lane];
        }
        for (int h = 0; h < 8; h++)
            EACH_LANE
                lines[2 * h * LANES + lane] = 0;
    }
}
