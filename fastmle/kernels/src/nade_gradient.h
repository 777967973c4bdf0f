/* The gradient of NADE, included once for every REAL, after nade_loops.h.
 *
 * One pass over the columns, from the last to the first, does it: what the conditionals after a bit pass back
 * to its weights is complete when the bit is reached, and the state before it is that after it less its
 * weights. Working memory holds the lines a and h as in nade_loops.h, then the lines of what has been passed
 * back to a, and one line more. */

/* What a group of rows leaves behind in a block of columns. */
typedef struct {
    REAL residual[COLUMNS][GROUP];
    int n_pending[GROUP]; /* columns, from the last one seen on, whose residuals are not passed back yet */
} NAME(block);

/* Passes back to the sums a of row r what its pending columns, from number `first` of the block on, say about
 * its hidden units h; output begins with the weights of that column, and line is working memory. */
static void NAME(pass_back)(
    NAME(block) *block, int r, ptrdiff_t first, const nade_network *net, REAL keep, const REAL *output,
    const REAL *restrict h, REAL *restrict line, REAL *restrict back)
{
    const ptrdiff_t stride = net->stride, width = net->width;
    const int n = block->n_pending[r];
    const REAL *residual, scale = 1 / keep;
    ptrdiff_t k = 0;
    if (n == 0)
        return;
    block->n_pending[r] = 0;
    residual = &block->residual[first][r];
#define ADD_COLUMNS(N)                                                                              \
    {                                                                                               \
        VECTOR sums[N];                                                                             \
        for (int j = 0; j < N; j++)                                                                 \
            sums[j] = (VECTOR){0};                                                                  \
        for (int i = 0; i < n; i++) {                                                               \
            const VECTOR own = (VECTOR){0} + residual[i * GROUP];                                   \
            for (int j = 0; j < N; j++)                                                             \
                sums[j] = FUSE(own, NAME(load)(output + i * stride + k + j * PART), sums[j]);       \
        }                                                                                           \
        for (int j = 0; j < N; j++)                                                                 \
            NAME(store)(line + k + j * PART, sums[j]);                                              \
    }
    for (; k + 4 * PART <= width; k += 4 * PART)
        ADD_COLUMNS(4)
    for (; k < width; k += PART)
        ADD_COLUMNS(1)
#undef ADD_COLUMNS
    if (net->activation == nade_relu)
        EACH_NUMBER(k, 0, width)
            back[k] += h[k] > 0 ? scale * line[k] : 0;
    else
        EACH_NUMBER(k, 0, width)
            back[k] += line[k] * (h[k] * (1 - keep * h[k]));
}

/* gradient += the sum over the rows of a group of their residuals times their lines h. */
static void NAME(add_outer)(
    const nade_network *net, const REAL *residual, const REAL *h, REAL *restrict gradient)
{
    const ptrdiff_t stride = net->stride;
    VECTOR factor[GROUP];
    for (int r = 0; r < GROUP; r++)
        factor[r] = (VECTOR){0} + residual[r];
    EACH_PART(k, 0, net->width) {
        VECTOR sum = NAME(load)(gradient + k);
#pragma GCC unroll 8
        for (int r = 0; r < GROUP; r++)
            sum = FUSE(factor[r], NAME(load)(h + r * stride + k), sum);
        NAME(store)(gradient + k, sum);
    }
}

/* Terms and residuals of a column for a group, whose outcomes are the bits of `ones`, and logits are z; returns
 * the sum of the terms. */
static double NAME(judge_column)(
    const nade_gradient *gradient, unsigned ones, const REAL *restrict weight, const REAL *restrict z,
    REAL *restrict residual)
{
    const REAL smoothing = (REAL)gradient->smoothing / 2;
    REAL outcome[GROUP], term[GROUP];
    double sum = 0;
    for (int r = 0; r < GROUP; r++)
        outcome[r] = (REAL)(ones >> r & 1);
    NAME(judge)(z, outcome, term, residual);
    EACH_ROW(r) {
        const REAL sign = 2 * outcome[r] - 1;
        term[r] *= weight[r];
        residual[r] = weight[r] * (residual[r] - smoothing * sign);
    }
    for (int r = 0; r < GROUP; r++)
        sum += term[r];
    return sum;
}

static void NAME(add_gradient)(
    const nade_rows *rows, const nade_network *net, const nade_gradient *gradient, void *restrict lines)
{
    const ptrdiff_t n = padded(rows), stride = net->stride, n_columns = rows->n_columns;
    const REAL *input = net->input, *output = net->output, *bias = net->bias, *mask = gradient->mask;
    const REAL keep = (REAL)gradient->keep;
    REAL *grad_input = gradient->input, *grad_output = gradient->output, *grad_bias = gradient->bias;
    REAL *const a = lines, *const h = a + n * stride, *const back = h + n * stride,
         *const line = back + n * stride;
#define MASK(r) (mask && (r) < rows->n_rows ? mask + (r) * stride : NULL)
    NAME(sum_inputs)(rows, net, n_columns - 1, a);
    for (ptrdiff_t r = 0; r < n; r++)
        NAME(activate)(net, MASK(r), a + r * stride, h + r * stride);
    memset(back, 0, (size_t)(n * stride) * sizeof(REAL));
    for (ptrdiff_t first = (n_columns - 1) / COLUMNS * COLUMNS; first >= 0; first -= COLUMNS) {
        const ptrdiff_t last = first + COLUMNS < n_columns ? first + COLUMNS - 1 : n_columns - 1;
        for (ptrdiff_t start = 0; start < n; start += GROUP) {
            NAME(block) block = {0};
            REAL weight[GROUP];
            for (int r = 0; r < GROUP; r++)
                weight[r] = start + r >= rows->n_rows ? 0
                            : gradient->weight        ? (REAL)gradient->weight[start + r]
                                                      : 1;
            for (ptrdiff_t i = last; i >= first; i--) {
                REAL z[GROUP], *residual = block.residual[i - first];
                const unsigned ones = ones_of(rows, i, start);
                for (int r = 0; r < GROUP; r++)
                    if (ones >> r & 1 && i + 1 < n_columns) {
                        const ptrdiff_t at = (start + r) * stride;
                        /* Those of this block; the blocks before have passed back all of theirs. */
                        NAME(pass_back)(
                            &block, r, i + 1 - first, net, keep, output + (i + 1) * stride, h + at, line,
                            back + at);
                        NAME(add_line)(net->width, back + at, grad_input + i * stride);
                        NAME(advance)(net, -1, input + i * stride, MASK(start + r), a + at, h + at);
                    }
                NAME(multiply)(net, h + start * stride, output + i * stride, bias[i], z);
                *gradient->value += NAME(judge_column)(gradient, ones, weight, z, residual);
                NAME(add_outer)(net, residual, h + start * stride, grad_output + i * stride);
                for (int r = 0; r < GROUP; r++) {
                    grad_bias[i] += residual[r];
                    block.n_pending[r]++;
                }
            }
            for (int r = 0; r < GROUP; r++) {
                const ptrdiff_t at = (start + r) * stride;
                NAME(pass_back)(
                    &block, r, 0, net, keep, output + first * stride, h + at, line, back + at);
            }
        }
    }
    for (ptrdiff_t r = 0; r < rows->n_rows; r++)
        NAME(add_line)(net->width, back + r * stride, gradient->hidden_bias);
#undef MASK
}
