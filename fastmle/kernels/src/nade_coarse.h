/* Draws from rounded hidden units, included once in nade_level.h, for float, after nade_loops.h.
 *
 * With a uniform u a one is drawn where u is below the probability. Hardly ever is u so close to it that
 * the logit need be exact: first it is reckoned from hidden units and weights of 16 bits, with half the loads,
 * multiplications and memory, and only where its largest possible error leaves the outcome open from the state
 * of the row in float. So the rows are those of exact logits, but for draws within rounding. The sums of units
 * must be numbers.
 *
 * A hidden unit is h = (1 + g) / 2 with g in [-1, 1], kept as COARSE_ONE g, rounded. A weight of column i is
 * v = s q + r with an integer q. So, with the true h,
 *     z = b + sum v / 2 + (s / 2) sum q g + (1/2) sum r g,
 * where the last term is at most half of sum |r|, and an error e of g moves that before it by s/2 sum |q| e.
 *
 * The units of 32 stand in pairs, u beside u + 16, which is how two registers become one. Products of pairs are
 * added up in sixteen sums of 32 bits: sum u has the units that leave u when divided by 16. */

enum { COARSE_ROWS = nade_coarse_group, COARSE_UNITS = 32, COARSE_SUMS = 16 };

#define COARSE_ONE 16384.0f
/* A bound on the error of g: 2^-13 of the reciprocal, 2^-15 of rounding. */
#define COARSE_UNIT_ERROR 0x1.4p-13f
/* What the integers of a sum may amount to: times 16387, more than any unit, it is less than 2^31. */
#define COARSE_MOST 131000.0f

/* Does something for every sum, or row of a group. */
#define EACH_SUM(u) _Pragma("omp simd") for (int u = 0; u < COARSE_SUMS; u++)

/* Rounds the output weights of a column. Writes its terms: the logit at g = 0, the scale of the sum, and what
 * logits can be off by, with all roundings in drawing; infinite where no logit can be had this way. */
static void coarsen_column(
    const nade_network *net, ptrdiff_t i, int16_t *restrict weight, float *restrict terms)
{
    static const float none[COARSE_SUMS] = {0};
    const float *v = (const float *)net->output + i * net->stride;
    const ptrdiff_t width = net->width;
    const float steps = COARSE_MOST - (float)(width / COARSE_SUMS);
    float size[COARSE_SUMS] = {0}, sum[COARSE_SUMS] = {0}, rest[COARSE_SUMS] = {0}, largest[COARSE_SUMS] = {0};
    float all = 0, logit = ((const float *)net->bias)[i], left = 0, most = 0, single = 0, unit, inverse, error;
    for (ptrdiff_t k = 0; k < width; k += COARSE_SUMS)
        EACH_SUM(u) {
            const float own = fabsf(v[k + u]);
            size[u] += own;
            sum[u] += v[k + u];
            largest[u] = own > largest[u] ? own : largest[u];
        }
    for (int u = 0; u < COARSE_SUMS; u++) {
        all += size[u];
        logit += sum[u] / 2;
        most = size[u] > most ? size[u] : most;
        single = largest[u] > single ? largest[u] : single;
    }
    unit = most / steps > single / 32767 ? most / steps : single / 32767;
    unit = unit < 1e-28f ? 1e-28f : unit;
    inverse = 1 / unit;
    terms[nade_coarse_bias] = logit;
    if (!(steps > 0 && all < 1e30f && fabsf(logit) < 1e30f)) {
        memset(weight, 0, (size_t)((width + COARSE_UNITS - 1) / COARSE_UNITS * COARSE_UNITS) * sizeof *weight);
        terms[nade_coarse_scale] = 0;
        terms[nade_coarse_error] = HUGE_VALF;
        return;
    }
    for (ptrdiff_t k = 0; k < width; k += COARSE_UNITS) {
        const float *low = v + k, *high = k + COARSE_SUMS < width ? low + COARSE_SUMS : none;
        uint32_t pairs[COARSE_SUMS];
        EACH_SUM(u) {
            const float a = rintf(low[u] * inverse), b = rintf(high[u] * inverse);
            rest[u] += fabsf(low[u] - a * unit) + fabsf(high[u] - b * unit);
            pairs[u] = ((uint32_t)(int32_t)a & 0xFFFF) | (uint32_t)(int32_t)b << 16;
        }
        memcpy(weight + k, pairs, sizeof pairs);
    }
    for (int u = 0; u < COARSE_SUMS; u++)
        left += rest[u];
    /* What comes behind the error of the units is more than all roundings of sums of so many floats, of those in
     * the exact logit too, and in thresholds. */
    error = left / 2 + (all + left) * (COARSE_UNIT_ERROR / 2 + 0x1p-19f + 0x1p-25f * (float)width)
            + fabsf(logit) * 0x1p-20f + 0x1p-14f;
    terms[nade_coarse_scale] = unit / (2 * COARSE_ONE);
    /* Far beyond, all exact logits at once are the better way. */
    terms[nade_coarse_error] = error < 1 ? error : HUGE_VALF;
}

