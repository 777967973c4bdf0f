/* The gradient of a minibatch, whose parameters and gradient stand as this reads and writes them: two lines of
 * weights a variable, one lane a column of two blocks. Nothing is gathered from rows of weights and spread to
 * them again, which for a few hundred rows takes as long as all the rest. Variables go through their lists of
 * rows: the lines of a variable are held in registers, and those of the rows in the first cache. Included once,
 * in float. */

/* The lines of four rows of a list, those of the second block being `other`. */
#define FOUR_ROWS(list) \
    const ptrdiff_t r0 = (list)[0] * lanes_f32, r1 = (list)[1] * lanes_f32, r2 = (list)[2] * lanes_f32, \
                    r3 = (list)[3] * lanes_f32;
#define PART(i, r) ((part_f32 *)((i < N_PARTS / 2 ? lines : other) + r))[i % (N_PARTS / 2)]

/* Adds to the lines of rows, which begin with `begin`, the weights of their set bits. The lines of the second
 * block follow those of the first, and after either stands one more line, for what fills the lists up. */
static void sum_by_columns(
    const uint16_t *listed, const int32_t *starts, ptrdiff_t n_rows, ptrdiff_t n_variables,
    const float *begin, const float *weights, float *restrict lines)
{
    float *other = lines + (n_rows + 1) * lanes_f32;
    for (ptrdiff_t r = 0; r <= n_rows; r++) {
        memcpy(lines + r * lanes_f32, begin, lanes_f32 * sizeof *lines);
        memcpy(other + r * lanes_f32, begin + lanes_f32, lanes_f32 * sizeof *lines);
    }
    for (ptrdiff_t j = 0; j < n_variables; j++) {
        const part_f32 *weight = (const part_f32 *)(weights + j * 2 * lanes_f32);
#define LOAD(i) const part_f32 weight##i = weight[i];
        EACH_PART(LOAD)
#undef LOAD
        for (ptrdiff_t k = starts[j]; k < starts[j + 1]; k += LISTED_ROWS) {
            FOUR_ROWS(listed + k)
#define ADD(i) \
    { \
        const part_f32 sum0 = PART(i, r0) + weight##i, sum1 = PART(i, r1) + weight##i, \
                       sum2 = PART(i, r2) + weight##i, sum3 = PART(i, r3) + weight##i; \
        PART(i, r0) = sum0, PART(i, r1) = sum1, PART(i, r2) = sum2, PART(i, r3) = sum3; \
    }
            EACH_PART(ADD)
#undef ADD
        }
    }
}

/* The gradient in the weights from the residuals of rows, whose lines stand likewise; it is overwritten if
 * `fresh`. */
static void add_by_columns(
    int fresh, const uint16_t *listed, const int32_t *starts, ptrdiff_t n_rows, ptrdiff_t n_variables,
    float *restrict lines, float *restrict gradient)
{
    float *other = lines + (n_rows + 1) * lanes_f32;
    memset(lines + n_rows * lanes_f32, 0, lanes_f32 * sizeof *lines);
    memset(other + n_rows * lanes_f32, 0, lanes_f32 * sizeof *lines);
    for (ptrdiff_t j = 0; j < n_variables; j++) {
        part_f32 *own = (part_f32 *)(gradient + j * 2 * lanes_f32);
#define START(i) part_f32 sum##i = fresh ? (part_f32){0} : own[i];
        EACH_PART(START)
#undef START
        for (ptrdiff_t k = starts[j]; k < starts[j + 1]; k += LISTED_ROWS) {
            FOUR_ROWS(listed + k)
#define ADD(i) sum##i += (PART(i, r0) + PART(i, r1)) + (PART(i, r2) + PART(i, r3));
            EACH_PART(ADD)
#undef ADD
        }
#define STORE(i) own[i] = sum##i;
        EACH_PART(STORE)
#undef STORE
    }
}
#undef PART
#undef FOUR_ROWS

/* Takes pairs of blocks, the last of which have the most lines, until none of *n_left is left: several threads
 * share them, as for so few rows each call from Python takes its share of the time. The intercepts stand first,
 * those of pair p have their lines from places[p] to places[p + 1]. */
static void compute_gradient_in_lines(
    const fvsbn_columns *listed, ptrdiff_t n_columns, int64_t *n_left, const int64_t *places,
    const float *parameters, const double *weight, float *restrict work, double *restrict value,
    float *restrict gradient)
{
    enum { WIDTH = 2 * lanes_f32 };
    ptrdiff_t pair;
    while ((pair = (ptrdiff_t)__atomic_sub_fetch(n_left, 1, __ATOMIC_RELAXED)) >= 0) {
        const ptrdiff_t column = pair * WIDTH, n = block_size(n_columns, column, WIDTH);
        const ptrdiff_t place = (ptrdiff_t)places[pair];
        const ptrdiff_t n_variables = ((ptrdiff_t)places[pair + 1] - place) / WIDTH;
        int32_t columns[WIDTH];
        float begin[WIDTH];
        double intercept[WIDTH], sums[WIDTH] = {0};
        for (ptrdiff_t lane = 0; lane < n; lane++) {
            columns[lane] = (int32_t)(column + lane);
            intercept[lane] = (double)parameters[column + lane];
            value[column + lane] = 0;
        }
        for (ptrdiff_t first = 0; first < WIDTH; first += lanes_f32)
            begin_line_f32(intercept + first, block_size(n, first, lanes_f32), begin + first);
        for (ptrdiff_t start = 0; start < listed->n_rows; start += RUN) {
            const ptrdiff_t n_rows = listed->n_rows - start < RUN ? listed->n_rows - start : RUN;
            const int32_t *starts = listed->starts + start / RUN * listed->n_variables;
            sum_by_columns(listed->rows, starts, n_rows, n_variables, begin, parameters + place, work);
            for (ptrdiff_t first = 0; first < WIDTH; first += lanes_f32)
                to_residuals_f32(
                    listed->tile, listed->n_rows, start, start + n_rows, columns + first,
                    block_size(n, first, lanes_f32), weight,
                    work + (first ? (n_rows + 1) * lanes_f32 : 0), value + column + first, sums + first);
            add_by_columns(start == 0, listed->rows, starts, n_rows, n_variables, work, gradient + place);
        }
        for (ptrdiff_t lane = 0; lane < n; lane++)
            gradient[column + lane] = (float)sums[lane];
    }
}
