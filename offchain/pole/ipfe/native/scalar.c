/* Arithmetic modulo q = 2^252 + 27742317777372353535851937790883648493. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

typedef unsigned __int128 uint128_t;

static const scalar ORDER = {{0x5812631a5cf5d3edULL, 0x14def9dea2f79cd6ULL, 0, 0x1000000000000000ULL}};
static const scalar R_SQUARED = {
    {0xa40611e3449c0f01ULL, 0xd00e1ba768859347ULL, 0xceec73d217f5be65ULL, 0x0399411b7c309a3dULL}};
static const uint64_t MINUS_INVERSE = 0xd2b51da312547e1bULL; /* -1/q mod 2^64 */

void scalar_load(scalar *r, const uint8_t bytes[32])
{
    for (int i = 0; i < 4; i++) {
        r->word[i] = 0;
        for (int j = 7; j >= 0; j--) r->word[i] = r->word[i] << 8 | bytes[8 * i + j];
    }
}

void scalar_store(uint8_t bytes[32], const scalar *a)
{
    for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)(a->word[i / 8] >> (8 * (i % 8)));
}

/* a < 2q becomes a mod q. */
static void subtract_order_once(scalar *a)
{
    uint64_t difference[4], borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint128_t d = (uint128_t)a->word[i] - ORDER.word[i] - borrow;
        difference[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    uint64_t keep = 0 - borrow;
    for (int i = 0; i < 4; i++) a->word[i] = (a->word[i] & keep) | (difference[i] & ~keep);
}

void scalar_multiply(scalar *r, const scalar *a, const scalar *b)
{
    uint64_t t[6] = {0};
    for (int i = 0; i < 4; i++) {
        uint128_t sum = 0;
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

void scalar_recode(int16_t *digits, const scalar *a, unsigned width, size_t count)
{
    uint32_t carry = 0, half = UINT32_C(1) << (width - 1);
    for (size_t i = 0; i < count; i++) {
        size_t bit = i * width, word = bit / 64, shift = bit % 64;
        uint64_t low = a->word[word] >> shift;
        if (shift + width > 64 && word < 3) low |= a->word[word + 1] << (64 - shift);
        uint32_t digit = (uint32_t)(low & ((UINT64_C(1) << width) - 1)) + carry;
        carry = digit > half;
        digits[i] = (int16_t)((int32_t)digit - (int32_t)(carry << width));
    }
}

void *aligned(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
}

void wipe(void *memory, size_t bytes)
{
    volatile uint8_t *byte = memory;
    for (size_t i = 0; i < bytes; i++) byte[i] = 0;
}
