/* The random fills for every processor. */
#define RANDOM_TABLE random_baseline
#include "random_level.h"
