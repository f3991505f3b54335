/* GF(2^255 - 19): eight words of 32 bits, any representative below 2^256. What leaves 2^256 comes back as 38 times as
 * much. */
#ifndef POLE_CUDA_FIELD_H
#define POLE_CUDA_FIELD_H

#include "carry.h"

struct fe {
    uint32_t word[8];
};

BOTH fe fe_small(uint32_t value)
{
    return {{value, 0, 0, 0, 0, 0, 0, 0}};
}

BOTH fe operator+(const fe &a, const fe &b)
{
    fe r;
    carry flag;
    r.word[0] = add_cc(a.word[0], b.word[0], flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = addc_cc(a.word[i], b.word[i], flag);
    uint32_t excess = 38 * addc(0, 0, flag);
    r.word[0] = add_cc(r.word[0], excess, flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = addc_cc(r.word[i], 0, flag);
    /* A second carry leaves less than 38 behind. */
    r.word[0] += 38 * addc(0, 0, flag);
    return r;
}

BOTH fe operator-(const fe &a, const fe &b)
{
    fe r;
    carry flag;
    r.word[0] = sub_cc(a.word[0], b.word[0], flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = subc_cc(a.word[i], b.word[i], flag);
    uint32_t lack = 38 & subc(0, 0, flag);
    r.word[0] = sub_cc(r.word[0], lack, flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = subc_cc(r.word[i], 0, flag);
    /* A second borrow leaves less than 38 below 2^256. */
    r.word[0] -= 38 & subc(0, 0, flag);
    return r;
}

BOTH fe operator-(const fe &a)
{
    return fe_small(0) - a;
}

/* sum[0 .. 2 count - 1] += b * (a[0] + 2^64 a[2] + 2^128 a[4] + ...), with the carry left in the flag: low and high
 * halves of a product stand side by side, so they are one multiplication to the device. */
template <int count> BOTH void add_row(uint32_t *sum, const uint32_t *a, uint32_t b, carry &flag)
{
    sum[0] = mad_lo_cc(a[0], b, sum[0], flag);
    sum[1] = madc_hi_cc(a[0], b, sum[1], flag);
    UNROLLED for (int j = 1; j < count; j++)
    {
        sum[2 * j] = madc_lo_cc(a[2 * j], b, sum[2 * j], flag);
        sum[2 * j + 1] = madc_hi_cc(a[2 * j], b, sum[2 * j + 1], flag);
    }
}

/* 512 bits, below 2^256 modulo 2^256 - 38. */
BOTH fe fold(const uint32_t wide[16])
{
    fe r;
    carry flag;
    uint32_t sum[9];
    UNROLLED for (int i = 0; i < 8; i++) sum[i] = wide[i];
    add_row<4>(sum, wide + 8, 38, flag);
    sum[8] = addc(0, 0, flag);
    sum[1] = mad_lo_cc(wide[9], 38, sum[1], flag);
    sum[2] = madc_hi_cc(wide[9], 38, sum[2], flag);
    UNROLLED for (int j = 3; j < 8; j += 2)
    {
        sum[j] = madc_lo_cc(wide[8 + j], 38, sum[j], flag);
        sum[j + 1] = madc_hi_cc(wide[8 + j], 38, sum[j + 1], flag);
    }
    /* sum[8] is at most 38. */
    r.word[0] = add_cc(sum[0], 38 * sum[8], flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = addc_cc(sum[i], 0, flag);
    r.word[0] += 38 * addc(0, 0, flag);
    return r;
}

/* Products whose place i + j is even and odd are added up apart: each row of either is one chain of carries. */
BOTH fe operator*(const fe &a, const fe &b)
{
    uint32_t even[16] = {0}, odd[16] = {0};
    UNROLLED for (int i = 0; i < 8; i += 2)
    {
        carry flag;
        add_row<4>(even + i, a.word, b.word[i], flag);
        if (i) even[i + 8] = addc(0, 0, flag);
        add_row<4>(odd + i + 1, a.word + 1, b.word[i], flag);
        add_row<4>(even + i + 2, a.word + 1, b.word[i + 1], flag);
        add_row<4>(odd + i + 1, a.word, b.word[i + 1], flag);
        odd[i + 9] = addc(0, 0, flag);
    }
    carry flag;
    even[1] = add_cc(even[1], odd[1], flag);
    UNROLLED for (int i = 2; i < 16; i++) even[i] = addc_cc(even[i], odd[i], flag);
    return fold(even);
}

/* Half of the mixed products, doubled, and the squares of the words. */
BOTH fe square(const fe &a)
{
    const uint32_t *w = a.word;
    uint32_t even[16] = {0}, odd[16] = {0};
    carry flag;
    add_row<4>(odd + 1, w + 1, w[0], flag);
    add_row<3>(even + 2, w + 2, w[0], flag);
    add_row<3>(odd + 3, w + 2, w[1], flag);
    odd[9] = addc(0, 0, flag);
    add_row<3>(even + 4, w + 3, w[1], flag);
    add_row<3>(odd + 5, w + 3, w[2], flag);
    add_row<2>(even + 6, w + 4, w[2], flag);
    even[10] = addc(0, 0, flag);
    add_row<2>(odd + 7, w + 4, w[3], flag);
    odd[11] = addc(0, 0, flag);
    add_row<2>(even + 8, w + 5, w[3], flag);
    add_row<2>(odd + 9, w + 5, w[4], flag);
    add_row<1>(even + 10, w + 6, w[4], flag);
    even[12] = addc(0, 0, flag);
    add_row<1>(odd + 11, w + 6, w[5], flag);
    odd[13] = addc(0, 0, flag);
    add_row<1>(even + 12, w + 7, w[5], flag);
    add_row<1>(odd + 13, w + 7, w[6], flag);
    even[1] = add_cc(even[1], odd[1], flag);
    UNROLLED for (int i = 2; i < 16; i++) even[i] = addc_cc(even[i], odd[i], flag);
    UNROLLED for (int i = 15; i > 0; i--) even[i] = even[i] << 1 | even[i - 1] >> 31;
    even[0] = mad_lo_cc(w[0], w[0], 0, flag);
    even[1] = madc_hi_cc(w[0], w[0], even[1], flag);
    UNROLLED for (int i = 1; i < 8; i++)
    {
        even[2 * i] = madc_lo_cc(w[i], w[i], even[2 * i], flag);
        even[2 * i + 1] = madc_hi_cc(w[i], w[i], even[2 * i + 1], flag);
    }
    return fold(even);
}

/* The representative in [0, p). */
BOTH fe canonical(const fe &a)
{
    fe r = a, next;
    carry flag;
    r.word[7] &= 0x7fffffff;
    r.word[0] = add_cc(r.word[0], 19 * (a.word[7] >> 31), flag);
    UNROLLED for (int i = 1; i < 8; i++) r.word[i] = addc_cc(r.word[i], 0, flag);
    next.word[0] = add_cc(r.word[0], 19, flag);
    UNROLLED for (int i = 1; i < 8; i++) next.word[i] = addc_cc(r.word[i], 0, flag);
    uint32_t at_least_p = 0 - (next.word[7] >> 31);
    next.word[7] &= 0x7fffffff;
    UNROLLED for (int i = 0; i < 8; i++) r.word[i] = (r.word[i] & ~at_least_p) | (next.word[i] & at_least_p);
    return r;
}

BOTH bool same_words(const fe &a, const fe &b)
{
    uint32_t difference = 0;
    UNROLLED for (int i = 0; i < 8; i++) difference |= a.word[i] ^ b.word[i];
    return difference == 0;
}

BOTH bool is_zero(const fe &a)
{
    return same_words(canonical(a), fe_small(0));
}

/* RFC 9496, section 3.1: the canonical residue is odd. */
BOTH bool is_negative(const fe &a)
{
    return canonical(a).word[0] & 1;
}

BOTH fe choose(bool second, const fe &a, const fe &b)
{
    fe r;
    UNROLLED for (int i = 0; i < 8; i++) r.word[i] = second ? b.word[i] : a.word[i];
    return r;
}

BOTH fe absolute(const fe &a)
{
    return choose(is_negative(a), a, -a);
}

BOTH fe squarings(fe a, int count)
{
    ROLLED for (int i = 0; i < count; i++) a = square(a);
    return a;
}

/* a^(2^250 - 1); eleventh = a^11. */
BOTH fe power_chain(const fe &a, fe &eleventh)
{
    fe a2 = square(a), a9 = squarings(a2, 2) * a;
    eleventh = a9 * a2;
    fe five = square(eleventh) * a9; /* 2^5 - 1 */
    fe ten = squarings(five, 5) * five;
    fe twenty = squarings(ten, 10) * ten;
    fe forty = squarings(twenty, 20) * twenty;
    fe fifty = squarings(forty, 10) * ten;
    fe hundred = squarings(fifty, 50) * fifty;
    fe two_hundred = squarings(hundred, 100) * hundred;
    return squarings(two_hundred, 50) * fifty;
}

/* a^(p - 2): zero for zero. */
BOTH fe invert(const fe &a)
{
    fe eleventh, power = power_chain(a, eleventh);
    return squarings(power, 5) * eleventh;
}

#endif
