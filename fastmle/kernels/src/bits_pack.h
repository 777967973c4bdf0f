/* Packing of values into tiles, and back. */

enum {
    ROWS_AT_ONCE = 64, /* of a row-major table: a cache line of every group of the tile */
    GROUPS_AT_ONCE = 256,
    COLUMN_RUN = 512 /* rows of a column-major table */
};

/* Packing waits for memory: asking early, across the pages at which the processor's own foresight ends
 * and while bytes are transposed, saves a seventh of the time. */
#if defined(__GNUC__) || defined(__clang__)
#define ASK_EARLY(address) __builtin_prefetch(address)
#else
#define ASK_EARLY(address) ((void)0)
#endif
enum { ASK_AHEAD = 1024, ASK_LINES = 4 };

/* bytes[k] = 1 where the value is `one`, else 0, for n values; returns the bits in which any value
 * differs from what its byte stands for. */
#define DEFINE_NARROW(TYPE, NAME)                                                                 \
    static inline uint64_t NAME(                                                                  \
        const uint8_t *values, ptrdiff_t stride, ptrdiff_t n, uint64_t one_pattern,               \
        uint8_t *restrict bytes)                                                                  \
    {                                                                                             \
        const TYPE one = (TYPE)one_pattern;                                                       \
        TYPE wrong = 0, value;                                                                    \
        if (stride == (ptrdiff_t)sizeof(TYPE)) /* a loop of its own: this one is vectorised */    \
            for (ptrdiff_t k = 0; k < n; k++) {                                                   \
                memcpy(&value, values + k * (ptrdiff_t)sizeof(TYPE), sizeof(TYPE));               \
                const TYPE expected = value == one ? one : 0;                                     \
                bytes[k] = value == one;                                                          \
                wrong |= value ^ expected;                                                        \
            }                                                                                     \
        else                                                                                      \
            for (ptrdiff_t k = 0; k < n; k++) {                                                   \
                memcpy(&value, values + k * stride, sizeof(TYPE));                                \
                const TYPE expected = value == one ? one : 0;                                     \
                bytes[k] = value == one;                                                          \
                wrong |= value ^ expected;                                                        \
            }                                                                                     \
        return wrong;                                                                             \
    }

DEFINE_NARROW(uint8_t, narrow_1)
DEFINE_NARROW(uint16_t, narrow_2)
DEFINE_NARROW(uint32_t, narrow_4)
DEFINE_NARROW(uint64_t, narrow_8)

static uint64_t narrow(
    const uint8_t *values, ptrdiff_t stride, ptrdiff_t n, const bits_table *table,
    uint8_t *restrict bytes)
{
    switch (table->size) {
    case 1:
        return narrow_1(values, stride, n, table->one, bytes);
    case 2:
        return narrow_2(values, stride, n, table->one, bytes);
    case 4:
        return narrow_4(values, stride, n, table->one, bytes);
    default:
        return narrow_8(values, stride, n, table->one, bytes);
    }
}

/* Writes the lowest bits of n bytes into (n + LINE - 1) / LINE * LINE / 8 bytes; bits beyond the n-th
 * are 0. Reads whole lines where they end before `end`. Returns the union of the n bytes. */
static inline byte_line pack_bytes(
    const uint8_t *bytes, ptrdiff_t n, const uint8_t *end, const uint8_t *tail_mask, uint8_t *packed)
{
    uint8_t tail[LINE] = {0};
    byte_line all = load_line(tail), line;
    uint32_t gathered;
    ptrdiff_t k = 0;
    for (; k + LINE <= n; k += LINE) {
        ASK_EARLY(bytes + k + ASK_AHEAD);
        line = load_line(bytes + k);
        all = join_lines(all, line);
        gathered = low_bits(line);
        memcpy(packed + k / 8, &gathered, LINE / 8); /* its lower bytes come first */
    }
    if (k < n) {
        if (end - bytes >= k + LINE)
            line = load_line(bytes + k);
        else {
            memcpy(tail, bytes + k, (size_t)(n - k));
            line = load_line(tail);
        }
        line = mask_line(line, load_line(tail_mask));
        all = join_lines(all, line);
        gathered = low_bits(line);
        memcpy(packed + k / 8, &gathered, LINE / 8);
    }
    return all;
}

