/* Steps of the optimisers for every processor. */
#define OPTIMIZERS_TABLE optimizers_baseline
#include "optimizers_level.h"
