/* GF(2^255 - 19), eight elements side by side, five limbs of 51 bits, by the 52-bit multiply-add of AVX-512 IFMA.
 *
 * A multiplier reads the low 52 bits of a limb and drops the rest, so limbs have to stay below 2^52: every function
 * carries before it returns. (Two reduced elements have sums of up to 2^52 + 2^17, which random tests hardly meet.) */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
typedef struct {
    __m512i v[5];
} fe;
typedef uint32_t lane_mask;
#define ALL_LANES 0xffu

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

/* The high half of a product of limbs i and j has weight 2^(51 (i + j) + 52) = 2 * 2^(51 (i + j + 1)), so it is doubled
 * on its way to the next column; 2^255 = 19 folds columns 5 to 9. */
ALWAYS_INLINE void fold_columns(fe *r, const __m512i low[9], const __m512i high[9])
{
    __m512i column[10];
    column[0] = low[0];
    for (int k = 1; k < 9; k++) column[k] = _mm512_add_epi64(low[k], _mm512_add_epi64(high[k - 1], high[k - 1]));
    column[9] = _mm512_add_epi64(high[8], high[8]);
    carry_into(r, _mm512_add_epi64(column[0], times_19(column[5])), _mm512_add_epi64(column[1], times_19(column[6])),
               _mm512_add_epi64(column[2], times_19(column[7])), _mm512_add_epi64(column[3], times_19(column[8])),
               _mm512_add_epi64(column[4], times_19(column[9])));
}

ALWAYS_INLINE void fe_mul(fe *r, const fe *a, const fe *b)
{
    __m512i low[9], high[9];
    for (int k = 0; k < 9; k++) low[k] = high[k] = _mm512_setzero_si512();
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], a->v[i], b->v[j]);
            high[i + j] = _mm512_madd52hi_epu64(high[i + j], a->v[i], b->v[j]);
        }
    fold_columns(r, low, high);
}

ALWAYS_INLINE void fe_sq(fe *r, const fe *a)
{
    __m512i low[9], high[9];
    for (int k = 0; k < 9; k++) low[k] = high[k] = _mm512_setzero_si512();
    for (int i = 0; i < 5; i++)
        for (int j = i + 1; j < 5; j++) {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], a->v[i], a->v[j]);
            high[i + j] = _mm512_madd52hi_epu64(high[i + j], a->v[i], a->v[j]);
        }
    for (int k = 1; k < 8; k++) {
        low[k] = _mm512_slli_epi64(low[k], 1);
        high[k] = _mm512_slli_epi64(high[k], 1);
    }
    for (int i = 0; i < 5; i++) {
        low[2 * i] = _mm512_madd52lo_epu64(low[2 * i], a->v[i], a->v[i]);
        high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a->v[i], a->v[i]);
    }
    fold_columns(r, low, high);
}

/* r = b in the lanes of the mask, else a. */
ALWAYS_INLINE void fe_select(fe *r, const fe *a, const fe *b, lane_mask mask)
{
    for (int i = 0; i < 5; i++) r->v[i] = _mm512_mask_blend_epi64((__mmask8)mask, a->v[i], b->v[i]);
}

/* Negates the lanes of the mask of an element with canonical limbs: 2p leaves them below 2^52. */
ALWAYS_INLINE void fe_negate_canonical(fe *r, lane_mask mask)
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

/* Limbs of 51 bits, lane by lane, at limbs[lane] .. limbs[lane] + 4. */
ALWAYS_INLINE void fe_load_limbs(fe *r, const uint64_t *const limbs[LANES])
{
    __m512i row[8], pair[8], quad[8];
    for (int lane = 0; lane < LANES; lane++) row[lane] = _mm512_maskz_loadu_epi64(0x1f, limbs[lane]);
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
        pair[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
    }
    /* pair[2m] holds limbs 0, 2, 4 of lanes 2m, 2m + 1, pair[2m + 1] limbs 1, 3. */
    for (int odd = 0; odd < 2; odd++) {
        quad[odd] = _mm512_shuffle_i64x2(pair[odd], pair[2 + odd], 0x44);     /* limbs 0|1, 2|3 of lanes 0..3 */
        quad[2 + odd] = _mm512_shuffle_i64x2(pair[4 + odd], pair[6 + odd], 0x44);
        r->v[odd] = _mm512_shuffle_i64x2(quad[odd], quad[2 + odd], 0x88);
        r->v[2 + odd] = _mm512_shuffle_i64x2(quad[odd], quad[2 + odd], 0xdd);
    }
    quad[4] = _mm512_shuffle_i64x2(pair[0], pair[2], 0xaa); /* limb 4 */
    quad[5] = _mm512_shuffle_i64x2(pair[4], pair[6], 0xaa);
    r->v[4] = _mm512_shuffle_i64x2(quad[4], quad[5], 0x88);
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