static inline uint64_t any_bits(byte_line line)
{
    uint8_t bytes[LINE];
    uint8_t all = 0;
    memcpy(bytes, &line, LINE);
    for (int k = 0; k < LINE; k++)
        all |= bytes[k];
    return all;
}

/* tile[g * n_rows + r] = packed[r * GROUPS_AT_ONCE + g] for `height` rows and `n_groups` groups; what is
 * read `next` is asked for. */
static void scatter_groups(
    const uint8_t *packed, ptrdiff_t height, ptrdiff_t n_groups, uint8_t *tile, ptrdiff_t n_rows,
    const uint8_t *next)
{
    uint8_t corner[8][16];
    for (ptrdiff_t g = 0; g < n_groups; g += 8)
        for (ptrdiff_t r = 0; r < height; r += 16) {
            const uint8_t *from = packed + r * GROUPS_AT_ONCE + g;
            uint8_t *to = tile + g * n_rows + r;
            for (int line = 0; line < ASK_LINES; line++, next += 64)
                ASK_EARLY(next);
            if (n_groups - g >= 8 && height - r >= 16) {
                transpose_bytes(from, GROUPS_AT_ONCE, to, n_rows);
            } else {
                const ptrdiff_t width = n_groups - g < 8 ? n_groups - g : 8;
                transpose_bytes(from, GROUPS_AT_ONCE, corner[0], 16);
                for (ptrdiff_t k = 0; k < width; k++)
                    memcpy(to + k * n_rows, corner[k], (size_t)(height - r < 16 ? height - r : 16));
            }
        }
}

/* Rows whose values lie side by side: each is packed as it stands in memory, and the bytes of some rows
 * are transposed together, so that the tile is written a cache line at a time. */
static uint64_t pack_row_major(const bits_table *table, uint8_t *tile)
{
    uint8_t packed[ROWS_AT_ONCE * GROUPS_AT_ONCE + LINE];
    uint8_t bytes[8 * GROUPS_AT_ONCE], tail_mask[LINE];
    const int direct = table->size == 1 && table->column_stride == 1;
    const ptrdiff_t n_rows = table->n_rows;
    const uint8_t *last_row = table->start + (n_rows - 1) * table->row_stride;
    uint64_t wrong = 0;
    memset(packed, 0, sizeof packed);
    memset(bytes, 0, sizeof bytes);
    byte_line all = load_line(bytes);
    for (ptrdiff_t first = 0; first < table->n_columns; first += 8 * GROUPS_AT_ONCE) {
        const ptrdiff_t rest = table->n_columns - first;
        const ptrdiff_t width = rest < 8 * GROUPS_AT_ONCE ? rest : 8 * GROUPS_AT_ONCE;
        for (ptrdiff_t k = 0; k < LINE; k++)
            tail_mask[k] = k < width % LINE ? 255 : 0;
        for (ptrdiff_t r = 0; r < n_rows; r += ROWS_AT_ONCE) {
            const ptrdiff_t height = n_rows - r < ROWS_AT_ONCE ? n_rows - r : ROWS_AT_ONCE;
            for (ptrdiff_t k = 0; k < height; k++) {
                const uint8_t *row = table->start + (r + k) * table->row_stride
                                     + first * table->column_stride;
                uint8_t *out = packed + k * GROUPS_AT_ONCE;
                if (direct) /* what lies between a row and the last one can be read */
                    all = join_lines(
                        all,
                        pack_bytes(
                            row, width,
                            table->row_stride > 0 ? last_row + table->n_columns : row + width,
                            tail_mask, out));
                else {
                    wrong |= narrow(row, table->column_stride, width, table, bytes);
                    pack_bytes(bytes, width, bytes + sizeof bytes, tail_mask, out);
                }
            }
            scatter_groups(
                packed, height, (width + 7) / 8, tile + first / 8 * n_rows + r, n_rows,
                table->start + (r + height) * table->row_stride + first * table->column_stride);
        }
    }
    return direct ? any_bits(all) & ~UINT64_C(1) : wrong;
}

