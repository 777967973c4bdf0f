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

/* h = act(a), zero beyond the hidden units, which a mask may multiply. */
static void NAME(activate)(
    const nade_network *net, const REAL *restrict a, const REAL *restrict mask, REAL *restrict h)
{
    if (net->activation == nade_relu)
        EACH_NUMBER(k, net->stride)
            h[k] = a[k] > 0 ? a[k] : 0;
    else
        EACH_NUMBER(k, net->stride) {
            const REAL e = EXP(-ABS(a[k]));
            h[k] = (a[k] < 0 ? e : 1) / (1 + e);
        }
    for (ptrdiff_t k = net->n_hidden; k < net->stride; k++)
        h[k] = 0;
    if (mask)
        EACH_NUMBER(k, net->stride)
            h[k] *= mask[k];
}

/* Adds `sign` times a line to another. */
static inline void NAME(shift)(ptrdiff_t stride, REAL sign, const REAL *restrict line, REAL *restrict sums)
{
    EACH_NUMBER(k, stride)
        sums[k] += sign * line[k];
}

/* sums[r] = the sum over the lanes of part r, for the parts of a group. */
static inline ALWAYS_INLINE void NAME(fold)(VECTOR *parts, REAL *restrict sums)
{
#ifdef ADD_NEIGHBOURS
    /* Neighbours are added, of two parts at once, until eight numbers are left, in order. */
    int n = GROUP;
    for (ptrdiff_t left = GROUP * PART; left > GROUP; left /= 2) {
        const int half = n > 1 ? n / 2 : 1;
        for (int i = 0; i < half; i++) {
            const VECTOR low = parts[n > 1 ? 2 * i : 0], high = parts[n > 1 ? 2 * i + 1 : 0];
            parts[i] = ADD_NEIGHBOURS(low, high);
        }
        n = half;
    }
    memcpy(sums, parts, GROUP * sizeof(REAL));
#else
    for (int r = 0; r < GROUP; r++) {
        sums[r] = 0;
        for (ptrdiff_t lane = 0; lane < PART; lane++)
            sums[r] += parts[r][lane];
    }
#endif
}

/* z[r] = bias + h_r v for the lines h of a group. */
static inline ALWAYS_INLINE void NAME(multiply)(
    ptrdiff_t stride, const REAL *h, const REAL *v, REAL bias, REAL *restrict z)
{
    VECTOR sums[GROUP];
    for (int r = 0; r < GROUP; r++)
        sums[r] = (VECTOR){0};
    EACH_PART(k, stride) {
        const VECTOR own = NAME(load)(v + k);
#pragma GCC unroll 8
        for (int r = 0; r < GROUP; r++)
            sums[r] = FUSE(NAME(load)(h + r * stride + k), own, sums[r]);
    }
    NAME(fold)(sums, z);
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
    NAME(activate)(net, a, NULL, h);
    for (ptrdiff_t r = 1; r < n; r++)
        memcpy(h + r * stride, h, (size_t)stride * sizeof(REAL));
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
            uint8_t *bytes = rows->bytes + (i >> 3) * rows->stride + start;
            const uint8_t one = (uint8_t)(1 << (i & 7));
            REAL z[GROUP] = {0}, outcome[GROUP] = {0};
            if (random || total || logits)
                NAME(multiply)(stride, h, output + i * stride, bias[i], z);
            if (random)
                for (int r = 0; r < n_own; r++) {
                    /* From the end of the interval at which the less probable outcome lies. */
                    const int32_t likely = z[r] < 0 ? 0 : -1;
                    const int32_t own = random[(i - first) * rows->n_rows + start + r];
                    const REAL v = ((REAL)(own ^ (likely & INT32_MAX)) + 1) * (REAL)0x1p-31;
                    const REAL e = EXP(-ABS(z[r]));
                    const int rare = v * (1 + e) <= e;
                    bytes[r] |= (rare != (likely != 0)) ? one : 0;
                }
            for (int r = 0; r < n_own; r++)
                outcome[r] = bytes[r] & one ? 1 : 0;
            if (total) {
                REAL term[GROUP], residual[GROUP];
                NAME(judge)(z, outcome, term, residual);
                for (int r = 0; r < GROUP; r++)
                    sums[r] += term[r];
            }
            if (logits)
                for (int r = 0; r < n_own; r++)
                    logits[(start + r) * logit_stride + i] = z[r];
            if (i + 1 < rows->n_columns)
                for (int r = 0; r < n_own; r++)
                    if (outcome[r] > 0) {
                        NAME(shift)(stride, 1, input + i * stride, a + r * stride);
                        NAME(activate)(net, a + r * stride, NULL, h + r * stride);
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
                    NAME(shift)(stride, 1, input + (first + j) * stride, a + r * stride);
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
        NAME(activate)(net, a + r * stride, NULL, h);
        for (ptrdiff_t k = 0; k < net->n_hidden; k++)
            hidden[r * net->n_hidden + k] = h[k];
    }
}
