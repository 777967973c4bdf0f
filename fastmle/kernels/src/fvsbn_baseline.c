/* The FVSBN loops for every processor. */
#define FVSBN_TABLE fvsbn_baseline
#include "fvsbn_level.h"
