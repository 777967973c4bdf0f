/* Counts and weights of columns and of pairs of columns. */

/* counts[j] += number of ones of column j: sums of bytes, of so many rows that none overflows. */
static void count_columns(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, int64_t *counts)
{
    for (ptrdiff_t g = 0; 8 * g < n_columns; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        for (ptrdiff_t start = 0; start < n_rows; start += 255 * 64) {
            const ptrdiff_t stop = n_rows - start < 255 * 64 ? n_rows : start + 255 * 64;
            const ptrdiff_t whole = start + (stop - start) / 64 * 64;
            for (int h = 0; h < 8 && 8 * g + h < n_columns; h++) {
                uint8_t sums[64] = {0};
                int64_t count = 0;
                for (ptrdiff_t r = start; r < whole; r += 64)
                    for (int k = 0; k < 64; k++)
                        sums[k] += (bytes[r + k] >> h) & 1;
                for (int k = 0; k < 64; k++)
                    count += sums[k];
                for (ptrdiff_t r = whole; r < stop; r++)
                    count += (bytes[r] >> h) & 1;
                counts[8 * g + h] += count;
            }
        }
    }
}

/* sums[j] += weights of the rows in which column j is one: weights gather in the bucket of the row's
 * byte, and buckets fold into columns. Four sets of buckets, because rows that follow one another
 * often have the same byte, and an addition would wait for the one before. */
static void sum_columns(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, const double *weight,
    double *sums)
{
    for (ptrdiff_t g = 0; 8 * g < n_columns; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        double buckets[4][256];
        ptrdiff_t r = 0;
        memset(buckets, 0, sizeof buckets);
        for (; r + 4 <= n_rows; r += 4)
            for (int k = 0; k < 4; k++)
                buckets[k][bytes[r + k]] += weight[r + k];
        for (; r < n_rows; r++)
            buckets[0][bytes[r]] += weight[r];
        for (int v = 0; v < 256; v++)
            buckets[0][v] += buckets[1][v] + (buckets[2][v] + buckets[3][v]);
        for (int h = 7; h >= 0; h--) {
            double sum = 0;
            for (int v = 0; v < 1 << h; v++) {
                sum += buckets[0][(1 << h) + v];
                buckets[0][v] += buckets[0][(1 << h) + v];
            }
            if (8 * g + h < n_columns)
                sums[8 * g + h] += sum;
        }
    }
}

/* Row r of column j becomes bit r % 64 of words[j * word_stride + r / 64]; the last word is filled
 * with zeros. */
static void column_words(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, uint64_t *restrict words,
    ptrdiff_t word_stride)
{
    for (ptrdiff_t g = 0; 8 * g < n_columns; g++) {
        const int width = n_columns - 8 * g < 8 ? (int)(n_columns - 8 * g) : 8;
        for (ptrdiff_t r = 0; r < n_rows; r += 64) {
            const uint8_t *bytes = tile + g * n_rows + r;
            uint8_t last[64] = {0};
            uint64_t column[8] = {0};
            if (n_rows - r < 64) {
                memcpy(last, bytes, (size_t)(n_rows - r));
                bytes = last;
            }
            for (int k = 0; k < 64; k += LINE) {
                byte_line line = load_line(bytes + k);
                for (int h = 7; h >= 0; h--) {
                    column[h] |= (uint64_t)top_bits(line) << k;
                    line = double_bytes(line);
                }
            }
            for (int h = 0; h < width; h++)
                words[(8 * g + h) * word_stride + r / 64] = column[h];
        }
    }
}

#if defined(BITS_POPCOUNT)

/* Number of set bits that two runs of words have in common. */
static int64_t count_common(const uint64_t *a, const uint64_t *b, ptrdiff_t n_words)
{
    int64_t total = 0;
    for (ptrdiff_t k = 0; k < n_words; k++)
        total += __builtin_popcountll(a[k] & b[k]);
    return total;
}

#else

/* As many words as a register of the level holds; one where the compiler knows no vectors. */
#if defined(__GNUC__) || defined(__clang__)
typedef uint64_t word_line __attribute__((vector_size(BITS_WIDTH)));
#else
typedef uint64_t word_line;
#endif
enum { WORDS = sizeof(word_line) / 8 };

static inline word_line common(const uint64_t *a, const uint64_t *b, int line)
{
    word_line x, y;
    memcpy(&x, a + WORDS * line, sizeof x);
    memcpy(&y, b + WORDS * line, sizeof y);
    return x & y;
}

