/* The path for processors with AVX2. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("O3")
#pragma GCC target("avx2")
#endif

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#define PLACES 4
#define BLOCKS 3

typedef int32_t vector __attribute__((vector_size(4 * LANES)));

static inline vector add_products(vector sum, vector w, vector x)
{
    return sum + (vector)_mm256_madd_epi16((__m256i)w, (__m256i)x);
}

static inline vector splat(const int16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return (vector)_mm256_set1_epi32(pair);
}

#include "products.h"

const path path_avx2 = {"avx2", LANES, convolve};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
