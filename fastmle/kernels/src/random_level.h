/* All loops of one level, and their table. The including file sets RANDOM_TABLE and the target. */
#include <math.h>
#include <string.h>
#include "random.h"
#include "random_words.h"
#include "random_functions.h"
#include "random_fills.h"
#include "random_correlated.h"

const random_functions RANDOM_TABLE = {
    start_generators, draw_words,       draw_bits,      fill_uniform,
    fill_normal,      fill_exponential, fill_bernoulli, fill_categorical,
    fill_correlated,  uniform_to_normal,
};
