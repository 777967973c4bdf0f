/* All loops of one level, and their table. The including file sets FVSBN_TABLE and the target. */
#include <string.h>
#include "elementary.h"
#include "fvsbn.h"

/* WORD is the unsigned integer as wide as REAL; POWER is the power of two whose last place is one, and
 * WORD_OF_POWER its bits, so that small integers or-ed into them read as POWER plus the integer. */
#define REAL double
#define WORD uint64_t
#define POWER 0x1p52
#define WORD_OF_POWER UINT64_C(0x4330000000000000)
#define NAME(stem) stem##_f64
#include "fvsbn_loops.h"
#undef REAL
#undef WORD
#undef POWER
#undef WORD_OF_POWER
#undef NAME

#define REAL float
#define WORD uint32_t
#define POWER 0x1p23f
#define WORD_OF_POWER UINT32_C(0x4B000000)
#define NAME(stem) stem##_f32
#include "fvsbn_loops.h"
#undef REAL
#undef WORD
#undef POWER
#undef WORD_OF_POWER
#undef NAME

/* Draws the variables first_bit..n_lanes-1 of one group, given the logits z[row][8] of the earlier
 * groups, the weights[8][8] inside the group (row: the variable, column: its predecessor) and
 * uniforms u[row][8] in [0, 1). bytes[row] holds the bits below first_bit and receives the others. A
 * bit is 1 where 1 - u <= sigmoid(logit); 1 - u is never 0, so what has no probability is not drawn. */
static void sample_group(
    const double *restrict z, const double *weights, const double *uniform, ptrdiff_t n_rows,
    int first_bit, int n_lanes, uint8_t *restrict bytes)
{
    for (int lane = first_bit; lane < n_lanes; lane++) {
        double sums[256]; /* of the weights inside the group, by the bits drawn so far */
        sums[0] = 0.0;
        for (int h = 0; h < lane; h++)
            for (int v = 0; v < (1 << h); v++)
                sums[(1 << h) + v] = sums[v] + weights[8 * lane + h];
        for (ptrdiff_t r = 0; r < n_rows; r++) {
            const double logit = z[8 * r + lane] + sums[bytes[r]];
            const double v = 1 - uniform[8 * r + lane];
            const double e = exp_nonpositive_f64(logit < 0 ? logit : -logit);
            const int one = v * (1 + e) <= (logit < 0 ? e : 1);
            bytes[r] |= (uint8_t)(one << lane);
        }
    }
}

const fvsbn_functions FVSBN_TABLE = {
    build_tables_f32, compute_logits_f32, logits_to_terms_f32, add_terms_f32,
    logits_to_residuals_f32, scatter_gradient_f32,
    build_tables_f64, compute_logits_f64, logits_to_terms_f64, add_terms_f64,
    logits_to_residuals_f64, scatter_gradient_f64,
    sample_group,
};
