/* Drawing rows, included once for every FORM of float (see fvsbn_level.h). */

/* Draws a variable in a run of at most CHUNK rows, from its logits or odds: drawn[r] becomes -1 for a one,
 * else 0, and ones set the bit `one`. With u = random / 2^31 a one is drawn where u is below its
 * probability, reckoned from the end of the interval at which the less probable outcome lies. */
static inline void FORM(draw)(
    ptrdiff_t n_rows, const float *restrict z, const int32_t *restrict random, int32_t one,
    int32_t *restrict bits, int32_t *restrict drawn)
{
    _Pragma("omp simd") for (ptrdiff_t r = 0; r < n_rows; r++) {
        const int32_t likely = z[r] < NEUTRAL ? 0 : -1;
        const float v = ((float)(random[r] ^ (likely & INT32_MAX)) + 1.0f) * 0x1p-31f;
        const int32_t rare = FORM(is_rare)(v, z[r]) ? -1 : 0;
        drawn[r] = rare ^ likely;
        bits[r] |= drawn[r] & one;
    }
}

/* Draws the variables first_column..first_column + n_lanes - 1 (at most LANES, first_column a multiple of
 * 8) of a tile's rows, given the variables before them; of the block's own, the first n_given are given.
 * coef[lane][j] is the weight of variable j, uniform[lane * n_rows + r] 31 random bits. Rows stand side by
 * side here, and a bit that has been drawn adds its weights to the logits of those after it. */
static void FORM(sample_block)(
    uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t first_column, ptrdiff_t n_lanes, ptrdiff_t n_given,
    const double *coef, ptrdiff_t coef_stride, const double *intercept, const int32_t *uniform,
    float *restrict tables, float *restrict z)
{
    float inner[LANES][LANES], own[LANES][CHUNK];
    int32_t columns[LANES], bits[CHUNK], drawn[CHUNK];
    EACH_LANE /* what the block's own variables add comes one by one */
        columns[lane] = (int32_t)first_column;
    for (int k = 0; k < LANES; k++) {
        for (ptrdiff_t lane = 0; lane < LANES; lane++)
            inner[k][lane] = coef && k < lane && lane < n_lanes
                                 ? (float)coef[lane * coef_stride + first_column + k]
                                 : 0;
        EACH_LANE
            inner[k][lane] = FACTOR(inner[k][lane]);
    }
    FORM(sum_by_tables)(
        tile, n_rows, columns, n_lanes, coef, coef_stride, coef ? first_column / 8 : 0, intercept, tables, z);
    for (ptrdiff_t start = 0; start < n_rows; start += CHUNK) {
        const ptrdiff_t run = n_rows - start < CHUNK ? n_rows - start : CHUNK;
        uint8_t *low = tile + (first_column >> 3) * n_rows + start, *high = low + n_rows;
        memset(bits, 0, sizeof bits);
        for (ptrdiff_t r = 0; r < run; r++) {
            bits[r] = n_given > 0 ? low[r] : 0;
            bits[r] |= n_given > 8 ? high[r] << 8 : 0;
        }
        for (ptrdiff_t r = 0; r < run; r++)
            for (int lane = 0; lane < LANES; lane++)
                own[lane][r] = z[(start + r) * LANES + lane];
        for (ptrdiff_t lane = 0; lane < n_lanes; lane++) {
            const int32_t one = (int32_t)1 << lane;
            if (lane < n_given)
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    drawn[r] = bits[r] & one ? -1 : 0;
            else
                FORM(draw)(run, own[lane], uniform + lane * n_rows + start, one, bits, drawn);
            for (ptrdiff_t later = lane + 1; later < n_lanes; later++) {
                const float weight = inner[lane][later];
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    own[later][r] = COMBINE(own[later][r], drawn[r] ? weight : NEUTRAL);
            }
        }
        for (ptrdiff_t r = 0; r < run; r++)
            low[r] = (uint8_t)bits[r];
        if (n_lanes > 8)
            for (ptrdiff_t r = 0; r < run; r++)
                high[r] = (uint8_t)(bits[r] >> 8);
    }
}
