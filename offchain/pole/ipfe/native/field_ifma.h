/* GF(2^255 - 19), eight elements side by side, five limbs of 51 bits, by the 52-bit multiply-add of AVX-512 IFMA.
 *
 * A multiplier reads the low 52 bits of a limb and drops the rest, so limbs have to stay below 2^52: every function
 * carries before it returns. (Two reduced elements have sums of up to 2^52 + 2^17, which random tests hardly meet.) */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
/* What a limb is in: a word for each lane. */
typedef __m512i fe_words;
typedef struct {
    fe_words v[5];
} fe;
typedef uint32_t lane_mask;
#define ALL_LANES 0xffu

/* Limb numbers have to be constants: they decide which products meet. */
#define UNROLL _Pragma("GCC unroll 10")

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m512i each(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

ALWAYS_INLINE __m512i low_limb(__m512i a)
{
    return _mm512_and_si512(a, each((UINT64_C(1) << 51) - 1));
}

/* Exact below 2^59. One multiplication; the barrier keeps the compiler from making five instructions of it. */
ALWAYS_INLINE __m512i times_19(__m512i a)
{
    __m512i nineteen = each(19);
    __asm__("" : "+v"(nineteen));
    return _mm512_mullo_epi64(a, nineteen);
}

/* Limbs up to 2^62 become limbs up to 2^51 + 2^16. */
ALWAYS_INLINE void carry_into(fe *r, __m512i r0, __m512i r1, __m512i r2, __m512i r3, __m512i r4)
{
    r->v[0] = _mm512_madd52lo_epu64(low_limb(r0), _mm512_srli_epi64(r4, 51), each(19));
    r->v[1] = _mm512_add_epi64(low_limb(r1), _mm512_srli_epi64(r0, 51));
    r->v[2] = _mm512_add_epi64(low_limb(r2), _mm512_srli_epi64(r1, 51));
    r->v[3] = _mm512_add_epi64(low_limb(r3), _mm512_srli_epi64(r2, 51));
    r->v[4] = _mm512_add_epi64(low_limb(r4), _mm512_srli_epi64(r3, 51));
}

ALWAYS_INLINE void fe_splat(fe *r, const uint64_t limbs[5])
{
    for (int i = 0; i < 5; i++) r->v[i] = each(limbs[i]);
}

ALWAYS_INLINE void fe_add(fe *r, const fe *a, const fe *b)
{
    carry_into(r, _mm512_add_epi64(a->v[0], b->v[0]), _mm512_add_epi64(a->v[1], b->v[1]),
               _mm512_add_epi64(a->v[2], b->v[2]), _mm512_add_epi64(a->v[3], b->v[3]),
               _mm512_add_epi64(a->v[4], b->v[4]));
}

/* 4p keeps every limb positive. */
ALWAYS_INLINE void fe_sub(fe *r, const fe *a, const fe *b)
{
    __m512i p0 = each(0x1fffffffffffb4ULL), p1 = each(0x1ffffffffffffcULL);
    carry_into(r, _mm512_sub_epi64(_mm512_add_epi64(a->v[0], p0), b->v[0]),
               _mm512_sub_epi64(_mm512_add_epi64(a->v[1], p1), b->v[1]),
               _mm512_sub_epi64(_mm512_add_epi64(a->v[2], p1), b->v[2]),
               _mm512_sub_epi64(_mm512_add_epi64(a->v[3], p1), b->v[3]),
               _mm512_sub_epi64(_mm512_add_epi64(a->v[4], p1), b->v[4]));
}

/* Nothing is loose here: sums of two would not fit a multiplier. */
#define fe_add_loose fe_add
#define fe_sub_loose fe_sub

ALWAYS_INLINE void fe_reduce(fe *r, const fe *a)
{
    *r = *a;
}

ALWAYS_INLINE void fe_negate(fe *r, const fe *a)
{
    fe zero;
    for (int i = 0; i < 5; i++) zero.v[i] = _mm512_setzero_si512();
    fe_sub(r, &zero, a);
}

/* 2^255 = 19 folds columns 5 to 9 into limbs below 2^59.
 * A column has at most five low halves below 2^52 and five doubled high halves below 2^51.1. */
ALWAYS_INLINE void fold_columns(__m512i limb[5], const __m512i column[10])
{
    UNROLL
    for (int k = 0; k < 5; k++) limb[k] = _mm512_add_epi64(column[k], times_19(column[k + 5]));
}

ALWAYS_INLINE void carry_limbs(fe *r, const __m512i limb[5])
{
    carry_into(r, limb[0], limb[1], limb[2], limb[3], limb[4]);
}

/* The high half of a product of limbs i and j has weight 2^(51 (i + j) + 52) = 2 * 2^(51 (i + j + 1)), so it is doubled
 * on its way to the next column. */
ALWAYS_INLINE void mul_limbs(__m512i limb[5], const fe *a, const fe *b)
{
    __m512i column[10];
    column[0] = _mm512_setzero_si512();
    UNROLL
    for (int k = 1; k < 10; k++) {
        column[k] = _mm512_setzero_si512();
        UNROLL
        for (int i = 0; i < 5; i++)
            if (k - 1 - i >= 0 && k - 1 - i < 5) column[k] = _mm512_madd52hi_epu64(column[k], a->v[i], b->v[k - 1 - i]);
        column[k] = _mm512_add_epi64(column[k], column[k]);
    }
    UNROLL
    for (int k = 0; k < 9; k++)
        UNROLL
        for (int i = 0; i < 5; i++)
            if (k - i >= 0 && k - i < 5) column[k] = _mm512_madd52lo_epu64(column[k], a->v[i], b->v[k - i]);
    fold_columns(limb, column);
}

ALWAYS_INLINE void fe_mul(fe *r, const fe *a, const fe *b)
{
    __m512i limb[5];
    mul_limbs(limb, a, b);
    carry_limbs(r, limb);
}

/* sum = a + b, difference = a - b, of limbs below 2^59; 2^9 p keeps the difference positive. */
ALWAYS_INLINE void carry_both(fe *sum, fe *difference, const __m512i a[5], const __m512i b[5])
{
    __m512i plus[5], minus[5];
    UNROLL
    for (int k = 0; k < 5; k++) {
        uint64_t p = (UINT64_C(1) << 60) - (k == 0 ? 19 : 1) * (UINT64_C(1) << 9);
        plus[k] = _mm512_add_epi64(a[k], b[k]);
        minus[k] = _mm512_sub_epi64(_mm512_add_epi64(a[k], each(p)), b[k]);
    }
    carry_limbs(sum, plus);
    carry_limbs(difference, minus);
}

/* Those of group.h are not taken. */
#define OWN_PRODUCTS

/* sum = a b + c d, difference = a b - c d: two carries instead of four. */
ALWAYS_INLINE void fe_mul_both(fe *sum, fe *difference, const fe *a, const fe *b, const fe *c, const fe *d)
{
    __m512i ab[5], cd[5];
    mul_limbs(ab, a, b);
    mul_limbs(cd, c, d);
    carry_both(sum, difference, ab, cd);
}

/* sum = 2a + b c, difference = 2a - b c: two carries instead of four. */
ALWAYS_INLINE void fe_mul_around(fe *sum, fe *difference, const fe *a, const fe *b, const fe *c)
{
    __m512i twice[5], bc[5];
    UNROLL
    for (int k = 0; k < 5; k++) twice[k] = _mm512_add_epi64(a->v[k], a->v[k]);
    mul_limbs(bc, b, c);
    carry_both(sum, difference, twice, bc);
}

/* Squares `n` elements, one or two, in turn at every step: those of one alone wait for each other.
 * Column k is 2 (low halves of i < j + high halves of i = j + 2 * high halves of i < j) + low halves of i = j. */
ALWAYS_INLINE void fe_sq_each(fe *r, const fe *a, int n)
{
    __m512i column[2][10];
    UNROLL
    for (int e = 0; e < n; e++) column[e][0] = _mm512_setzero_si512();
    UNROLL
    for (int k = 1; k < 10; k++) {
        UNROLL
        for (int e = 0; e < n; e++) {
            const __m512i *v = a[e].v;
            __m512i sum = _mm512_setzero_si512();
            UNROLL
            for (int i = 0; i < 5; i++)
                if (k - 1 - i > i && k - 1 - i < 5) sum = _mm512_madd52hi_epu64(sum, v[i], v[k - 1 - i]);
            if (k > 1 && k < 9) sum = _mm512_add_epi64(sum, sum);
            if (k % 2) sum = _mm512_madd52hi_epu64(sum, v[k / 2], v[k / 2]);
            UNROLL
            for (int i = 0; i < 5; i++)
                if (k - i > i && k - i < 5) sum = _mm512_madd52lo_epu64(sum, v[i], v[k - i]);
            column[e][k] = _mm512_add_epi64(sum, sum);
        }
    }
    UNROLL
    for (int k = 0; k < 9; k += 2) {
        UNROLL
        for (int e = 0; e < n; e++) column[e][k] = _mm512_madd52lo_epu64(column[e][k], a[e].v[k / 2], a[e].v[k / 2]);
    }
    UNROLL
    for (int e = 0; e < n; e++) {
        __m512i limb[5];
        fold_columns(limb, column[e]);
        carry_limbs(&r[e], limb);
    }
}

ALWAYS_INLINE void fe_sq(fe *r, const fe *a)
{
    fe_sq_each(r, a, 1);
}

/* r = b in the lanes of the mask, else a. */
ALWAYS_INLINE void fe_select(fe *r, const fe *a, const fe *b, lane_mask mask)
{
    for (int i = 0; i < 5; i++) r->v[i] = _mm512_mask_blend_epi64((__mmask8)mask, a->v[i], b->v[i]);
}

/* Negates the lanes of the mask of an element with canonical limbs: 2p leaves them below 2^52. */
ALWAYS_INLINE void fe_negate_lanes(fe *r, lane_mask mask)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_mask_sub_epi64(r->v[i], (__mmask8)mask,
                                        each(i == 0 ? 0xfffffffffffdaULL : 0xffffffffffffeULL), r->v[i]);
}

