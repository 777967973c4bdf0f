/* The loops on bits for every processor. */
#include <string.h>
#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif
#define BITS_TABLE bits_baseline
#define BITS_WIDTH 16
#include "bits_level.h"