/* odds = exp(-weight), for lines of hidden units, weights beyond 87 either way cut there. Adds to what there is
 * of each unit the sizes of its weights, infinite where they are cut, and the weights. */
static void turn_into_odds(
    ptrdiff_t n_lines, ptrdiff_t width, const float *restrict weight, float *restrict odds, float *restrict size,
    float *restrict sum)
{
    for (ptrdiff_t i = 0; i < n_lines; i++, weight += width, odds += width)
        EACH_NUMBER(k, 0, width) {
            float t = -weight[k];
            const float own = fabsf(t);
            size[k] += own > 87.0f ? HUGE_VALF : own;
            sum[k] -= t;
            t = t < 87.0f ? t : 87.0f;
            t = t > -87.0f ? t : -87.0f;
            odds[k] = exp_inside_f32(t);
        }
}

static void coarsen(const nade_network *net, const nade_coarse *coarse)
{
    for (ptrdiff_t i = 0; i < coarse->n_columns; i++)
        coarsen_column(net, i, coarse->weight + i * coarse->stride, coarse->terms + i * nade_coarse_terms);
}

#if HAS_PAIRS

/* Hidden units h rounded: 2^15 (h - 1/2) in the low halves. The last place of numbers about 384 is 2^-15. */
static inline part_u32 coarse_units(part_f32 units)
{
    return (part_u32)(units + (384.0f - 0.5f));
}

/* Units k of a line: where `line` is given, the sums hear of it first. */
static inline ALWAYS_INLINE part_u32 coarse_step(float *a, const float *line, ptrdiff_t k, int odds)
{
    part_f32 sums = load_f32(a + k);
    if (line) {
        sums = odds ? sums * load_f32(line + k) : sums + load_f32(line + k);
        store_f32(a + k, sums);
    }
    return coarse_units(odds ? estimate_reciprocal(1 + sums) : exact_sigmoid(sums));
}

static inline ALWAYS_INLINE void coarse_pairs(
    float *a, const float *line, ptrdiff_t from, ptrdiff_t to, int odds, int16_t *h)
{
    for (ptrdiff_t k = from; k + COARSE_UNITS <= to; k += COARSE_UNITS)
        for (ptrdiff_t u = 0; u < COARSE_SUMS; u += PART) {
            const part_u32 low = coarse_step(a, line, k + u, odds);
            const part_u32 high = coarse_step(a, line, k + u + COARSE_SUMS, odds);
            *(part_u32 *)(h + k + 2 * u) = pair_up(low, high);
        }
    if ((to - from) % COARSE_UNITS)
        for (ptrdiff_t k = to - COARSE_SUMS, u = 0; u < COARSE_SUMS; u += PART)
            *(part_u32 *)(h + k + 2 * u) = pair_up(coarse_step(a, line, k + u, odds), (part_u32){0});
}

/* As `advance`, and `activate` where there is no line. */
static void coarse_advance(const nade_network *net, const float *line, float *a, int16_t *h)
{
    coarse_pairs(a, line, 0, net->n_odds, 1, h);
    coarse_pairs(a, line, net->n_odds, net->width, 0, h);
}