/* The representative in [0, p), in limbs below 2^51. */
ALWAYS_INLINE void fe_canonical(fe *r, const fe *a)
{
    carry_into(r, a->v[0], a->v[1], a->v[2], a->v[3], a->v[4]);
    __m512i q = _mm512_srli_epi64(_mm512_add_epi64(r->v[0], each(19)), 51);
    for (int i = 1; i < 5; i++) q = _mm512_srli_epi64(_mm512_add_epi64(r->v[i], q), 51);
    __m512i carry = times_19(q);
    for (int i = 0; i < 5; i++) {
        carry = _mm512_add_epi64(carry, r->v[i]);
        r->v[i] = low_limb(carry);
        carry = _mm512_srli_epi64(carry, 51);
    }
}

ALWAYS_INLINE lane_mask fe_is_zero(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    __m512i any = _mm512_or_si512(_mm512_or_si512(c.v[0], c.v[1]),
                                  _mm512_or_si512(c.v[2], _mm512_or_si512(c.v[3], c.v[4])));
    return _mm512_cmpeq_epi64_mask(any, _mm512_setzero_si512());
}

ALWAYS_INLINE lane_mask fe_is_negative(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    return _mm512_test_epi64_mask(c.v[0], each(1));
}

/* out[i] = word i of each lane, of eight; words of no interest are not computed. */
ALWAYS_INLINE void transpose(__m512i out[8], const __m512i row[LANES])
{
    __m512i pair[8], quad[8];
    UNROLL
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
    }
    /* pair[2m] holds the even words of lanes 2m, 2m + 1, pair[2m + 1] the odd ones. */
    UNROLL
    for (int odd = 0; odd < 2; odd++) {
        quad[odd] = _mm512_shuffle_i64x2(pair[odd], pair[2 + odd], 0x44);
        quad[2 + odd] = _mm512_shuffle_i64x2(pair[odd], pair[2 + odd], 0xee);
        quad[4 + odd] = _mm512_shuffle_i64x2(pair[4 + odd], pair[6 + odd], 0x44);
        quad[6 + odd] = _mm512_shuffle_i64x2(pair[4 + odd], pair[6 + odd], 0xee);
    }
    UNROLL
    for (int odd = 0; odd < 2; odd++) {
        out[odd] = _mm512_shuffle_i64x2(quad[odd], quad[4 + odd], 0x88);
        out[2 + odd] = _mm512_shuffle_i64x2(quad[odd], quad[4 + odd], 0xdd);
        out[4 + odd] = _mm512_shuffle_i64x2(quad[2 + odd], quad[6 + odd], 0x88);
        out[6 + odd] = _mm512_shuffle_i64x2(quad[2 + odd], quad[6 + odd], 0xdd);
    }
}

