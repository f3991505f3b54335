/* Arithmetic modulo q = 2^252 + 27742317777372353535851937790883648493. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define UNROLL _Pragma("GCC unroll 4")

typedef unsigned __int128 uint128_t;

static const scalar ORDER = {{0x5812631a5cf5d3edULL, 0x14def9dea2f79cd6ULL, 0, 0x1000000000000000ULL}};
static const scalar R_SQUARED = {
    {0xa40611e3449c0f01ULL, 0xd00e1ba768859347ULL, 0xceec73d217f5be65ULL, 0x0399411b7c309a3dULL}};
static const uint64_t MINUS_INVERSE = 0xd2b51da312547e1bULL; /* -1/q mod 2^64 */

/* r = a - b; returns the borrow. */
static uint64_t subtract(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint128_t d = (uint128_t)a->word[i] - b->word[i] - borrow;
        r->word[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    return borrow;
}

/* a < 2q becomes a mod q. */
static void subtract_order_once(scalar *a)
{
    scalar difference;
    uint64_t keep = 0 - subtract(&difference, a, &ORDER);
    for (int i = 0; i < 4; i++) a->word[i] = (a->word[i] & keep) | (difference.word[i] & ~keep);
}

bool scalar_is_reduced(const uint8_t bytes[32])
{
    scalar a, difference;
    scalar_load(&a, bytes);
    return subtract(&difference, &a, &ORDER);
}

void scalar_multiply(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t t[6] = {0};
    UNROLL
    for (int i = 0; i < 4; i++) {
        uint128_t sum = 0;
        UNROLL
        for (int j = 0; j < 4; j++) {
            sum += (uint128_t)a->word[i] * b->word[j] + t[j];
            t[j] = (uint64_t)sum;
            sum >>= 64;
        }
        sum += t[4];
        t[4] = (uint64_t)sum;
        t[5] = (uint64_t)(sum >> 64);
        uint64_t m = t[0] * MINUS_INVERSE;
        sum = ((uint128_t)m * ORDER.word[0] + t[0]) >> 64;
        UNROLL
        for (int j = 1; j < 4; j++) {
            sum += (uint128_t)m * ORDER.word[j] + t[j];
            t[j - 1] = (uint64_t)sum;
            sum >>= 64;
        }
        sum += t[4];
        t[3] = (uint64_t)sum;
        t[4] = t[5] + (uint64_t)(sum >> 64);
    }
    memcpy(r->word, t, sizeof r->word);
    subtract_order_once(r);
}

void scalar_to_montgomery(scalar *r, const scalar *a)
{
    scalar_multiply(r, a, &R_SQUARED);
}

void scalar_add_small(scalar *r, const scalar *a, uint64_t b)
{
    uint128_t sum = b;
    for (int i = 0; i < 4; i++) {
        sum += a->word[i];
        r->word[i] = (uint64_t)sum;
        sum >>= 64;
    }
    subtract_order_once(r);
}

void scalar_halve(scalar *a)
{
    uint64_t odd = 0 - (a->word[0] & 1);
    uint128_t sum = 0;
    uint64_t doubled[4];
    for (int i = 0; i < 4; i++) {
        sum += (uint128_t)a->word[i] + (ORDER.word[i] & odd);
        doubled[i] = (uint64_t)sum;
        sum >>= 64;
    }
    for (int i = 0; i < 4; i++) a->word[i] = doubled[i] >> 1 | (i < 3 ? doubled[i + 1] << 63 : 0);
}

recoding recoding_of(unsigned width, size_t count)
{
    recoding r = {width, count, {{0}}};
    for (size_t bit = width - 1; bit < width * count; bit += width) r.offset.word[bit / 64] |= UINT64_C(1) << bit % 64;
    return r;
}

/* With C = sum of 2^(width i + width - 1), digit i of a is 2^(width - 1) less digit i of C - a, which no carry enters. C
 * has to reach a: of a and q - a the one with the lower top word, below 2^251 + 2^192, is taken, and all signs turned for
 * the other. */
void scalar_recode(int16_t *digits, size_t stride, const scalar *a, const recoding *r)
{
    scalar small, other;
    subtract(&other, &ORDER, a);
    uint64_t turned = 0 - (uint64_t)(other.word[3] < a->word[3]);
    for (int i = 0; i < 4; i++) small.word[i] = (a->word[i] & ~turned) | (other.word[i] & turned);
    subtract(&small, &r->offset, &small);
    uint64_t words[5] = {small.word[0], small.word[1], small.word[2], small.word[3], 0};
    int32_t half = INT32_C(1) << (r->width - 1), mask = 2 * half - 1, sign = (int32_t)turned;
    for (size_t i = 0, bit = 0; i < r->count; i++, bit += r->width) {
        size_t word = bit / 64, shift = bit % 64;
        uint64_t chunk = words[word] >> shift | words[word + 1] << 1 << (63 - shift);
        digits[i * stride] = (int16_t)(((half - ((int32_t)chunk & mask)) ^ sign) - sign);
    }
}

void *aligned(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
}

void wipe(void *memory, size_t bytes)
{
    memset(memory, 0, bytes);
    __asm__ volatile("" : : "r"(memory) : "memory");
}
