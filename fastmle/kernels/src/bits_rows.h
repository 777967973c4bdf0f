/* Rows as words of eight bytes, and a hash of each. */

enum { ROWS_IN_TURN = 16 };

/* words[r * n_words + k] = bytes 8 k .. 8 k + 7 of row r, zeros behind the last; hashes[r] follows from them,
 * word after word, by steps that can all be undone: rows of one word never share a hash. `words` may be null. */
static void hash_tile(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_groups, uint64_t *restrict words,
    uint64_t *restrict hashes)
{
    const ptrdiff_t n_words = (n_groups + 7) / 8;
    for (ptrdiff_t r = 0; r < n_rows; r += ROWS_IN_TURN) {
        const ptrdiff_t height = n_rows - r < ROWS_IN_TURN ? n_rows - r : ROWS_IN_TURN;
        uint64_t hash[ROWS_IN_TURN] = {0}, word[ROWS_IN_TURN];
        uint8_t corner[8][ROWS_IN_TURN];
        for (ptrdiff_t k = 0; k < n_words; k++) {
            const ptrdiff_t width = n_groups - 8 * k < 8 ? n_groups - 8 * k : 8;
            const uint8_t *from = tile + 8 * k * n_rows + r;
            if (height == ROWS_IN_TURN && width == 8) {
                gather_bytes(from, n_rows, (uint8_t *)word);
            } else {
                memset(corner, 0, sizeof corner);
                for (ptrdiff_t g = 0; g < width; g++)
                    memcpy(corner[g], from + g * n_rows, (size_t)height);
                gather_bytes(corner[0], ROWS_IN_TURN, (uint8_t *)word);
            }
            for (int i = 0; i < ROWS_IN_TURN; i++) {
                hash[i] = (hash[i] ^ word[i]) * UINT64_C(0x9E3779B97F4A7C15);
                hash[i] ^= hash[i] >> 29;
            }
            for (ptrdiff_t i = 0; words && i < height; i++)
                words[(r + i) * n_words + k] = word[i];
        }
        for (int i = 0; i < ROWS_IN_TURN; i++) {
            hash[i] *= UINT64_C(0xBF58476D1CE4E5B9);
            hash[i] ^= hash[i] >> 32;
        }
        memcpy(hashes + r, hash, (size_t)height * sizeof *hash);
    }
}

/* The same for tiles of `height` rows, one behind the other; the last may be shorter. */
static void hash_rows(
    const uint8_t *tiles, ptrdiff_t height, ptrdiff_t n_rows, ptrdiff_t n_groups, uint64_t *words,
    uint64_t *hashes)
{
    for (ptrdiff_t r = 0; r < n_rows; r += height)
        hash_tile(
            tiles + r * n_groups, n_rows - r < height ? n_rows - r : height, n_groups,
            words ? words + r * ((n_groups + 7) / 8) : words, hashes + r);
}
