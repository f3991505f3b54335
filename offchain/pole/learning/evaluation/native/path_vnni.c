/* The path for processors with AVX-512 VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("O3")
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vnni")
#endif

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Half a register: as fast where these are two halves, and fewer lanes stay empty. */
#define LANES 8
#define PLACES 8
#define BLOCKS 3

typedef int32_t vector __attribute__((vector_size(4 * LANES)));

static inline vector add_products(vector sum, vector w, vector x)
{
    return (vector)_mm256_dpwssd_epi32((__m256i)sum, (__m256i)w, (__m256i)x);
}

static inline vector splat(const int16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return (vector)_mm256_set1_epi32(pair);
}

#include "products.h"

const path path_vnni = {"vnni", LANES, convolve};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
