/* Every function of the field that has carries, over one pair of elements, without a branch. */
#include "field.h"

extern "C" __global__ void arithmetic(const fe *pair, fe *results)
{
    fe a = pair[0], b = pair[1];
    results[0] = a * b;
    results[1] = square(a);
    results[2] = a + b;
    results[3] = a - b;
    results[4] = canonical(a);
}
