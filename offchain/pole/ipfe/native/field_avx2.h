/* GF(2^255 - 19), four elements side by side, ten limbs of 26 and 25 bits in turn, by AVX2's 32-bit multiplication.
 *
 * A multiplier reads the low 32 bits of a limb, and 19 b_j has to fit, so every function carries before it returns. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 4
typedef struct {
    __m256i v[10];
} fe;
typedef uint32_t lane_mask;
#define ALL_LANES 0xfu

/* Limb numbers have to be constants: they decide shifts, masks and factors. */
#define UNROLL _Pragma("GCC unroll 10")

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE __m256i each(uint64_t value)
{
    return _mm256_set1_epi64x((long long)value);
}

ALWAYS_INLINE int width_of(int limb)
{
    return limb % 2 ? 25 : 26;
}

ALWAYS_INLINE __m256i low_limb(__m256i a, int limb)
{
    return _mm256_and_si256(a, each((UINT64_C(1) << width_of(limb)) - 1));
}

ALWAYS_INLINE __m256i times_19(__m256i a)
{
    return _mm256_add_epi64(_mm256_add_epi64(_mm256_slli_epi64(a, 4), _mm256_slli_epi64(a, 1)), a);
}

/* Every limb hands its excess to the next, all at once: limbs up to 2^62 shrink to 2^42, those to 2^26 + 2^21, those to
 * 2^26 + 2^6. */
ALWAYS_INLINE void carry_once(fe *r)
{
    __m256i excess[10];
    UNROLL
    for (int i = 0; i < 10; i++) {
        excess[i] = _mm256_srli_epi64(r->v[i], width_of(i));
        r->v[i] = low_limb(r->v[i], i);
    }
    r->v[0] = _mm256_add_epi64(r->v[0], times_19(excess[9]));
    UNROLL
    for (int i = 1; i < 10; i++) r->v[i] = _mm256_add_epi64(r->v[i], excess[i - 1]);
}

ALWAYS_INLINE void fe_splat(fe *r, const uint64_t limbs[5])
{
    UNROLL
    for (int i = 0; i < 5; i++) {
        r->v[2 * i] = each(limbs[i] & ((1u << 26) - 1));
        r->v[2 * i + 1] = each(limbs[i] >> 26);
    }
}

ALWAYS_INLINE void fe_add(fe *r, const fe *a, const fe *b)
{
    UNROLL
    for (int i = 0; i < 10; i++) r->v[i] = _mm256_add_epi64(a->v[i], b->v[i]);
    carry_once(r);
}

/* 4p keeps every limb positive. */
ALWAYS_INLINE void fe_sub(fe *r, const fe *a, const fe *b)
{
    UNROLL
    for (int i = 0; i < 10; i++) {
        __m256i p = each(i == 0 ? 0xfffffb4u : i % 2 ? 0x7fffffcu : 0xffffffcu);
        r->v[i] = _mm256_sub_epi64(_mm256_add_epi64(a->v[i], p), b->v[i]);
    }
    carry_once(r);
}

/* Keeps the ten sums in registers between two rows; without it the compiler reorders all products and spills. */
#define END_OF_ROW(sum)                                                                                              \
    __asm__("" : "+x"((sum)[0]), "+x"((sum)[1]), "+x"((sum)[2]), "+x"((sum)[3]), "+x"((sum)[4]), "+x"((sum)[5]),     \
            "+x"((sum)[6]), "+x"((sum)[7]), "+x"((sum)[8]), "+x"((sum)[9]))

/* Not inlined: formulas of many multiplications would spill more than the calls cost.
 * Limbs i and j meet at 2^(ceil(25.5 i) + ceil(25.5 j)), which is twice the place of limb i + j where both are odd. */
static __attribute__((noinline)) void fe_mul(fe *r, const fe *a, const fe *b)
{
    __m256i sum[10], b19[10];
    UNROLL
    for (int k = 0; k < 10; k++) sum[k] = _mm256_setzero_si256();
    UNROLL
    for (int j = 1; j < 10; j++) b19[j] = _mm256_mul_epu32(b->v[j], each(19));
    UNROLL
    for (int i = 0; i < 10; i++) {
        __m256i once = a->v[i], twice = _mm256_add_epi64(once, once);
        UNROLL
        for (int j = 0; j < 10; j++) {
            __m256i factor = i % 2 && j % 2 ? twice : once;
            __m256i product = _mm256_mul_epu32(factor, i + j < 10 ? b->v[j] : b19[j]);
            sum[(i + j) % 10] = _mm256_add_epi64(sum[(i + j) % 10], product);
        }
        END_OF_ROW(sum);
    }
    memcpy(r->v, sum, sizeof sum);
    carry_once(r);
    carry_once(r);
}

