/* Independent entries, drawn a block at a time, so that the words and numbers of a block stay in the first
 * cache. Each distribution has loops from words to numbers of a fixed law, and the columns' parameters are
 * applied in another one. A long formula is several loops: what a processor has under way at once is limited
 * by its registers, and of short chains of operations it is more numbers, which do not wait for each other. */

enum { BLOCK = 512, PATTERN = 512 };

/* Column j of entry i is i % n_columns. So that loops over entries need not be as short as a row, the
 * parameters of few columns are repeated row after row in memory of the fill. */
static inline ptrdiff_t pattern_rows(ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    const ptrdiff_t most = PATTERN / n_columns;
    return most < 2 || n_rows < 2 ? 1 : n_rows < most ? n_rows : most;
}

/* The number of entries from `entry` on to the end of the pattern or to `stop`; *place is its place there. */
static inline ptrdiff_t pattern_run(ptrdiff_t entry, ptrdiff_t stop, ptrdiff_t period, ptrdiff_t *place)
{
    *place = entry % period;
    return stop - entry < period - *place ? stop - entry : period - *place;
}

static inline ptrdiff_t block_length(ptrdiff_t start, ptrdiff_t n)
{
    return n - start < BLOCK ? n - start : BLOCK;
}

static inline ptrdiff_t rounds_of(ptrdiff_t n)
{
    return (n + RANDOM_LANES - 1) / RANDOM_LANES;
}

/* Turns words into numbers; the words may be overwritten. */
typedef void (*number_loop)(uint64_t *restrict words, double *restrict out, ptrdiff_t n);

static void draw_uniform(uint64_t *restrict words, double *restrict out, ptrdiff_t n)
{
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++)
        out[i] = unit_of_word(words[i]);
}

static void draw_exponential(uint64_t *restrict words, double *restrict out, ptrdiff_t n)
{
    double exponent[BLOCK];
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++)
        out[i] = ratio_of_word(words[i], exponent + i);
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++)
        out[i] = -log_of_ratio(out[i], exponent[i]);
}

/* Lists the places of the words outside the centre, and returns how many there are. Both halves are gone
 * through at once, so that each place waits for half of the counts before it. */
static ptrdiff_t list_tails(const uint64_t *words, ptrdiff_t n, int32_t *place)
{
    const uint64_t centre = (uint64_t)(CENTRE * 0x1p64);
    const ptrdiff_t half = n / 2;
    int32_t second[BLOCK / 2 + 1];
    ptrdiff_t n_first = 0, n_second = 0;
    for (ptrdiff_t i = 0; i < half; i++) {
        place[n_first] = (int32_t)i;
        n_first += words[i] + centre >= 2 * centre;
        second[n_second] = (int32_t)(half + i);
        n_second += words[half + i] + centre >= 2 * centre;
    }
    if (n > 2 * half) {
        second[n_second] = (int32_t)(n - 1);
        n_second += words[n - 1] + centre >= 2 * centre;
    }
    memcpy(place + n_first, second, (size_t)n_second * sizeof *place);
    return n_first + n_second;
}

/* A word k, as a signed integer, is q = (k + 1/2) 2^-64 in (-1/2, 1/2), and the number the quantile at
 * 1/2 + q. All are taken for central first; then the few in the tails are listed without a branch, computed
 * side by side, and put in their places. */
