/* What a row's ones add up to in the columns of a block, included once for every FORM (see
 * fvsbn_level.h): the logits, sums of weights, or the odds, products of odds ratios exp(weight).
 *
 * A block is a list of at most LANES columns, ascending, held side by side in one 64-byte line. A
 * table holds, for one group of eight variables, the 256 possible sums of weights, one line each, so
 * that eight multiply-adds become one load and one add; tables stand TABLE_LINES apart. Lanes beyond the
 * block's columns stand for certain outcomes and are not written out. Every row runs the same
 * instructions wherever it stands, and adds the groups in order, so its result does not depend on its
 * neighbours. */

/* The weights of group g: weights[h * stride + lane] = coef[lane][8 g + h] where that is a predecessor,
 * 8 g + h < columns[lane], and what changes nothing elsewhere. coef rows are coef_stride apart. */
static inline void FORM(gather_weights)(
    const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t g, ptrdiff_t stride, REAL *restrict weights)
{
    if (n_columns < LANES || columns[0] < 8 * g + 8)
        for (int h = 0; h < 8; h++)
            EACH_LANE
                weights[h * stride + lane] = 0;
    for (ptrdiff_t lane = 0; lane < n_columns; lane++) {
        const double *row = coef + lane * coef_stride + 8 * g;
        const ptrdiff_t width = columns[lane] - 8 * g;
        if (width >= 8)
            for (int h = 0; h < 8; h++)
                weights[h * stride + lane] = (REAL)row[h];
        else
            for (int h = 0; h < width; h++)
                weights[h * stride + lane] = (REAL)row[h];
    }
    for (int h = 0; h < 8; h++)
        EACH_LANE
            weights[h * stride + lane] = FACTOR(weights[h * stride + lane]);
}

/* tables[k][v][lane] = sum over the set bits h of v, ascending, of the weights of group g + k, for K groups. */
static void FORM(build_tables)(
    int K, const double *coef, ptrdiff_t coef_stride, const int32_t *columns, ptrdiff_t n_columns,
    ptrdiff_t g, REAL *restrict tables)
{
    for (int k = 0; k < K; k++) {
        REAL weights[8 * LANES];
        REAL *restrict table = tables + k * TABLE_LINES * LANES;
        FORM(gather_weights)(coef, coef_stride, columns, n_columns, g + k, LANES, weights);
        EACH_LANE {
            table[lane] = NEUTRAL;
            table[LANES + lane] = weights[lane];
        }
        for (int h = 1; h < 8; h++) {
            const ptrdiff_t half = (ptrdiff_t)1 << h;
            for (ptrdiff_t v = 0; v < half; v += 2)
                EACH_LANE {
                    const REAL weight = weights[h * LANES + lane];
                    table[(half + v) * LANES + lane] = COMBINE(table[v * LANES + lane], weight);
                    table[(half + v + 1) * LANES + lane] = COMBINE(table[(v + 1) * LANES + lane], weight);
                }
        }
    }
}

/* Adds K consecutive tables to the sums z of rows start..stop-1, or with `first` to their beginning. The
 * bytes of eight rows are loaded at once: what bounds this loop is the number of loads. */