/* out[i] = word i of each lane, of eight. */
ALWAYS_INLINE void load_lines(fe_words out[8], const uint64_t *const lines[LANES])
{
    __m512i row[LANES];
    for (int lane = 0; lane < LANES; lane++) row[lane] = _mm512_loadu_si512(lines[lane]);
    transpose(out, row);
}

/* Limbs of 51 bits, and a little more, lane by lane, at limbs[lane] .. limbs[lane] + 4. */
ALWAYS_INLINE void fe_load_limbs(fe *r, const uint64_t *const limbs[LANES])
{
    __m512i row[LANES], out[8];
    for (int lane = 0; lane < LANES; lane++) row[lane] = _mm512_maskz_loadu_epi64(0x1f, limbs[lane]);
    transpose(out, row);
    for (int i = 0; i < 5; i++) r->v[i] = out[i];
}

/* Canonical limbs, lane by lane. */
ALWAYS_INLINE void fe_store_limbs(uint64_t limbs[LANES][5], const fe *a)
{
    fe c;
    uint64_t rows[5][LANES];
    fe_canonical(&c, a);
    for (int i = 0; i < 5; i++) _mm512_storeu_si512(rows[i], c.v[i]);
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 5; i++) limbs[lane][i] = rows[i][lane];
}

/* An element's words as they are kept in tables, lane by lane: canonical limbs. */
#define fe_store_words fe_store_limbs
