/* Entropies and divergences for every processor. */
#define INFORMATION_TABLE information_baseline
#include "information_level.h"
