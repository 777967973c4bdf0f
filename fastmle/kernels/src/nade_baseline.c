/* The loops of NADE for every processor. */
#define NADE_TABLE nade_baseline
#include "nade_level.h"
