/* Running summaries for every processor. */
#define SUMMARIES_TABLE summaries_baseline
#include "summaries_level.h"
