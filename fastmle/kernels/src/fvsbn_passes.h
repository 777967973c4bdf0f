/* Log-likelihoods and gradients of a tile, included once for every FORM (see fvsbn_level.h): in one or two
 * blocks of columns, which tables serve one after the other, and lists of set bits together. */

/* For lists: where the sums of both blocks begin, and two lines of weights a variable. */
static void FORM(begin_lists)(
    const int32_t *columns, ptrdiff_t n_columns, const double *coef, ptrdiff_t coef_stride,
    ptrdiff_t n_groups, const double *intercept, REAL *begin, REAL *restrict weights)
{
    for (ptrdiff_t first = 0; first < 2 * LANES; first += LANES) {
        const ptrdiff_t n = block_size(n_columns, first, LANES);
        FORM(begin_line)(intercept + first, n, begin + first);
        for (ptrdiff_t g = 0; g < n_groups; g++)
            FORM(gather_weights)(
                coef + first * coef_stride, coef_stride, columns + first, n, g, 2 * LANES,
                weights + 16 * g * LANES + first);
    }
}

/* Adds the log p(x_i | x_<i) of the columns to every row's total. */
static void FORM(add_log_likelihood)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, REAL *restrict work,
    REAL *restrict z, double *restrict total)
{
    const ptrdiff_t n_rows = rows->n_rows;
    if (!rows->bits) {
        for (ptrdiff_t first = LANES; first >= 0; first -= LANES) {
            const ptrdiff_t n = block_size(n_columns, first, LANES);
            if (n == 0)
                continue;
            FORM(sum_by_tables)(
                rows->tile, n_rows, columns + first, n, coef + first * coef_stride, coef_stride,
                groups_before(columns[first + n - 1], n_groups), intercept + first, work, z);
            FORM(add_terms)(rows->tile, n_rows, 0, n_rows, columns + first, n, z, total);
        }
        return;
    }
    REAL begin[2 * LANES];
    REAL *weights = work + 2 * RUN * LANES;
    FORM(begin_lists)(
        columns, n_columns, coef, coef_stride, n_groups, intercept, begin, weights);
    for (ptrdiff_t start = 0; start < n_rows; start += RUN) {
        const ptrdiff_t stop = start + RUN < n_rows ? start + RUN : n_rows;
        FORM(sum_by_lists)(1, rows, start, stop, n_groups, begin, weights, work);
        for (ptrdiff_t first = LANES; first >= 0; first -= LANES)
            FORM(add_terms)(
                rows->tile, n_rows, start, stop, columns + first, block_size(n_columns, first, LANES),
                work + (first ? (stop - start) * LANES : 0), total + start);
    }
}

/* Value and gradient of a block by tables. Where four tables serve all, rows go through both directions in
 * chunks that stay in the first cache. */
static void FORM(add_gradient_by_tables)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, const double *weight,
    REAL *restrict work, REAL *restrict z, double *value, double *grad_coef, ptrdiff_t grad_stride,
    double *grad_intercept)
{
    const uint8_t *tile = rows->tile;
    const ptrdiff_t n_rows = rows->n_rows;
    if (n_groups > 4) {
        FORM(sum_by_tables)(
            tile, n_rows, columns, n_columns, coef, coef_stride, n_groups, intercept, work, z);
        FORM(to_residuals)(tile, n_rows, 0, n_rows, columns, n_columns, weight, z, value, grad_intercept);
        NAME(add_by_buckets)(rows, columns, n_columns, n_groups, z, work, grad_coef, grad_stride);
        return;
    }
    const int K = (int)n_groups;
    REAL *tables = work, *buckets = work + 4 * TABLE_LINES * LANES;
    REAL begin[LANES];
    FORM(begin_line)(intercept, n_columns, begin);
    FORM(build_tables)(K, coef, coef_stride, columns, n_columns, 0, tables);
    memset(buckets, 0, (size_t)K * TABLE_LINES * LANES * sizeof(REAL));
    for (ptrdiff_t start = 0, stop; start < n_rows; start = stop) {
        const ptrdiff_t next = (start / rows->n_summed + 1) * rows->n_summed;
        const ptrdiff_t fold = next < n_rows ? next : n_rows;
        stop = start + CHUNK < fold ? start + CHUNK : fold;
        FORM(add_some_tables)(K, 1, tile, n_rows, start, stop, tables, begin, z);
        FORM(to_residuals)(tile, n_rows, start, stop, columns, n_columns, weight, z, value, grad_intercept);
        NAME(fill_some_buckets)(K, tile, n_rows, start, stop, z, buckets);
        if (stop == fold)
            NAME(fold_buckets)(K, 0, columns, n_columns, buckets, grad_coef, grad_stride);
    }
}

/* Adds a tile's log-likelihoods, weighted, to value[lane], and their gradient, the sum of residual * x_j
 * over the predecessors j < columns[lane], to grad_coef[lane][j], that of the intercepts to
 * grad_intercept[lane]. */
static void FORM(add_gradient)(
    const fvsbn_rows *rows, const int32_t *columns, ptrdiff_t n_columns, const double *coef,
    ptrdiff_t coef_stride, ptrdiff_t n_groups, const double *intercept, const double *weight,
    REAL *restrict work, REAL *restrict z, double *value, double *grad_coef, ptrdiff_t grad_stride,
    double *grad_intercept)
{
    const ptrdiff_t n_rows = rows->n_rows;
    if (!rows->bits) {
        for (ptrdiff_t first = 0; first < n_columns; first += LANES) {
            const ptrdiff_t n = block_size(n_columns, first, LANES);
            FORM(add_gradient_by_tables)(
                rows, columns + first, n, coef + first * coef_stride, coef_stride,
                groups_before(columns[first + n - 1], n_groups), intercept + first, weight, work, z,
                value + first, grad_coef + first * grad_stride, grad_stride, grad_intercept + first);
        }
        return;
    }
    REAL begin[2 * LANES];
    REAL *weights = work + 2 * RUN * LANES, *sums = weights + 16 * n_groups * LANES;
    ptrdiff_t n_added = 0;
    FORM(begin_lists)(
        columns, n_columns, coef, coef_stride, n_groups, intercept, begin, weights);
    memset(sums, 0, (size_t)(16 * n_groups * LANES) * sizeof(REAL));
    for (ptrdiff_t start = 0; start < n_rows; start += RUN) {
        const ptrdiff_t stop = start + RUN < n_rows ? start + RUN : n_rows;
        FORM(sum_by_lists)(0, rows, start, stop, n_groups, begin, weights, work);
        for (ptrdiff_t first = 0; first < n_columns; first += LANES)
            FORM(to_residuals)(
                rows->tile, n_rows, start, stop, columns + first, block_size(n_columns, first, LANES),
                weight, work + (first ? (stop - start) * LANES : 0), value + first, grad_intercept + first);
        NAME(add_by_lists)(rows, start, stop, n_groups, work, sums);
        n_added += stop - start;
        if (stop == n_rows || n_added + RUN > rows->n_summed) {
            n_added = 0;
            for (ptrdiff_t first = 0; first < 2 * LANES; first += LANES)
                NAME(spread_sums)(
                    columns + first, block_size(n_columns, first, LANES), n_groups, sums + first,
                    grad_coef + first * grad_stride, grad_stride);
        }
    }
}
