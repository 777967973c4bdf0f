/* Packing and counting of bits. A tile is group-major: tile[g * n_rows + r] holds the variables
 * 8 g .. 8 g + 7 of row r, variable 8 g + h in bit h. */
#ifndef FASTMLE_BITS_H
#define FASTMLE_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Eight bytes that are 0 or 1, first byte lowest, become the eight bits of one byte. */
static inline uint8_t gather_bits(uint64_t bytes)
{
    return (uint8_t)((bytes * UINT64_C(0x0102040810204080)) >> 56);
}

/* Transposes an 8 x 8 bit matrix: byte r bit c moves to byte c bit r. */
static inline uint64_t transpose_8x8(uint64_t x)
{
    uint64_t t;
    t = (x ^ (x >> 7)) & UINT64_C(0x00AA00AA00AA00AA);
    x = x ^ t ^ (t << 7);
    t = (x ^ (x >> 14)) & UINT64_C(0x0000CCCC0000CCCC);
    x = x ^ t ^ (t << 14);
    t = (x ^ (x >> 28)) & UINT64_C(0x00000000F0F0F0F0);
    x = x ^ t ^ (t << 28);
    return x;
}

/* The bits of one tile, column by column: row r of column j is bit r & 63 of
 * words[j * n_words + (r >> 6)], n_words = ceil(n_rows / 64); the last word is filled with zeros. */
static inline void column_words(
    const uint8_t *tile, ptrdiff_t n_rows, ptrdiff_t n_columns, uint64_t *restrict words)
{
    const ptrdiff_t n_words = (n_rows + 63) / 64;
    memset(words, 0, (size_t)(n_columns * n_words) * sizeof(uint64_t));
    for (ptrdiff_t j = 0; j < n_columns; j += 8) {
        const uint8_t *bytes = tile + (j >> 3) * n_rows;
        const int width = n_columns - j < 8 ? (int)(n_columns - j) : 8;
        for (ptrdiff_t r = 0; r < n_rows; r += 8) {
            const int height = n_rows - r < 8 ? (int)(n_rows - r) : 8;
            uint64_t square = 0;
            for (int k = 0; k < height; k++)
                square |= (uint64_t)bytes[r + k] << (8 * k);
            square = transpose_8x8(square);
            for (int c = 0; c < width; c++)
                words[(j + c) * n_words + (r >> 6)] |= ((square >> (8 * c)) & 255) << (r & 63);
        }
    }
}

/* Number of set bits in the bitwise and of two runs of words: the classical sum inside a register,
 * which every compiler turns into vector code where there is no population count instruction. */
static inline int64_t count_common(const uint64_t *a, const uint64_t *b, ptrdiff_t n_words)
{
    uint64_t total = 0;
    for (ptrdiff_t k = 0; k < n_words; k++) {
        uint64_t x = a[k] & b[k];
        x = x - ((x >> 1) & UINT64_C(0x5555555555555555));
        x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
        x = (x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
        x = x + (x >> 8);
        x = x + (x >> 16);
        x = x + (x >> 32);
        total += x & 0x7F;
    }
    return (int64_t)total;
}

#endif
