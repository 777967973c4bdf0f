/* Correlated normal rows. */

/* Rows side by side, and columns taken together. */
enum { ROWS = 16, WIDTH = 64 };

/* Replaces each of n_rows <= ROWS rows z by mean + L z, where row j of L, j + 1 numbers, begins at
 * factor[j (j + 1) / 2]. Blocks of columns go from the last to the first, as z is still needed by those to
 * their right. A row's sums run from its first column on, so they do not depend on its neighbours. */
static void correlate(
    double *rows, ptrdiff_t n_rows, ptrdiff_t n_columns, const double *mean, const double *factor)
{
    double z[WIDTH][ROWS], sums[WIDTH][ROWS];
    if (n_rows < ROWS)
        memset(z, 0, sizeof z); /* rows that are not there */
    for (ptrdiff_t block = (n_columns - 1) / WIDTH * WIDTH; block >= 0; block -= WIDTH) {
        const ptrdiff_t width = n_columns - block < WIDTH ? n_columns - block : WIDTH;
        memset(sums, 0, (size_t)width * sizeof *sums);
        for (ptrdiff_t first = 0; first <= block; first += WIDTH) {
            const ptrdiff_t n_terms = first < block ? WIDTH : width;
            for (ptrdiff_t row = 0; row < n_rows; row++)
                for (ptrdiff_t k = 0; k < n_terms; k++)
                    z[k][row] = rows[row * n_columns + first + k];
            for (ptrdiff_t j = 0; j < width; j++) {
                const double *line = factor + (block + j) * (block + j + 1) / 2 + first;
                const ptrdiff_t stop = first < block ? WIDTH : j + 1;
                double sum[ROWS];
                memcpy(sum, sums[j], sizeof sum);
                for (ptrdiff_t k = 0; k < stop; k++)
                    _Pragma("omp simd") for (int row = 0; row < ROWS; row++)
                        sum[row] += line[k] * z[k][row];
                memcpy(sums[j], sum, sizeof sum);
            }
        }
        for (ptrdiff_t row = 0; row < n_rows; row++)
            for (ptrdiff_t j = 0; j < width; j++)
                rows[row * n_columns + block + j] = mean[block + j] + sums[j][row];
    }
}

/* Parameters: the means, then the lower triangle L row by row; the covariance is L L^T. */
static void fill_correlated(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    /* Whole rounds for each group but the last, and enough entries for long loops. */
    const ptrdiff_t n_groups = n_columns < BLOCK / ROWS ? BLOCK / ROWS / n_columns : 1;
    ALIGNED uint64_t words[BLOCK];
    double *entries = out;
    if (n_columns == 0)
        return;
    for (ptrdiff_t start = 0; start < n_rows; start += ROWS * n_groups) {
        const ptrdiff_t n_drawn = n_rows - start < ROWS * n_groups ? n_rows - start : ROWS * n_groups;
        double *rows = entries + start * n_columns;
        for (ptrdiff_t entry = 0; entry < n_drawn * n_columns; entry += BLOCK) {
            const ptrdiff_t length = block_length(entry, n_drawn * n_columns);
            draw_words(state, words, rounds_of(length));
            draw_normal(words, rows + entry, length);
        }
        for (ptrdiff_t row = 0; row < n_drawn; row += ROWS)
            correlate(
                rows + row * n_columns, n_drawn - row < ROWS ? n_drawn - row : ROWS, n_columns, parameters,
                parameters + n_columns);
    }
}
