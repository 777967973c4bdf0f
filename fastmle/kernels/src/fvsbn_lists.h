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