/* Three bits of equal worth become a sum, in place of the first, and a carry of twice the worth. */
static inline word_line add_bits(word_line *sum, word_line a, word_line b)
{
    const word_line differ = a ^ b;
    const word_line carry = (a & b) | (differ & *sum);
    *sum ^= differ;
    return carry;
}

/* Every byte becomes the number of its set bits; the sum of all bytes of x, those of `sixteens` counting
 * sixteen times. A look-up by shuffling and a sum of absolute differences save a tenth of the time. */
#if defined(BITS_AVX2)

static inline word_line count_in_bytes(word_line x)
{
    const __m256i counts = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const __m256i half = _mm256_set1_epi8(15);
    return (word_line)_mm256_add_epi8(
        _mm256_shuffle_epi8(counts, _mm256_and_si256((__m256i)x, half)),
        _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16((__m256i)x, 4), half)));
}

static inline int64_t sum_bytes(word_line x, word_line sixteens)
{
    const __m256i none = _mm256_setzero_si256();
    const word_line sums = (word_line)_mm256_sad_epu8((__m256i)x, none)
                           + ((word_line)_mm256_sad_epu8((__m256i)sixteens, none) << 4);
    return (int64_t)(sums[0] + sums[1] + sums[2] + sums[3]);
}

#else

static inline word_line count_in_bytes(word_line x)
{
    x = x - ((x >> 1) & UINT64_C(0x5555555555555555));
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    return (x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
}

static inline int64_t sum_bytes(word_line x, word_line sixteens)
{
    const uint64_t even = UINT64_C(0x00FF00FF00FF00FF);
    const word_line pairs = (x & even) + ((x >> 8) & even)
                            + (((sixteens & even) + ((sixteens >> 8) & even)) << 4);
    uint64_t words[WORDS];
    int64_t total = 0;
    memcpy(words, &pairs, sizeof pairs);
    for (int k = 0; k < WORDS; k++)
        total += (int64_t)((words[k] * UINT64_C(0x0001000100010001)) >> 48);
    return total;
}

#endif

/* Number of set bits that two runs of fewer than 32 registers have in common: a byte of each is enough
 * to count them. */
static inline int64_t count_few(const uint64_t *a, const uint64_t *b, ptrdiff_t n_words)
{
    const word_line zero = {0};
    word_line ones = zero, twos = zero, fours = zero, counted;
    int64_t total = 0;
    for (; n_words >= 4 * WORDS; n_words -= 4 * WORDS, a += 4 * WORDS, b += 4 * WORDS) {
        const word_line two_a = add_bits(&ones, common(a, b, 0), common(a, b, 1));
        const word_line two_b = add_bits(&ones, common(a, b, 2), common(a, b, 3));
        fours += count_in_bytes(add_bits(&twos, two_a, two_b));
    }
    counted = count_in_bytes(ones) + (count_in_bytes(twos) << 1) + (fours << 2);
    for (; n_words >= WORDS; n_words -= WORDS, a += WORDS, b += WORDS)
        counted += count_in_bytes(common(a, b, 0));
    for (ptrdiff_t k = 0; k < n_words; k++)
        for (uint64_t x = a[k] & b[k]; x; x &= x - 1)
            total++;
    return total + sum_bytes(counted, zero);
}

/* Number of set bits that two runs of words have in common, by carry-save addition: of sixteen
 * registers one is counted, and what is left over at the end. The later additions of eight registers
 * stand among the first ones of the next eight, so that the processor has enough to do at once. */
static int64_t count_common(const uint64_t *a, const uint64_t *b, ptrdiff_t n_words)
{
    const word_line zero = {0};
    word_line ones = zero, twos = zero, fours = zero, eights = zero, counted = zero;
    word_line two_a = zero, two_b = zero, two_c, two_d, four_a = zero, four_b, eight = zero, carry;
    int64_t total = 0;
    int uncounted = 0;
    if (n_words < 32 * WORDS) /* what is left over would cost more than the additions save */
        return count_few(a, b, n_words);
    for (; n_words >= 16 * WORDS; n_words -= 16 * WORDS, a += 16 * WORDS, b += 16 * WORDS) {
        two_c = add_bits(&ones, common(a, b, 0), common(a, b, 1));
        two_d = add_bits(&ones, common(a, b, 2), common(a, b, 3));
        four_b = add_bits(&twos, two_a, two_b);
        carry = add_bits(&fours, four_a, four_b);
        two_a = add_bits(&ones, common(a, b, 4), common(a, b, 5));
        two_b = add_bits(&ones, common(a, b, 6), common(a, b, 7));
        four_a = add_bits(&twos, two_c, two_d);
        carry = add_bits(&eights, eight, carry);
        two_c = add_bits(&ones, common(a, b, 8), common(a, b, 9));
        two_d = add_bits(&ones, common(a, b, 10), common(a, b, 11));
        four_b = add_bits(&twos, two_a, two_b);
        eight = add_bits(&fours, four_a, four_b);
        counted += count_in_bytes(carry);
        two_a = add_bits(&ones, common(a, b, 12), common(a, b, 13));
        two_b = add_bits(&ones, common(a, b, 14), common(a, b, 15));
        four_a = add_bits(&twos, two_c, two_d);
        if (++uncounted == 30) { /* bytes of at most 30 * 8, and one more follows */
            total += sum_bytes(zero, counted);
            counted = zero;
            uncounted = 0;
        }
    }
    four_b = add_bits(&twos, two_a, two_b);
    carry = add_bits(&fours, four_a, four_b);
    counted += count_in_bytes(add_bits(&eights, eight, carry));
    ones = count_in_bytes(ones) + (count_in_bytes(twos) << 1) + (count_in_bytes(fours) << 2)
           + (count_in_bytes(eights) << 3);
    return total + sum_bytes(ones, counted) + count_few(a, b, n_words);
}

#endif

/* Adds the co-occurrences of the columns first <= i < last with the columns j <= i to counts[i][j], and
 * to its mirror image. Two columns j stay in the first-level cache while those of i pass. */
static void count_pairs(
    const uint64_t *words, ptrdiff_t n_words, ptrdiff_t n_columns, ptrdiff_t first, ptrdiff_t last,
    int64_t *counts)
{
    for (ptrdiff_t start = 0; start < last; start += 2)
        for (ptrdiff_t i = start < first ? first : start; i < last; i++)
            for (ptrdiff_t j = start; j < start + 2 && j <= i; j++) {
                const int64_t count = count_common(words + i * n_words, words + j * n_words, n_words);
                counts[i * n_columns + j] += count;
                if (j < i)
                    counts[j * n_columns + i] += count;
            }
}

/* Adds sum_r weight[r] x_i x_j for the columns i of one group and the columns j of this group and the
 * groups before to sums[i][j], and to its mirror image. Rows without a bit in the group drop out. Of the
 * others, a line of the weighted bits of the group gathers in the bucket of the row's byte in another
 * group, and the 256 buckets fold into eight sums; of few rows each bit is added by itself. */
static void weigh_pairs(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, const double *weight,
    ptrdiff_t group, int32_t *restrict rows, double *restrict lines, double *restrict buckets,
    double *sums)
{
    const uint8_t *own = tile + group * n_rows;
    const ptrdiff_t height = n_columns - 8 * group < 8 ? n_columns - 8 * group : 8;
    ptrdiff_t n_kept = 0;
    for (ptrdiff_t r = 0; r < n_rows; r++) {
        for (int h = 0; h < 8; h++)
            lines[8 * n_kept + h] = (own[r] >> h) & 1 ? weight[r] : 0;
        rows[n_kept] = (int32_t)r;
        n_kept += own[r] != 0;
    }
    for (ptrdiff_t g = 0; g <= group; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        double products[8][8] = {{0}}; /* of the columns of g and of `group` */
        if (n_kept < 256)
            for (ptrdiff_t k = 0; k < n_kept; k++)
                for (int byte = bytes[rows[k]], h = 0; byte; byte >>= 1, h++) {
                    if (byte & 1)
                        for (int lane = 0; lane < 8; lane++)
                            products[h][lane] += lines[8 * k + lane];
                }
        else {
            memset(buckets, 0, 256 * 8 * sizeof(double));
            for (ptrdiff_t k = 0; k < n_kept; k++) {
                double *restrict bucket = buckets + 8 * bytes[rows[k]];
                for (int lane = 0; lane < 8; lane++)
                    bucket[lane] += lines[8 * k + lane];
            }
            for (int h = 7; h >= 0; h--)
                for (int v = 0; v < 1 << h; v++)
                    for (int lane = 0; lane < 8; lane++) {
                        const double upper = buckets[8 * ((1 << h) + v) + lane];
                        products[h][lane] += upper;
                        buckets[8 * v + lane] += upper;
                    }
        }
        for (ptrdiff_t lane = 0; lane < height; lane++) {
            const ptrdiff_t i = 8 * group + lane;
            for (ptrdiff_t j = 8 * g; j < 8 * g + 8 && j <= i; j++) {
                sums[i * n_columns + j] += products[j - 8 * g][lane];
                if (j < i)
                    sums[j * n_columns + i] += products[j - 8 * g][lane];
            }
        }
    }
}
