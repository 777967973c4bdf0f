/* All loops of one level, and their table. The including file sets BITS_TABLE, the bytes of a register
 * in BITS_WIDTH, and the target. */
#include "bits.h"
#include "bits_lines.h"
#include "bits_pack.h"
#include "bits_count.h"
#include "bits_rows.h"

const bits_functions BITS_TABLE = {
    pack_rows,   unpack_rows,  take_columns, count_columns,
    sum_columns, column_words, count_pairs,  weigh_pairs, hash_rows,
};