/* sums[r] = sum over the units of q g, for a group. */
static inline ALWAYS_INLINE void coarse_multiply(
    const int16_t *h, ptrdiff_t stride, const int16_t *weight, ptrdiff_t width, float *restrict sums)
{
    width = (width + COARSE_UNITS - 1) / COARSE_UNITS * COARSE_UNITS;
    for (int first = 0; first < COARSE_ROWS; first += PAIR_ROWS) {
        part_f32 parts[PAIR_ROWS];
        for (int r = 0; r < PAIR_ROWS; r++)
            parts[r] = (part_f32){0};
        /* A register that has but some of the sums at a time. */
        for (ptrdiff_t u = 0; u < COARSE_UNITS; u += 2 * PART) {
            part_i32 own[PAIR_ROWS];
            for (int r = 0; r < PAIR_ROWS; r++)
                own[r] = (part_i32){0};
            for (ptrdiff_t k = u; k < width; k += COARSE_UNITS) {
                const part_i32 q = *(const part_i32 *)(weight + k);
#pragma GCC unroll 16
                for (int r = 0; r < PAIR_ROWS; r++)
                    own[r] = add_pairs(own[r], h + (first + r) * stride + k, q);
            }
#pragma GCC unroll 16
            for (int r = 0; r < PAIR_ROWS; r++)
                parts[r] += __builtin_convertvector(own[r], part_f32);
        }
        fold_f32(PAIR_ROWS, parts, sums + first);
    }
}

/* The logit of variable i, exactly, of the row whose sums are a. */
static float exact_logit(const nade_network *net, ptrdiff_t i, const float *a)
{
    const float *v = (const float *)net->output + i * net->stride;
    float z = ((const float *)net->bias)[i];
    part_f32 sums = {0};
    EACH_PART(k, 0, net->n_odds)
        sums = FUSE_F32(exact_reciprocal(1 + load_f32(a + k)), load_f32(v + k), sums);
    EACH_PART(k, net->n_odds, net->width)
        sums = FUSE_F32(exact_sigmoid(load_f32(a + k)), load_f32(v + k), sums);
    for (int lane = 0; lane < PART; lane++)
        z += sums[lane];
    return z;
}

/* The rounded units of the rows from `start` on: they stand behind the sums of all rows. */
static inline int16_t *coarse_lines(
    const nade_rows *rows, const nade_network *net, const nade_coarse *coarse, ptrdiff_t start, float *lines)
{
    const ptrdiff_t n = (rows->n_rows + COARSE_ROWS - 1) / COARSE_ROWS * COARSE_ROWS;
    return (int16_t *)(lines + n * net->stride) + start * coarse->stride;
}

/* The state of all rows before the first column. */
static void coarse_begin(const nade_rows *rows, const nade_network *net, const nade_coarse *coarse, void *lines)
{
    float *a = lines;
    int16_t *h = coarse_lines(rows, net, coarse, 0, a);
    memcpy(a, net->hidden_bias, (size_t)net->stride * sizeof *a);
    coarse_advance(net, NULL, a, h);
    for (ptrdiff_t r = 1; r < (rows->n_rows + COARSE_ROWS - 1) / COARSE_ROWS * COARSE_ROWS; r++) {
        memcpy(a + r * net->stride, a, (size_t)net->stride * sizeof *a);
        memcpy(h + r * coarse->stride, h, (size_t)coarse->stride * sizeof *h);
    }
}

/* The logit from which on a one is drawn, as in `decide`, within 2^-15. */
static inline float threshold(int32_t random)
{
    const int32_t likely = random < 1 << 30 ? 0 : -1;
    const float m = place_f32(random, likely), odds = m / (1 - m);
    int32_t bits, exponent;
    float x, q;
    memcpy(&bits, &odds, sizeof bits);
    /* odds = 2^exponent (1 + x) with 1 + x between the roots of 1/2 and 2. */
    exponent = (bits - 0x3F3504F3) >> 23;
    bits -= (int32_t)((uint32_t)exponent << 23);
    memcpy(&x, &bits, sizeof x);
    x -= 1;
    q = MULTIPLY_ADD_F32(x, -0x1.1f29b03256536p-3f, 0x1.c1db92e1a0258p-3f);
    q = MULTIPLY_ADD_F32(x, q, -0x1.04700487fd47fp-2f);
    q = MULTIPLY_ADD_F32(x, q, 0x1.54a4937d8b5f4p-2f);
    q = MULTIPLY_ADD_F32(x, q, -0x1.ffe46c4f0e41bp-2f);
    q = MULTIPLY_ADD_F32(x, q, 0x1.00003ec96f101p0f);
    q = MULTIPLY_ADD_F32(x, q, (float)LOG_2 * (float)exponent);
    return likely ? -q : q;
}

