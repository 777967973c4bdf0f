/* The gradient where parameters and gradient stand as lists of set bits read and write them: two lines of
 * weights a variable, one lane a column of the two blocks. Nothing is gathered from rows of weights and spread
 * to them again, which for a few hundred rows takes as long as all the rest. Included once, in float.
 *
 * Pairs of blocks follow each other in one call, as for so few rows a call from Python takes its share of one.
 * The intercepts stand first, those of pair p have their lines from places[p] to places[p + 1]. */
static void compute_gradient_in_lines(
    const fvsbn_rows *rows, ptrdiff_t n_columns, ptrdiff_t first_pair, ptrdiff_t stop_pair,
    const int64_t *places, const float *parameters, const double *weight, float *restrict work,
    double *restrict value, float *restrict gradient)
{
    enum { WIDTH = 2 * lanes_f32 };
    for (ptrdiff_t pair = first_pair; pair < stop_pair; pair++) {
        const ptrdiff_t column = pair * WIDTH, n = block_size(n_columns, column, WIDTH);
        const ptrdiff_t place = (ptrdiff_t)places[pair], n_entries = (ptrdiff_t)places[pair + 1] - place;
        const ptrdiff_t n_groups = n_entries / (8 * WIDTH);
        int32_t columns[WIDTH];
        float begin[WIDTH];
        double intercept[WIDTH], sums[WIDTH] = {0};
        for (ptrdiff_t lane = 0; lane < n; lane++) {
            columns[lane] = (int32_t)(column + lane);
            intercept[lane] = (double)parameters[column + lane];
            value[column + lane] = 0;
        }
        memset(gradient + place, 0, (size_t)n_entries * sizeof *gradient);
        for (ptrdiff_t first = 0; first < WIDTH; first += lanes_f32)
            begin_line_f32(intercept + first, block_size(n, first, lanes_f32), begin + first);
        for (ptrdiff_t start = 0; start < rows->n_rows; start += RUN) {
            const ptrdiff_t stop = start + RUN < rows->n_rows ? start + RUN : rows->n_rows;
            sum_by_lists_f32(0, rows, start, stop, n_groups, begin, parameters + place, work);
            for (ptrdiff_t first = 0; first < WIDTH; first += lanes_f32)
                to_residuals_f32(
                    rows->tile, rows->n_rows, start, stop, columns + first,
                    block_size(n, first, lanes_f32), weight,
                    work + (first ? (stop - start) * lanes_f32 : 0), value + column + first, sums + first);
            add_by_lists_f32(rows, start, stop, n_groups, work, gradient + place);
        }
        for (ptrdiff_t lane = 0; lane < n; lane++)
            gradient[column + lane] = (float)sums[lane];
    }
}
