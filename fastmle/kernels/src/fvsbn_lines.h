/* The gradient where parameters and gradient stand as lists of set bits read and write them: two lines of
 * weights a variable, one lane a column of the two blocks. Nothing is gathered from rows of weights and spread
 * to them again, which for a few hundred rows takes as long as all the rest. Included once, in float. */
static void add_gradient_in_lines(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const float *lines,
    ptrdiff_t n_groups, const double *intercept, const double *weight, float *restrict work, double *value,
    float *restrict grad_lines, double *grad_intercept)
{
    float begin[2 * lanes_f32];
    for (ptrdiff_t first = 0; first < 2 * lanes_f32; first += lanes_f32)
        begin_line_f32(intercept + first, block_size(n_columns, first, lanes_f32), begin + first);
    for (ptrdiff_t start = 0; start < rows->n_rows; start += RUN) {
        const ptrdiff_t stop = start + RUN < rows->n_rows ? start + RUN : rows->n_rows;
        sum_by_lists_f32(0, rows, start, stop, n_groups, begin, lines, work);
        for (ptrdiff_t first = 0; first < 2 * lanes_f32; first += lanes_f32)
            to_residuals_f32(
                rows->tile, rows->n_rows, start, stop, columns + first,
                block_size(n_columns, first, lanes_f32), weight,
                work + (first ? (stop - start) * lanes_f32 : 0), value + first, grad_intercept + first);
        add_by_lists_f32(rows, start, stop, n_groups, work, grad_lines);
    }
}
