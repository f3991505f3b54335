/* The path for every machine. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#include <stdint.h>
#include <string.h>

#define LANES 4
#define PLACES 4
#define BLOCKS 2

typedef int32_t vector __attribute__((vector_size(4 * LANES)));

static inline vector add_products(vector sum, vector w, vector x)
{
    return sum + (w >> 16) * (x >> 16) + ((w << 16) >> 16) * ((x << 16) >> 16);
}

static inline vector splat(const int16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return (vector){} + pair;
}

#include "products.h"

const path path_portable = {"portable", LANES, convolve};
