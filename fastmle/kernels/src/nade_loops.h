/* Hidden units and conditionals of rows, forwards, included once for every REAL (see nade_level.h).
 *
 * The state of a row is a line a of sums, c + sum over its set bits j < i of W_j, and the line h = act(a) of
 * its hidden units: h changes only where a bit is set, and between two set bits all conditionals share it.
 * Rows go by groups of eight, whose lines h stay in the first cache while the columns of a block pass by;
 * columns go by blocks of sixteen, whose weights stay in the second while the groups do. A row runs the same
 * instructions wherever it stands. Working memory holds the lines a of all rows, their number rounded up to
 * whole groups, and then their lines h. */

static inline VECTOR NAME(load)(const REAL *numbers)
{
    return *(const VECTOR *)numbers;
}

static inline void NAME(store)(REAL *numbers, VECTOR part)
{
    *(VECTOR *)numbers = part;
}

#ifndef SIGMOID_PART
/* 1 / (1 + exp(-a)); what is not a number stays so. */
static inline REAL NAME(sigmoid)(REAL a)
{
    REAL t = -a;
    t = t > FARTHEST ? FARTHEST : t;
    t = t < -FARTHEST ? -FARTHEST : t;
    return 1 / (1 + EXP_INSIDE(t));
}
#endif

/* Lets a mask multiply the hidden units, and clears what stands beyond them. */
static inline void NAME(finish_units)(const nade_network *net, const REAL *restrict mask, REAL *restrict h)
{
    for (ptrdiff_t k = net->n_hidden; k < net->width; k++)
        h[k] = 0;
    if (mask)
        EACH_NUMBER(k, 0, net->width)
            h[k] *= mask[k];
}

/* h = act(a). */
static void NAME(activate)(
    const nade_network *net, const REAL *restrict mask, const REAL *restrict a, REAL *restrict h)
{
    const ptrdiff_t n_odds = net->n_odds;
    if (net->activation == nade_relu)
        EACH_NUMBER(k, 0, net->width)
            h[k] = a[k] > 0 ? a[k] : 0;
    else {
        EACH_NUMBER(k, 0, n_odds)
            h[k] = 1 / (1 + a[k]);
#ifdef SIGMOID_PART
        EACH_PART(k, n_odds, net->width)
            NAME(store)(h + k, SIGMOID_PART(NAME(load)(a + k)));
#else
        EACH_NUMBER(k, n_odds, net->width)
            h[k] = NAME(sigmoid)(a[k]);
#endif
    }
    NAME(finish_units)(net, mask, h);
}

/* a += sign * line, and h = act(a). There is no way back with odds, so sign is 1 then. */
static void NAME(advance)(
    const nade_network *net, REAL sign, const REAL *restrict line, const REAL *restrict mask,
    REAL *restrict a, REAL *restrict h)
{
    const ptrdiff_t n_odds = net->n_odds;
    if (net->activation == nade_relu)
        EACH_NUMBER(k, 0, net->width) {
            a[k] += sign * line[k];
            h[k] = a[k] > 0 ? a[k] : 0;
        }
    else {
#ifdef SIGMOID_PART
        EACH_PART(k, 0, n_odds) {
            const VECTOR odds = NAME(load)(a + k) * NAME(load)(line + k);
            NAME(store)(a + k, odds);
            NAME(store)(h + k, RECIPROCAL_PART(1 + odds));
        }
        EACH_PART(k, n_odds, net->width) {
            const VECTOR sum = NAME(load)(a + k) + sign * NAME(load)(line + k);
            NAME(store)(a + k, sum);
            NAME(store)(h + k, SIGMOID_PART(sum));
        }
#else
        EACH_NUMBER(k, 0, n_odds) {
            a[k] *= line[k];
            h[k] = 1 / (1 + a[k]);
        }
        EACH_NUMBER(k, n_odds, net->width) {
            a[k] += sign * line[k];
            h[k] = NAME(sigmoid)(a[k]);
        }
#endif
    }
    NAME(finish_units)(net, mask, h);
}

/* Adds a line to another. */
static inline void NAME(add_line)(ptrdiff_t width, const REAL *restrict line, REAL *restrict sums)
{
    EACH_NUMBER(k, 0, width)
        sums[k] += line[k];
}