static inline ALWAYS_INLINE void FORM(add_tables)(
    const int K, const int first, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start,
    ptrdiff_t stop, const REAL *tables, const REAL *restrict begin, REAL *restrict z)
{
    const REAL *const table1 = tables + TABLE_LINES * LANES, *const table2 = table1 + TABLE_LINES * LANES,
               *const table3 = table2 + TABLE_LINES * LANES;
    ptrdiff_t r = start;
#define ADD_LINES(offset0, offset1, offset2, offset3, row)                                        \
    {                                                                                             \
        const REAL *sums0 = LINE_AT(tables, offset0), *sums1 = LINE_AT(table1, offset1),          \
                   *sums2 = LINE_AT(table2, offset2), *sums3 = LINE_AT(table3, offset3);          \
        REAL *line = z + (row - start) * LANES;                                                   \
        EACH_LANE {                                                                               \
            REAL sum = first ? begin[lane] : line[lane];                                          \
            sum = K > 0 ? COMBINE(sum, sums0[lane]) : sum;                                        \
            sum = K > 1 ? COMBINE(sum, sums1[lane]) : sum;                                        \
            sum = K > 2 ? COMBINE(sum, sums2[lane]) : sum;                                        \
            sum = K > 3 ? COMBINE(sum, sums3[lane]) : sum;                                        \
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

static void FORM(add_some_tables)(
    int K, int first, const uint8_t *bytes, ptrdiff_t n_rows, ptrdiff_t start, ptrdiff_t stop,
    const REAL *tables, const REAL *begin, REAL *z)
{
#define ADD(K) \
    if (first) \
        FORM(add_tables)(K, 1, bytes, n_rows, start, stop, tables, begin, z); \
    else \
        FORM(add_tables)(K, 0, bytes, n_rows, start, stop, tables, begin, z)
    switch (K) {
    case 0: ADD(0); break;
    case 1: ADD(1); break;
    case 2: ADD(2); break;
    case 3: ADD(3); break;
    default: ADD(4);
    }
#undef ADD
}

/* The sums begin with the intercepts. In lanes beyond the block's columns the outcome 0 that
 * gather_outcomes gives them is certain: its log-likelihood and its residual are exactly 0. */
static inline void FORM(begin_line)(const double *intercept, ptrdiff_t n_columns, REAL *line)
{
    EACH_LANE
        line[lane] = 0;
    for (ptrdiff_t lane = 0; lane < n_columns; lane++)
        line[lane] = (REAL)intercept[lane];
    EACH_LANE
        line[lane] = lane < n_columns ? FACTOR(line[lane]) : IMPOSSIBLE;
}

/* z[r][lane] = intercept[lane] + the sum of coef[lane][j] x_rj over the predecessors, which stand in the
 * first n_groups groups. Tables are built for four groups at a time, just before their use: read back
 * later, they would have left the second cache, and that costs more than building them again for every
 * tile. */
static void FORM(sum_by_tables)(
    const uint8_t *tile, ptrdiff_t n_rows, const int32_t *columns, ptrdiff_t n_columns,
    const double *coef, ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept,
    REAL *restrict tables, REAL *restrict z)
{
    REAL begin[LANES];
    FORM(begin_line)(intercept, n_columns, begin);
    for (ptrdiff_t g = 0; g == 0 || g < n_groups; g += 4) {
        const int K = n_groups - g < 4 ? (int)(n_groups - g) : 4;
        FORM(build_tables)(K, coef, coef_stride, columns, n_columns, g, tables);
        FORM(add_some_tables)(K, g == 0, tile + g * n_rows, n_rows, 0, n_rows, tables, begin, z);
    }
}

/* The same from lists of set bits (see list_set_bits), for rows start..stop-1 and two blocks at once: a bit
 * adds two lines of weights, and z[stop - start + r] is the line of the second block. With `grouped` the
 * bits of a group add up among themselves first, as in a table, so that the result is the same to the
 * last place; telling groups apart costs more than the additions, so a gradient does without. */
static inline ALWAYS_INLINE void FORM(sum_by_lists)(
    const int grouped, const fvsbn_rows *rows, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t n_groups,
    const REAL *begin, const REAL *weights, REAL *restrict z)
{
    const uint16_t limit = (uint16_t)(8 * n_groups);
    const NAME(part) *first = (const NAME(part) *)begin;
    for (ptrdiff_t r = start; r < stop; r++) {
#define SUM(i) NAME(part) sum##i = first[i], group##i = (NAME(part)){0} + NEUTRAL;
        EACH_PART(SUM)
        for (ptrdiff_t k = rows->starts[r]; k < rows->starts[r + 1]; k++) {
            const uint16_t bit = rows->bits[k] & LISTED_BIT;
            const NAME(part) *line = (const NAME(part) *)(weights + (ptrdiff_t)bit * 2 * LANES);
            if (bit >= limit)
                break;
#define JOIN(i) group##i = COMBINE(group##i, line[i]);
#define START(i) sum##i = COMBINE(sum##i, group##i); group##i = line[i];
#define ADD(i) sum##i = COMBINE(sum##i, line[i]);
            if (!grouped) {
                EACH_PART(ADD)
            } else if (rows->bits[k] & SAME_GROUP) {
                EACH_PART(JOIN)
            } else {
                EACH_PART(START)
            }
        }
        NAME(part) *low = (NAME(part) *)(z + (r - start) * LANES);
        NAME(part) *high = (NAME(part) *)(z + (stop - start + r - start) * LANES);
#define STORE(i) \
    *(i < N_PARTS / 2 ? low + i : high + (i - N_PARTS / 2)) = COMBINE(sum##i, group##i);
        EACH_PART(STORE)
#undef STORE
#undef ADD
#undef START
#undef JOIN
#undef SUM
    }
}
