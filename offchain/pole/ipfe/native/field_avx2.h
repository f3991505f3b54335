/* GF(2^255 - 19), four elements side by side, five limbs of 51 bits and a sign, each a whole number in a double.
 *
 * Two fused multiply-adds give both halves of a product of two limbs without error: AVX2's own multiplication reads 32
 * bits, so that it needs a hundred products where this needs fifty. The halves are added as integers, the bits of the
 * doubles, since doubles of one exponent differ as their bits do.
 *
 * A product of two limbs has to stay within 2^102. Functions return limbs within REDUCED = 2^50 + 2^13, but for those
 * that say "loose"; of the factors of fe_mul one may have limbs up to 3 * REDUCED. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
/* What a limb is in: a word for each lane. */
typedef __m256d fe_words;
typedef struct {
    fe_words v[5];
} fe;
typedef uint32_t lane_mask;
#define ALL_LANES 0xfu

/* Limb numbers have to be constants: they decide how many products meet. */
#define UNROLL _Pragma("GCC unroll 10")

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* 3 * 2^102: a double within 2^102 of it is a multiple of 2^51. 3 * 2^51: one within 2^51 of it is a whole number. */
#define HIGH 0x3p102
#define LOW 0x3p51
#define HIGH_BITS UINT64_C(0x4668000000000000)
#define LOW_BITS UINT64_C(0x4338000000000000)
/* 2^52, whose mantissa is free for what is below 2^52. */
#define WHOLE 0x1p52
#define WHOLE_BITS UINT64_C(0x4330000000000000)
#define LIMB_BITS ((UINT64_C(1) << 51) - 1)

ALWAYS_INLINE __m256i each(uint64_t value)
{
    double bits;
    memcpy(&bits, &value, sizeof bits);
    return _mm256_castpd_si256(_mm256_set1_pd(bits));
}

ALWAYS_INLINE __m256d each_double(double value)
{
    return _mm256_set1_pd(value);
}

ALWAYS_INLINE __m256i bits_of(__m256d a)
{
    return _mm256_castpd_si256(a);
}

ALWAYS_INLINE __m256d double_of(__m256i bits)
{
    return _mm256_castsi256_pd(bits);
}

/* 19 a, for whole words. */
ALWAYS_INLINE __m256i times_19(__m256i a)
{
    return _mm256_add_epi64(_mm256_add_epi64(_mm256_slli_epi64(a, 4), _mm256_slli_epi64(a, 1)), a);
}

/* Every limb, up to 2^53, hands what is beyond 51 bits to the next. */
ALWAYS_INLINE void fe_reduce(fe *r, const fe *a)
{
    __m256d carry[5], high = each_double(HIGH);
    UNROLL
    for (int i = 0; i < 5; i++) carry[i] = _mm256_sub_pd(_mm256_add_pd(a->v[i], high), high);
    UNROLL
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm256_fmadd_pd(carry[(i + 4) % 5], each_double(i == 0 ? 0x13p-51 : 0x1p-51),
                                  _mm256_sub_pd(a->v[i], carry[i]));
}

ALWAYS_INLINE void fe_splat(fe *r, const uint64_t limbs[5])
{
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = each_double((double)limbs[i]);
    fe_reduce(r, r);
}

/* Loose sums and differences; the subtrahend may not be loose, the others may. */
ALWAYS_INLINE void fe_add_loose(fe *r, const fe *a, const fe *b)
{
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = _mm256_add_pd(a->v[i], b->v[i]);
}

ALWAYS_INLINE void fe_sub_loose(fe *r, const fe *a, const fe *b)
{
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = _mm256_sub_pd(a->v[i], b->v[i]);
}

ALWAYS_INLINE void fe_add(fe *r, const fe *a, const fe *b)
{
    fe_add_loose(r, a, b);
    fe_reduce(r, r);
}

ALWAYS_INLINE void fe_sub(fe *r, const fe *a, const fe *b)
{
    fe_sub_loose(r, a, b);
    fe_reduce(r, r);
}

ALWAYS_INLINE void fe_negate(fe *r, const fe *a)
{
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = _mm256_xor_pd(a->v[i], each_double(-0.0));
}

/* Adds both halves of a b to their columns, with LOW_BITS and HIGH_BITS. */
ALWAYS_INLINE void add_product(__m256i *low, __m256i *high, __m256d a, __m256d b)
{
    __m256d upper = _mm256_fmadd_pd(a, b, each_double(HIGH));
    __m256d lower = _mm256_fmadd_pd(a, b, _mm256_sub_pd(each_double(HIGH + LOW), upper));
    *low = _mm256_add_epi64(*low, bits_of(lower));
    *high = _mm256_add_epi64(*high, bits_of(upper));
}