static void draw_normal(uint64_t *restrict words, double *restrict out, ptrdiff_t n)
{
    int32_t place[BLOCK];
    double q[BLOCK], denominator[BLOCK], *tail = q, *exponent = denominator;
    ptrdiff_t n_tails;
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++)
        q[i] = signed_of_word(words[i]) * 0x1p-64;
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++) {
        out[i] = central_numerator(q[i]);
        denominator[i] = central_denominator(q[i]);
    }
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n; i++)
        out[i] /= denominator[i];
    n_tails = list_tails(words, n, place);
    for (ptrdiff_t i = 0; i < n_tails; i++)
        words[i] = words[place[i]];
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n_tails; i++) {
        /* The distance to the end of the interval: the highest bit is the sign, the others, or their
         * complement, count from the end. */
        const uint64_t distance = (words[i] ^ ~mask_of_sign(words[i])) & UINT64_C(0x7FFFFFFFFFFFFFFF);
        tail[i] = ratio_of(unsigned_of_word(distance) * 0x1p-64, exponent + i);
    }
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n_tails; i++)
        tail[i] = sqrt(-log_of_ratio(tail[i], exponent[i]));
    _Pragma("omp simd") for (ptrdiff_t i = 0; i < n_tails; i++) {
        const uint64_t sign = words[i] & UINT64_C(0x8000000000000000);
        tail[i] = double_of_bits(bits_of_double(tail_quantile(tail[i])) | sign);
    }
    for (ptrdiff_t i = 0; i < n_tails; i++)
        out[place[i]] = tail[i];
}

/* Entry = first[j] + second[j] x in column j, x from the loop; parameters: first, then second. */
static void fill_scaled(
    uint64_t *state, const double *parameters, double *out, ptrdiff_t n_rows, ptrdiff_t n_columns,
    number_loop draw)
{
    const ptrdiff_t n = n_rows * n_columns;
    const double *first = parameters, *second = parameters + n_columns;
    ALIGNED uint64_t words[BLOCK];
    double repeated[2][PATTERN];
    ptrdiff_t period = n_columns;
    int standard = 1;
    if (n == 0)
        return;
    for (ptrdiff_t j = 0; j < n_columns; j++)
        standard &= first[j] == 0.0 && second[j] == 1.0;
    if (!standard && pattern_rows(n_rows, n_columns) > 1) {
        period *= pattern_rows(n_rows, n_columns);
        for (ptrdiff_t i = 0, j = 0; i < period; i++, j = j + 1 == n_columns ? 0 : j + 1) {
            repeated[0][i] = first[j];
            repeated[1][i] = second[j];
        }
        first = repeated[0];
        second = repeated[1];
    }
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t stop = start + block_length(start, n);
        draw_words(state, words, rounds_of(stop - start));
        draw(words, out + start, stop - start);
        for (ptrdiff_t entry = start, run; entry < stop && !standard; entry += run) {
            ptrdiff_t place;
            run = pattern_run(entry, stop, period, &place);
            _Pragma("omp simd") for (ptrdiff_t i = 0; i < run; i++)
                out[entry + i] = first[place + i] + second[place + i] * out[entry + i];
        }
    }
}

/* Parameters: the low ends of the columns, then their widths. */
static void fill_uniform(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    fill_scaled(state, parameters, out, n_rows, n_columns, draw_uniform);
}

/* Parameters: means, then standard deviations. */
static void fill_normal(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    fill_scaled(state, parameters, out, n_rows, n_columns, draw_normal);
}

/* Parameters: the low ends, then the mean distances from them. */
static void fill_exponential(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    fill_scaled(state, parameters, out, n_rows, n_columns, draw_exponential);
}

/* The number of words of 62 bits, out of 2^62, that give a one. From none to all of them, the difference of
 * word and limit has the sign of the comparison, for which not every level has an instruction. */
static inline int64_t bernoulli_limit(double p)
{
    return p > 0.0 ? p < 1.0 ? (int64_t)(p * 0x1p62) : INT64_C(1) << 62 : 0;
}

/* Parameters: the probabilities of a one. Entries are int64, 0 or 1. */
static void fill_bernoulli(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    const ptrdiff_t n = n_rows * n_columns;
    int64_t *entries = out, limits[PATTERN];
    ALIGNED uint64_t words[BLOCK];
    ptrdiff_t period = n_columns;
    if (n == 0)
        return;
    if (n_columns <= PATTERN) {
        period *= pattern_rows(n_rows, n_columns);
        for (ptrdiff_t i = 0; i < period; i++)
            limits[i] = i < n_columns ? bernoulli_limit(parameters[i]) : limits[i - n_columns];
    }
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t stop = start + block_length(start, n);
        draw_words(state, words, rounds_of(stop - start));
        for (ptrdiff_t entry = start, run; entry < stop; entry += run) {
            const int64_t *limit = limits;
            ptrdiff_t place;
            run = pattern_run(entry, stop, period, &place);
            if (n_columns <= PATTERN)
                limit += place;
            else
                for (ptrdiff_t i = 0; i < run; i++)
                    limits[i] = bernoulli_limit(parameters[place + i]);
            _Pragma("omp simd") for (ptrdiff_t i = 0; i < run; i++)
                entries[entry + i] =
                    (int64_t)(((words[entry - start + i] >> 2) - (uint64_t)limit[i]) >> 63);
        }
    }
}

