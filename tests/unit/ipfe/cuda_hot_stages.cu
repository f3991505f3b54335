/* The two stages in which nearly all the time goes, for a look at their registers. */
#include "runtime.h"
#include "stages.h"

template __global__ void run_stage<run_groups>(run_groups, uint32_t);
template __global__ void run_stage<load_points<false>>(load_points<false>, uint32_t);