/* How many products i <= k, j = k - i have for limbs i, j < 5; those of a square come in pairs. */
ALWAYS_INLINE uint64_t products_of(int column, int square)
{
    int count = column < 0 || column > 8 ? 0 : column < 5 ? column + 1 : 9 - column;
    return (uint64_t)(square ? (count + 1) / 2 : count);
}

/* What limb k has too much after the columns are folded, and what keeps it positive, below 2^61, and rounds its carry. */
#define ROUND (UINT64_C(1) << 50)
#define POSITIVE (UINT64_C(1) << 60)
ALWAYS_INLINE uint64_t correction_of(int k, int square)
{
    uint64_t low = products_of(k, square) + 19 * products_of(k + 5, square);
    uint64_t high = products_of(k - 1, square) + 19 * products_of(k + 4, square);
    return POSITIVE + ROUND - low * LOW_BITS - high * HIGH_BITS;
}

/* Columns 5 to 9 fold by 2^255 = 19; limbs within 2^59 become limbs within 2^50 + 19 * 2^8. */
ALWAYS_INLINE void fold_columns(fe *r, const __m256i column[10], int square)
{
    __m256i limb[5], carry[5];
    UNROLL
    for (int k = 0; k < 5; k++) {
        limb[k] = _mm256_add_epi64(_mm256_add_epi64(column[k], each(correction_of(k, square))), times_19(column[k + 5]));
        carry[k] = _mm256_srli_epi64(limb[k], 51);
    }
    UNROLL
    for (int k = 0; k < 5; k++) {
        __m256i whole = _mm256_or_si256(_mm256_and_si256(limb[k], each(LIMB_BITS)), each(WHOLE_BITS));
        __m256i from = k == 0 ? _mm256_mul_epu32(carry[4], each(19)) : carry[k - 1];
        double bias = WHOLE + (double)ROUND + (double)((k == 0 ? 19 : 1) * (POSITIVE >> 51));
        r->v[k] = _mm256_sub_pd(double_of(_mm256_add_epi64(whole, from)), each_double(bias));
    }
}

/* Keeps the products of a column together; without it the compiler takes all at once and spills. */
#define END_OF_COLUMN(sum) __asm__("" : "+x"(sum))

ALWAYS_INLINE void fe_mul(fe *r, const fe *a, const fe *b)
{
    __m256i column[10];
    column[0] = _mm256_setzero_si256();
    UNROLL
    for (int k = 0; k < 9; k++) {
        column[k + 1] = _mm256_setzero_si256();
        UNROLL
        for (int i = 0; i < 5; i++)
            if (k - i >= 0 && k - i < 5) add_product(&column[k], &column[k + 1], a->v[i], b->v[k - i]);
        END_OF_COLUMN(column[k]);
    }
    fold_columns(r, column, 0);
}

/* The factor may not be loose. */
ALWAYS_INLINE void fe_sq(fe *r, const fe *a)
{
    __m256i column[10];
    __m256d twice[4];
    UNROLL
    for (int i = 0; i < 4; i++) twice[i] = _mm256_add_pd(a->v[i], a->v[i]);
    column[0] = _mm256_setzero_si256();
    UNROLL
    for (int k = 0; k < 9; k++) {
        column[k + 1] = _mm256_setzero_si256();
        UNROLL
        for (int i = 0; 2 * i <= k; i++)
            if (k - i < 5) add_product(&column[k], &column[k + 1], 2 * i < k ? twice[i] : a->v[i], a->v[k - i]);
        END_OF_COLUMN(column[k]);
    }
    fold_columns(r, column, 1);
}

ALWAYS_INLINE __m256d lanes_in(lane_mask mask)
{
    __m256i bits = _mm256_set_epi64x(8, 4, 2, 1);
    return double_of(_mm256_cmpeq_epi64(_mm256_and_si256(each(mask), bits), bits));
}

/* r = b in the lanes of the mask, else a. */
ALWAYS_INLINE void fe_select(fe *r, const fe *a, const fe *b, lane_mask mask)
{
    __m256d take = lanes_in(mask);
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = _mm256_blendv_pd(a->v[i], b->v[i], take);
}

/* Negates the lanes of the mask. */
ALWAYS_INLINE void fe_negate_lanes(fe *r, lane_mask mask)
{
    __m256d sign = _mm256_and_pd(lanes_in(mask), each_double(-0.0));
    UNROLL
    for (int i = 0; i < 5; i++) r->v[i] = _mm256_xor_pd(r->v[i], sign);
}