static __attribute__((noinline)) void fe_sq(fe *r, const fe *a)
{
    __m256i sum[10], a19[10];
    UNROLL
    for (int k = 0; k < 10; k++) sum[k] = _mm256_setzero_si256();
    UNROLL
    for (int j = 5; j < 10; j++) a19[j] = _mm256_mul_epu32(a->v[j], each(19));
    UNROLL
    for (int i = 0; i < 10; i++) {
        __m256i once = a->v[i], twice = _mm256_add_epi64(once, once), four_times = _mm256_add_epi64(twice, twice);
        UNROLL
        for (int j = i; j < 10; j++) {
            int doublings = (i % 2 && j % 2) + (j > i);
            __m256i factor = doublings == 0 ? once : doublings == 1 ? twice : four_times;
            __m256i product = _mm256_mul_epu32(factor, i + j < 10 ? a->v[j] : a19[j]);
            sum[(i + j) % 10] = _mm256_add_epi64(sum[(i + j) % 10], product);
        }
        END_OF_ROW(sum);
    }
    memcpy(r->v, sum, sizeof sum);
    carry_once(r);
    carry_once(r);
}

/* r = b in the lanes of the mask, else a. */
ALWAYS_INLINE void fe_select(fe *r, const fe *a, const fe *b, lane_mask mask)
{
    __m256i bits = _mm256_set_epi64x(8, 4, 2, 1);
    __m256i take = _mm256_cmpeq_epi64(_mm256_and_si256(each(mask), bits), bits);
    UNROLL
    for (int i = 0; i < 10; i++) r->v[i] = _mm256_blendv_epi8(a->v[i], b->v[i], take);
}

/* Negates the lanes of the mask of an element with canonical limbs: 2p leaves them below 2^27 and 2^26, of which 19 times
 * fits a multiplier. */
ALWAYS_INLINE void fe_negate_canonical(fe *r, lane_mask mask)
{
    fe negative;
    UNROLL
    for (int i = 0; i < 10; i++)
        negative.v[i] = _mm256_sub_epi64(each(i == 0 ? 0x7ffffdau : i % 2 ? 0x3fffffeu : 0x7fffffeu), r->v[i]);
    fe_select(r, r, &negative, mask);
}

/* The representative in [0, p), in limbs below 2^26 and 2^25. */
ALWAYS_INLINE void fe_canonical(fe *r, const fe *a)
{
    *r = *a;
    carry_once(r);
    __m256i q = _mm256_srli_epi64(_mm256_add_epi64(r->v[0], each(19)), 26);
    UNROLL
    for (int i = 1; i < 10; i++) q = _mm256_srli_epi64(_mm256_add_epi64(r->v[i], q), width_of(i));
    __m256i carry = times_19(q);
    UNROLL
    for (int i = 0; i < 10; i++) {
        carry = _mm256_add_epi64(carry, r->v[i]);
        r->v[i] = low_limb(carry, i);
        carry = _mm256_srli_epi64(carry, width_of(i));
    }
}

ALWAYS_INLINE lane_mask lanes_of(__m256i mask)
{
    return (lane_mask)_mm256_movemask_pd(_mm256_castsi256_pd(mask));
}

ALWAYS_INLINE lane_mask fe_is_zero(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    __m256i any = c.v[0];
    UNROLL
    for (int i = 1; i < 10; i++) any = _mm256_or_si256(any, c.v[i]);
    return lanes_of(_mm256_cmpeq_epi64(any, _mm256_setzero_si256()));
}

ALWAYS_INLINE lane_mask fe_is_negative(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    return lanes_of(_mm256_slli_epi64(c.v[0], 63));
}

/* Limbs of 51 bits, lane by lane, at limbs[lane] .. limbs[lane] + 4. */
ALWAYS_INLINE void fe_load_limbs(fe *r, const uint64_t *const limbs[LANES])
{
    __m256i row[LANES], wide[5];
    for (int lane = 0; lane < LANES; lane++) row[lane] = _mm256_loadu_si256((const __m256i *)limbs[lane]);
    __m256i low01 = _mm256_unpacklo_epi64(row[0], row[1]), high01 = _mm256_unpackhi_epi64(row[0], row[1]);
    __m256i low23 = _mm256_unpacklo_epi64(row[2], row[3]), high23 = _mm256_unpackhi_epi64(row[2], row[3]);
    wide[0] = _mm256_permute2x128_si256(low01, low23, 0x20);
    wide[1] = _mm256_permute2x128_si256(high01, high23, 0x20);
    wide[2] = _mm256_permute2x128_si256(low01, low23, 0x31);
    wide[3] = _mm256_permute2x128_si256(high01, high23, 0x31);
    wide[4] = _mm256_set_epi64x((long long)limbs[3][4], (long long)limbs[2][4], (long long)limbs[1][4],
                                (long long)limbs[0][4]);
    UNROLL
    for (int i = 0; i < 5; i++) {
        r->v[2 * i] = low_limb(wide[i], 0);
        r->v[2 * i + 1] = _mm256_srli_epi64(wide[i], 26);
    }
}

/* Canonical limbs of 51 bits, lane by lane. */
ALWAYS_INLINE void fe_store_limbs(uint64_t limbs[LANES][5], const fe *a)
{
    fe c;
    uint64_t rows[5][LANES];
    fe_canonical(&c, a);
    UNROLL
    for (int i = 0; i < 5; i++)
        _mm256_storeu_si256((__m256i *)rows[i], _mm256_or_si256(c.v[2 * i], _mm256_slli_epi64(c.v[2 * i + 1], 26)));
    for (int lane = 0; lane < LANES; lane++)
        UNROLL
        for (int i = 0; i < 5; i++) limbs[lane][i] = rows[i][lane];
}