/* sums[r] = the sum over the lanes of part r, for so many rows: a power of two, of eight at least. */
static inline ALWAYS_INLINE void NAME(fold)(int n_rows, VECTOR *parts, REAL *restrict sums)
{
#ifdef ADD_NEIGHBOURS
    /* Neighbours are added, of two parts at once, until a number a row is left, in order. */
    int n = n_rows;
#pragma GCC unroll 4
    for (ptrdiff_t left = n_rows * PART; left > n_rows; left /= 2) {
        const int half = n > 1 ? n / 2 : 1;
#pragma GCC unroll 8
        for (int i = 0; i < half; i++) {
            const VECTOR low = parts[n > 1 ? 2 * i : 0], high = parts[n > 1 ? 2 * i + 1 : 0];
            parts[i] = ADD_NEIGHBOURS(low, high);
        }
        n = half;
    }
    memcpy(sums, parts, (size_t)n_rows * sizeof(REAL));
#else
    for (int r = 0; r < n_rows; r++) {
        sums[r] = 0;
        for (ptrdiff_t lane = 0; lane < PART; lane++)
            sums[r] += parts[r][lane];
    }
#endif
}

/* z[r] = bias + h_r v for the lines h of a group. */
static inline ALWAYS_INLINE void NAME(multiply)(
    const nade_network *net, const REAL *h, const REAL *v, REAL bias, REAL *restrict z)
{
    const ptrdiff_t stride = net->stride;
    VECTOR sums[GROUP];
    for (int r = 0; r < GROUP; r++)
        sums[r] = (VECTOR){0};
    EACH_PART(k, 0, net->width) {
        const VECTOR own = NAME(load)(v + k);
#pragma GCC unroll 8
        for (int r = 0; r < GROUP; r++)
            sums[r] = FUSE(NAME(load)(h + r * stride + k), own, sums[r]);
    }
    NAME(fold)(GROUP, sums, z);
    EACH_ROW(r)
        z[r] += bias;
}

/* Log-likelihoods of the outcomes of a group, and what is left of them, outcome less probability. The term of
 * a logit that is not a number is none either: comparisons are the way round that takes it for no certainty. */
static inline void NAME(judge)(
    const REAL *restrict z, const REAL *restrict outcome, REAL *restrict term, REAL *restrict residual)
{
    EACH_ROW(r) {
        const REAL sign = 2 * outcome[r] - 1, t = sign * z[r];
        const REAL e = EXP(-ABS(t));
        term[r] = (t > 0 ? 0 : t) - LOG1P_FROM_RATIO(e / (2 + e));
        residual[r] = sign * ((t < 0 ? 1 : e) / (1 + e));
    }
}

/* The state of all rows before the first column. */
static void NAME(begin)(const nade_rows *rows, const nade_network *net, void *restrict lines)
{
    const ptrdiff_t n = padded(rows), stride = net->stride;
    REAL *a = lines, *h = a + n * stride;
    for (ptrdiff_t r = 0; r < n; r++)
        memcpy(a + r * stride, net->hidden_bias, (size_t)stride * sizeof(REAL));
    NAME(activate)(net, NULL, a, h);
    for (ptrdiff_t r = 1; r < n; r++)
        memcpy(h + r * stride, h, (size_t)stride * sizeof(REAL));
}

/* u = random / 2^31, or 1 - u where a one is the likely outcome: above zero, as floats are closest there. */
static inline REAL NAME(place)(int32_t random, int32_t likely)
{
    return ((REAL)(random ^ (likely & INT32_MAX)) + 1) * (REAL)0x1p-31;
}

/* -1 where a one is drawn, which is where u is below its probability, else 0. */
static inline int32_t NAME(decide)(REAL z, int32_t random)
{
    const int32_t likely = z < 0 ? 0 : -1;
    const REAL e = EXP(-ABS(z));
    return (NAME(place)(random, likely) * (1 + e) <= e ? -1 : 0) ^ likely;
}

/* Draws variable i for a group whose logits are z, and returns which rows have a one, as `ones_of`. */
static inline unsigned NAME(draw)(
    const nade_rows *rows, ptrdiff_t i, ptrdiff_t start, const REAL *restrict z, const int32_t *random)
{
    uint8_t *bytes = rows->bytes + (i >> 3) * rows->stride + start;
    const int n = (int)(rows->n_rows - start < GROUP ? rows->n_rows - start : GROUP);
    int32_t own[GROUP] = {0}, drawn[GROUP];
    unsigned ones = 0;
    memcpy(own, random + start, (size_t)n * sizeof(int32_t));
    EACH_ROW(r)
        drawn[r] = NAME(decide)(z[r], own[r]);
    EACH_ROW(r)
        ones |= (unsigned)drawn[r] & 1u << r;
    ones &= (1u << n) - 1;
    for (int r = 0; r < n; r++)
        bytes[r] |= (uint8_t)((ones >> r & 1) << (i & 7));
    return ones;
}