/* The representative in [0, p), in limbs below 2^51, as integers. */
ALWAYS_INLINE void canonical_limbs(__m256i r[5], const fe *a)
{
    __m256i limb[5], mask = each(LIMB_BITS);
    /* 2p keeps every limb positive. */
    UNROLL
    for (int i = 0; i < 5; i++) {
        uint64_t p = i == 0 ? 0xfffffffffffdaULL : 0xffffffffffffeULL;
        limb[i] = _mm256_add_epi64(bits_of(_mm256_add_pd(a->v[i], each_double(LOW))), each(p - LOW_BITS));
    }
    UNROLL
    for (int i = 0; i < 5; i++) {
        __m256i from = _mm256_srli_epi64(limb[(i + 4) % 5], 51);
        r[i] = _mm256_add_epi64(_mm256_and_si256(limb[i], mask), i == 0 ? _mm256_mul_epu32(from, each(19)) : from);
    }
    __m256i q = _mm256_srli_epi64(_mm256_add_epi64(r[0], each(19)), 51);
    UNROLL
    for (int i = 1; i < 5; i++) q = _mm256_srli_epi64(_mm256_add_epi64(r[i], q), 51);
    __m256i carry = _mm256_mul_epu32(q, each(19));
    UNROLL
    for (int i = 0; i < 5; i++) {
        carry = _mm256_add_epi64(carry, r[i]);
        r[i] = _mm256_and_si256(carry, mask);
        carry = _mm256_srli_epi64(carry, 51);
    }
}

ALWAYS_INLINE lane_mask lanes_of(__m256i mask)
{
    return (lane_mask)_mm256_movemask_pd(double_of(mask));
}

ALWAYS_INLINE lane_mask fe_is_zero(const fe *a)
{
    __m256i c[5];
    canonical_limbs(c, a);
    __m256i any = _mm256_or_si256(_mm256_or_si256(c[0], c[1]), _mm256_or_si256(c[2], _mm256_or_si256(c[3], c[4])));
    return lanes_of(_mm256_cmpeq_epi64(any, _mm256_setzero_si256()));
}

ALWAYS_INLINE lane_mask fe_is_negative(const fe *a)
{
    __m256i c[5];
    canonical_limbs(c, a);
    return lanes_of(_mm256_slli_epi64(c[0], 63));
}

/* out[i] = word i of each lane, of four. */
ALWAYS_INLINE void transpose(__m256d out[4], const __m256d row[LANES])
{
    __m256d low01 = _mm256_unpacklo_pd(row[0], row[1]), high01 = _mm256_unpackhi_pd(row[0], row[1]);
    __m256d low23 = _mm256_unpacklo_pd(row[2], row[3]), high23 = _mm256_unpackhi_pd(row[2], row[3]);
    out[0] = _mm256_permute2f128_pd(low01, low23, 0x20);
    out[1] = _mm256_permute2f128_pd(high01, high23, 0x20);
    out[2] = _mm256_permute2f128_pd(low01, low23, 0x31);
    out[3] = _mm256_permute2f128_pd(high01, high23, 0x31);
}

/* out[i] = word i of each lane, of eight. */
ALWAYS_INLINE void load_lines(fe_words out[8], const uint64_t *const lines[LANES])
{
    __m256d row[LANES];
    for (int half = 0; half < 8; half += 4) {
        for (int lane = 0; lane < LANES; lane++) row[lane] = _mm256_loadu_pd((const double *)(lines[lane] + half));
        transpose(out + half, row);
    }
}

/* An element's words as they are kept in tables, lane by lane. */
ALWAYS_INLINE void fe_store_words(uint64_t words[LANES][5], const fe *a)
{
    uint64_t rows[5][LANES];
    UNROLL
    for (int i = 0; i < 5; i++) _mm256_storeu_pd((double *)rows[i], a->v[i]);
    for (int lane = 0; lane < LANES; lane++)
        UNROLL
        for (int i = 0; i < 5; i++) words[lane][i] = rows[i][lane];
}

/* Limbs of 51 bits, and a little more, lane by lane, at limbs[lane] .. limbs[lane] + 4. */
ALWAYS_INLINE void fe_load_limbs(fe *r, const uint64_t *const limbs[LANES])
{
    __m256d row[LANES];
    for (int lane = 0; lane < LANES; lane++) row[lane] = _mm256_loadu_pd((const double *)limbs[lane]);
    transpose(r->v, row);
    r->v[4] = double_of(_mm256_set_epi64x((long long)limbs[3][4], (long long)limbs[2][4], (long long)limbs[1][4],
                                          (long long)limbs[0][4]));
    UNROLL
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm256_sub_pd(_mm256_or_pd(r->v[i], each_double(WHOLE)), each_double(WHOLE));
    fe_reduce(r, r);
}

/* Canonical limbs of 51 bits, lane by lane. */
ALWAYS_INLINE void fe_store_limbs(uint64_t limbs[LANES][5], const fe *a)
{
    __m256i c[5];
    canonical_limbs(c, a);
    uint64_t rows[5][LANES];
    UNROLL
    for (int i = 0; i < 5; i++) _mm256_storeu_si256((__m256i *)rows[i], c[i]);
    for (int lane = 0; lane < LANES; lane++)
        UNROLL
        for (int i = 0; i < 5; i++) limbs[lane][i] = rows[i][lane];
}