/* An outcome by a table of aliases (Walker 1977) with a draw of one word: its product with the number of
 * lines, of 96 bits, is the number of a line and, below the point, what is compared with its threshold.
 * Parameters: for d columns d + 1 numbers, by which the lines of column j are those from number j on up to
 * number j + 1, counted from the first line; then all lines, each a threshold, the outcome below it, and
 * the outcome from it on. Outcomes are any 8 bytes. */
static void fill_categorical(
    uint64_t *state, const double *parameters, void *out, ptrdiff_t n_rows, ptrdiff_t n_columns)
{
    const ptrdiff_t n = n_rows * n_columns;
    const double *lines = parameters + n_columns + 1;
    ALIGNED uint64_t words[BLOCK];
    char *entries = out;
    ptrdiff_t column = 0;
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t length = block_length(start, n);
        draw_words(state, words, rounds_of(length));
        for (ptrdiff_t i = 0; i < length; i++) {
            const uint64_t first = (uint64_t)parameters[column];
            const uint64_t n_lines = (uint64_t)parameters[column + 1] - first;
            const uint64_t low = (words[i] & UINT64_C(0xFFFFFFFF)) * n_lines;
            const uint64_t high = (words[i] >> 32) * n_lines + (low >> 32);
            const double u = unit_of_word(high << 32 | (low & UINT64_C(0xFFFFFFFF)));
            const double *line = lines + 3 * (first + (high >> 32));
            memcpy(entries + 8 * (start + i), line + (u < line[0] ? 1 : 2), 8);
            column = column + 1 == n_columns ? 0 : column + 1;
        }
    }
}

/* The quantile function of the standard normal distribution, as in draw_normal: -inf at 0, inf at 1, and
 * NaN where there is none. */
static void uniform_to_normal(const double *uniform, double *out, ptrdiff_t n)
{
    int32_t place[BLOCK];
    double tail[BLOCK];
    for (ptrdiff_t start = 0; start < n; start += BLOCK) {
        const ptrdiff_t length = block_length(start, n);
        const double *p = uniform + start;
        double *x = out + start;
        ptrdiff_t n_tails = 0;
        for (ptrdiff_t i = 0; i < length; i++) {
            tail[n_tails] = p[i];
            place[n_tails] = (int32_t)i;
            n_tails += !(fabs(p[i] - 0.5) < CENTRE);
        }
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < length; i++)
            x[i] = central_numerator(p[i] - 0.5);
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < length; i++)
            x[i] /= central_denominator(p[i] - 0.5);
        _Pragma("omp simd") for (ptrdiff_t i = 0; i < n_tails; i++) {
            const double distance = tail[i] < 0.5 ? tail[i] : 1.0 - tail[i];
            const int denormal = distance < 0x1p-900, inside = distance > 0.0;
            const double scaled = inside ? denormal ? distance * 0x1p100 : distance : 0.25;
            double exponent;
            const double s = ratio_of(scaled, &exponent);
            const double r = sqrt(-log_of_ratio(s, denormal ? exponent - 100.0 : exponent));
            const double size = r < 6.75 ? tail_quantile(r) : far_tail_quantile(r);
            const double signed_size = tail[i] < 0.5 ? -size : size;
            /* At the ends 1 / 0 and outside 0 / 0, of the sign of the tail where it has one. */
            const double limit = (distance == 0.0 ? tail[i] - 0.5 : 0.0) / 0.0;
            tail[i] = inside ? signed_size : limit;
        }
        for (ptrdiff_t i = 0; i < n_tails; i++)
            x[place[i]] = tail[i];
    }
}