/* Columns whose values lie side by side: the last of eight is doubled and the one before added, and so
 * on to the first. */
static uint64_t pack_column_major(const bits_table *table, uint8_t *tile)
{
    uint8_t bytes[COLUMN_RUN] = {0}, joined[COLUMN_RUN];
    const ptrdiff_t n_rows = table->n_rows;
    uint64_t wrong = 0;
    for (ptrdiff_t g = 0; 8 * g < table->n_columns; g++)
        for (ptrdiff_t r = 0; r < n_rows; r += COLUMN_RUN) {
            const ptrdiff_t height = n_rows - r < COLUMN_RUN ? n_rows - r : COLUMN_RUN;
            memset(joined, 0, sizeof joined);
            for (ptrdiff_t h = table->n_columns - 8 * g < 8 ? table->n_columns - 8 * g - 1 : 7; h >= 0; h--) {
                const uint8_t *column = table->start + r * table->row_stride
                                        + (8 * g + h) * table->column_stride;
                wrong |= narrow(column, table->row_stride, height, table, bytes);
                for (ptrdiff_t k = 0; k < COLUMN_RUN; k++)
                    joined[k] = (uint8_t)(joined[k] + joined[k] + bytes[k]);
            }
            memcpy(tile + g * n_rows + r, joined, (size_t)height);
        }
    return wrong;
}

/* Returns 1 if every value was 0 or 1, else 0: the tile is then without meaning. */
static int pack_rows(const bits_table *table, uint8_t *tile)
{
    const ptrdiff_t down = table->row_stride < 0 ? -table->row_stride : table->row_stride;
    const ptrdiff_t across = table->column_stride < 0 ? -table->column_stride : table->column_stride;
    if (table->n_rows == 0 || table->n_columns == 0)
        return 1;
    return !((down < across ? pack_column_major : pack_row_major)(table, tile) & ~table->sign);
}

/* rows[r * n_columns + j] = variable j of row r. */
static void unpack_rows(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, uint8_t *restrict rows)
{
    for (ptrdiff_t start = 0; start < n_rows; start += 32) {
        const ptrdiff_t stop = start + 32 < n_rows ? start + 32 : n_rows;
        for (ptrdiff_t j = 0; j < n_columns; j += 8) {
            const uint8_t *bytes = tile + j / 8 * n_rows;
            const size_t width = n_columns - j < 8 ? (size_t)(n_columns - j) : 8;
            for (ptrdiff_t r = start; r < stop; r++) {
                /* byte h keeps bit h alone, which the sum carries to the top */
                uint64_t eight = (bytes[r] * UINT64_C(0x0101010101010101)) & UINT64_C(0x8040201008040201);
                eight = ((eight + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7) & UINT64_C(0x0101010101010101);
                if (width == 8)
                    memcpy(rows + r * n_columns + j, &eight, 8);
                else
                    memcpy(rows + r * n_columns + j, &eight, width);
            }
        }
    }
}

/* Variable k of `taken` is variable columns[k] of the tile; bits beyond the last one are 0. */
static void take_columns(
    const uint8_t *tile, ptrdiff_t n_rows, const int64_t *columns, ptrdiff_t n_columns,
    uint8_t *restrict taken)
{
    memset(taken, 0, (size_t)((n_columns + 7) / 8 * n_rows));
    for (ptrdiff_t k = 0; k < n_columns; k++) {
        const uint8_t *from = tile + columns[k] / 8 * n_rows;
        uint8_t *restrict to = taken + k / 8 * n_rows;
        const int down = (int)(columns[k] & 7), up = (int)(k & 7);
        for (ptrdiff_t r = 0; r < n_rows; r++)
            to[r] |= (uint8_t)(((from[r] >> down) & 1) << up);
    }
}