/* As `draw`, from coarse logits and the thresholds of the rows; `taken` collects the ones of a byte of each. */
static inline ALWAYS_INLINE unsigned coarse_draw(
    const nade_network *net, const nade_coarse *coarse, ptrdiff_t i, const int16_t *h, const float *least,
    const int32_t *random, int n_own, const float *a, int32_t *restrict taken)
{
    const float *terms = coarse->terms + i * nade_coarse_terms;
    const float bias = terms[nade_coarse_bias], scale = terms[nade_coarse_scale], error = terms[nade_coarse_error];
    float z[COARSE_ROWS];
    int32_t drawn[COARSE_ROWS], sure[COARSE_ROWS];
    unsigned ones, open;
    coarse_multiply(h, coarse->stride, coarse->weight + i * coarse->stride, net->width, z);
    EACH_SUM(r) {
        /* Where the error is infinite, or the bias not a number, the outcome is open. */
        const float beyond = scale * z[r] + bias - least[r];
        drawn[r] = beyond > 0 ? -1 : 0;
        sure[r] = fabsf(beyond) > error ? -1 : 0;
    }
    ones = which_negative(drawn);
    for (open = ~which_negative(sure) & ((1u << n_own) - 1); open; open &= open - 1) {
        const int r = lowest_bit(open);
        drawn[r] = decide_f32(exact_logit(net, i, a + r * net->stride), random[r]);
        ones = (ones & ~(1u << r)) | ((unsigned)drawn[r] & 1u << r);
    }
    EACH_SUM(r)
        taken[r] |= drawn[r] & 1 << (i & 7);
    return ones & ((1u << n_own) - 1);
}

/* As `walk`, but that bits are read or drawn, and nothing else is wanted. */
static void coarse_walk(
    const nade_rows *rows, const nade_network *net, const nade_coarse *coarse, ptrdiff_t first, ptrdiff_t stop,
    const int32_t *random, void *lines)
{
    const ptrdiff_t stride = net->stride;
    const float *input = net->input;
    for (ptrdiff_t start = 0; start < rows->n_rows; start += COARSE_ROWS) {
        const int n_own = (int)(rows->n_rows - start < COARSE_ROWS ? rows->n_rows - start : COARSE_ROWS);
        float *a = (float *)lines + start * stride;
        int16_t *h = coarse_lines(rows, net, coarse, start, lines);
        int32_t taken[COARSE_ROWS] = {0};
        float least[COLUMNS][COARSE_ROWS];
        /* Ahead of the columns, where no other row need wait for it. */
        for (ptrdiff_t i = 0; random && i < stop - first; i++) {
            int32_t own[COARSE_ROWS] = {0};
            memcpy(own, random + i * rows->n_rows + start, (size_t)n_own * sizeof *own);
            EACH_SUM(r)
                least[i][r] = threshold(own[r]);
        }
        for (ptrdiff_t i = first; i < stop; i++) {
            unsigned ones;
            if (random) {
                ones = coarse_draw(
                    net, coarse, i, h, least[i - first], random + (i - first) * rows->n_rows + start, n_own, a,
                    taken);
                if ((i & 7) == 7 || i + 1 == stop)
                    for (int r = 0; r < COARSE_ROWS; r++) {
                        if (r < n_own)
                            rows->bytes[(i >> 3) * rows->stride + start + r] |= (uint8_t)taken[r];
                        taken[r] = 0;
                    }
            } else
                ones = ones_of(rows, i, start) | ones_of(rows, i, start + GROUP) << GROUP;
            if (i + 1 < rows->n_columns)
                for (; ones; ones &= ones - 1) {
                    const ptrdiff_t r = lowest_bit(ones);
                    coarse_advance(net, input + i * stride, a + r * stride, h + r * coarse->stride);
                }
        }
    }
}

#endif
