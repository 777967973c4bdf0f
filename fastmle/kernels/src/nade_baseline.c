/* The loops of NADE for every processor. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#define NADE_TABLE nade_baseline
#include "nade_level.h"