/* Takes all rows through the columns first..stop-1 of a block. Where `random` is given the bits are drawn, by
 * random[i * n_rows + r] / 2^31 for column first + i; else they are read. What is not NULL gets its results:
 * total[r] the log-likelihoods, in addition, and logits[r * logit_stride + i] those of column i. */
static void NAME(walk)(
    const nade_rows *rows, const nade_network *net, ptrdiff_t first, ptrdiff_t stop, const int32_t *random,
    void *restrict lines, double *restrict total, double *restrict logits, ptrdiff_t logit_stride)
{
    const ptrdiff_t n = padded(rows), stride = net->stride;
    const REAL *input = net->input, *output = net->output, *bias = net->bias;
    for (ptrdiff_t start = 0; start < n; start += GROUP) {
        REAL *a = (REAL *)lines + start * stride, *h = a + n * stride;
        const int n_own = (int)(rows->n_rows - start < GROUP ? rows->n_rows - start : GROUP);
        double sums[GROUP] = {0};
        for (ptrdiff_t i = first; i < stop; i++) {
            REAL z[GROUP] = {0};
            unsigned ones;
            if (random || total || logits)
                NAME(multiply)(net, h, output + i * stride, bias[i], z);
            if (random)
                ones = NAME(draw)(rows, i, start, z, random + (i - first) * rows->n_rows);
            else
                ones = ones_of(rows, i, start);
            if (total) {
                REAL outcome[GROUP], term[GROUP], residual[GROUP];
                for (int r = 0; r < GROUP; r++)
                    outcome[r] = (REAL)(ones >> r & 1);
                NAME(judge)(z, outcome, term, residual);
                for (int r = 0; r < GROUP; r++)
                    sums[r] += term[r];
            }
            if (logits)
                for (int r = 0; r < n_own; r++)
                    logits[(start + r) * logit_stride + i] = z[r];
            if (i + 1 < rows->n_columns)
                for (; ones; ones &= ones - 1) {
                    const ptrdiff_t at = lowest_bit(ones) * stride;
                    NAME(advance)(net, 1, input + i * stride, NULL, a + at, h + at);
                }
        }
        if (total)
            for (int r = 0; r < n_own; r++)
                total[start + r] += sums[r];
    }
}

/* The lines a of all rows after their first n_columns bits. */
static void NAME(sum_inputs)(
    const nade_rows *rows, const nade_network *net, ptrdiff_t n_columns, REAL *restrict a)
{
    const ptrdiff_t n = padded(rows), stride = net->stride;
    const REAL *input = net->input;
    for (ptrdiff_t r = 0; r < n; r++)
        memcpy(a + r * stride, net->hidden_bias, (size_t)stride * sizeof(REAL));
    for (ptrdiff_t first = 0; first < n_columns; first += 8) {
        const int own = n_columns - first < 8 ? (1 << (n_columns - first)) - 1 : 255;
        const uint8_t *bytes = rows->bytes + (first >> 3) * rows->stride;
        for (ptrdiff_t r = 0; r < rows->n_rows; r++)
            for (int set = bytes[r] & own, j = 0; set; set >>= 1, j++)
                if (set & 1)
                    NAME(add_line)(net->width, input + (first + j) * stride, a + r * stride);
    }
}

/* The hidden units of every row after its last bit, n_hidden numbers a row. */
static void NAME(represent)(
    const nade_rows *rows, const nade_network *net, void *restrict lines, double *restrict hidden)
{
    const ptrdiff_t n = padded(rows), stride = net->stride;
    REAL *a = lines, *h = a + n * stride;
    NAME(sum_inputs)(rows, net, rows->n_columns, a);
    for (ptrdiff_t r = 0; r < rows->n_rows; r++) {
        NAME(activate)(net, NULL, a + r * stride, h);
        for (ptrdiff_t k = 0; k < net->n_hidden; k++)
            hidden[r * net->n_hidden + k] = h[k];
    }
}
