/* Drawing rows. */

/* Draws the variables first_column..first_column + n_lanes - 1 (at most LANES, first_column a multiple of
 * 8) of a tile's rows, given the variables before them; of the block's own, the first n_given are given.
 * coef[lane][j] is the weight of variable j, uniform[lane * n_rows + r] 31 random bits. Rows stand side by
 * side here, and a bit that has been drawn adds its weights to the logits of those after it.
 *
 * The less probable outcome, of probability e / (1 + e) with e = exp(-|logit|), is drawn where v = (uniform
 * + 1) / 2^31 <= e / (1 + e): v is never 0, so what has no probability is not drawn. */
static void sample_block(
    uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t first_column, ptrdiff_t n_lanes, ptrdiff_t n_given,
    const double *coef, ptrdiff_t coef_stride, const double *intercept, const int32_t *uniform,
    float *restrict tables, float *restrict z)
{
    enum { L = lanes_f32 };
    int32_t columns[L];
    float inner[L][L] = {{0}}, logit[L][CHUNK];
    int32_t bits[CHUNK];
    for (int lane = 0; lane < L; lane++)
        columns[lane] = (int32_t)first_column;
    if (coef)
        for (ptrdiff_t lane = 0; lane < n_lanes; lane++)
            for (ptrdiff_t k = 0; k < lane; k++)
                inner[k][lane] = (float)coef[lane * coef_stride + first_column + k];
    sum_by_tables_f32(
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
            for (int lane = 0; lane < L; lane++)
                logit[lane][r] = z[(start + r) * L + lane];
        for (ptrdiff_t lane = 0; lane < n_lanes; lane++) {
            const int32_t one = (int32_t)1 << lane;
            const int32_t *random = uniform + lane * n_rows + start;
            float drawn[CHUNK];
            if (lane < n_given)
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    drawn[r] = bits[r] & one ? 1.0f : 0.0f;
            else
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++) {
                    const float t = logit[lane][r];
                    const float e = exp_f32(-__builtin_fabsf(t));
                    const float v = ((float)random[r] + 1.0f) * 0x1p-31f;
                    const float rare = v * (1.0f + e) <= e ? 1.0f : 0.0f;
                    drawn[r] = t < 0.0f ? rare : 1.0f - rare;
                    bits[r] |= drawn[r] > 0.0f ? one : 0;
                }
            for (ptrdiff_t later = lane + 1; later < n_lanes; later++) {
                const float weight = inner[lane][later];
                _Pragma("omp simd") for (ptrdiff_t r = 0; r < run; r++)
                    logit[later][r] += drawn[r] * weight;
            }
        }
        for (ptrdiff_t r = 0; r < run; r++)
            low[r] = (uint8_t)bits[r];
        if (n_lanes > 8)
            for (ptrdiff_t r = 0; r < run; r++)
                high[r] = (uint8_t)(bits[r] >> 8);
    }
}
