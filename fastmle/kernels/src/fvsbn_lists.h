static ptrdiff_t longest_list(const fvsbn_rows *rows)
{
    int32_t longest = 0;
    for (ptrdiff_t r = 0; r < rows->n_rows; r++) {
        const int32_t length = rows->starts[r + 1] - rows->starts[r];
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Lists the set bits of every row (see fvsbn_rows). */
static void list_set_bits(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, int32_t *restrict starts,
    uint16_t *restrict bits)
{
    int32_t end = 0;
    memset(starts, 0, (size_t)(n_rows + 1) * sizeof *starts);
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        _Pragma("omp simd") for (ptrdiff_t r = 0; r < n_rows; r++) {
            uint8_t x = bytes[r];
            x = (uint8_t)(x - ((x >> 1) & 0x55));
            x = (uint8_t)((x & 0x33) + ((x >> 2) & 0x33));
            starts[r + 1] += (x + (x >> 4)) & 0x0F;
        }
    }
    for (ptrdiff_t r = 0; r < n_rows; r++) { /* each start moves on while its row is filled */
        const int32_t count = starts[r + 1];
        starts[r + 1] = end;
        end += count;
    }
    for (ptrdiff_t g = 0; g < n_groups; g++) {
        const uint8_t *bytes = tile + g * n_rows;
        for (ptrdiff_t r = 0; r < n_rows; r += 8) {
            uint64_t word = r + 8 <= n_rows ? load_word(bytes + r) : load_bytes(bytes + r, n_rows - r);
            ptrdiff_t row_before = -1;
            for (; word; word &= word - 1) {
                const int place = __builtin_ctzll(word);
                const ptrdiff_t row = r + place / 8;
                const int same = row == row_before ? SAME_GROUP : 0;
                bits[starts[row + 1]++] = (uint16_t)((8 * g + place % 8) | same);
                row_before = row;
            }
        }
    }
}

/* ones_of[x]: the places of the ones of byte x, ascending, then zeros. */
#define PUT(x, h) << (((x) >> (h) & 1) * 8) | ((x) >> (h) & 1) * UINT64_C(h))
#define PACKED(x) \
    ((((((((UINT64_C(0) PUT(x, 7) PUT(x, 6) PUT(x, 5) PUT(x, 4) PUT(x, 3) PUT(x, 2) PUT(x, 1) PUT(x, 0)
#define BYTE(x, k) (uint8_t)(PACKED(x) >> (8 * (k)))
#define LINE1(x) {BYTE(x, 0), BYTE(x, 1), BYTE(x, 2), BYTE(x, 3), BYTE(x, 4), BYTE(x, 5), BYTE(x, 6), BYTE(x, 7)}
#define LINES4(x) LINE1(x), LINE1((x) + 1), LINE1((x) + 2), LINE1((x) + 3)
#define LINES16(x) LINES4(x), LINES4((x) + 4), LINES4((x) + 8), LINES4((x) + 12)
#define LINES64(x) LINES16(x), LINES16((x) + 16), LINES16((x) + 32), LINES16((x) + 48)
static const uint8_t ones_of[256][8] = {LINES64(0), LINES64(64), LINES64(128), LINES64(192)};
#undef LINES64
#undef LINES16
#undef LINES4
#undef LINE1
#undef BYTE
#undef PACKED
#undef PUT

/* Writes the places of the ones of a byte, counted from `first`, and returns how many they are. Always eight
 * numbers are written: no branch depends on the bits. */
static inline ptrdiff_t list_byte(uint8_t byte, uint16_t first, uint16_t *restrict places)
{
    const uint8_t *ones = ones_of[byte];
    _Pragma("omp simd") for (int k = 0; k < 8; k++)
        places[k] = (uint16_t)(first + ones[k]);
    return __builtin_popcount(byte);
}

/* Rows become columns: bit h of byte i goes to bit i of byte h. */
static inline uint64_t transpose(uint64_t x)
{
    uint64_t t = (x ^ (x >> 7)) & UINT64_C(0x00AA00AA00AA00AA);
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & UINT64_C(0x0000CCCC0000CCCC);
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & UINT64_C(0x00000000F0F0F0F0);
    return x ^ t ^ (t << 28);
}

/* Lists the rows of every variable, run by run (see fvsbn_columns). */
static void list_rows(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, int32_t *restrict starts,
    uint16_t *restrict rows)
{
    ptrdiff_t end = 0;
    for (ptrdiff_t start = 0; start < n_rows; start += RUN) {
        const ptrdiff_t n = n_rows - start < RUN ? n_rows - start : RUN;
        for (ptrdiff_t g = 0; g < n_groups; g++) {
            const uint8_t *bytes = tile + g * n_rows + start;
            uint64_t words[RUN / 8];
            for (ptrdiff_t r = 0; r < n; r += 8)
                words[r / 8] = transpose(r + 8 <= n ? load_word(bytes + r) : load_bytes(bytes + r, n - r));
            for (int h = 0; h < 8; h++) {
                const ptrdiff_t first = end;
                *starts++ = (int32_t)end;
                for (ptrdiff_t r = 0; r < n; r += 8)
                    end += list_byte((uint8_t)(words[r / 8] >> (8 * h)), (uint16_t)r, rows + end);
                while ((end - first) % LISTED_ROWS)
                    rows[end++] = (uint16_t)n;
            }
        }
    }
    *starts = (int32_t)end;
}
