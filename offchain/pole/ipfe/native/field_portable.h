/* GF(2^255 - 19), one element, five limbs of 51 bits in 64-bit words.
 *
 * A field header defines LANES, `fe` (LANES elements side by side) and the functions below. Every function takes and
 * returns limbs small enough for every other; a lane_mask has one bit a lane. */
#include <stdint.h>
#include <string.h>

#define LANES 1
/* What a limb is in: a word for each lane. */
typedef uint64_t fe_words;
typedef struct {
    fe_words v[5];
} fe;
typedef uint32_t lane_mask;
#define ALL_LANES 1u

typedef unsigned __int128 uint128_t;
static const uint64_t LIMB = (UINT64_C(1) << 51) - 1;

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Limbs up to 2^63 become limbs up to 2^51 + 2^18. */
static inline void fe_reduce(fe *r, const fe *a)
{
    uint64_t c0 = a->v[0] >> 51, c1 = a->v[1] >> 51, c2 = a->v[2] >> 51, c3 = a->v[3] >> 51, c4 = a->v[4] >> 51;
    r->v[0] = (a->v[0] & LIMB) + 19 * c4;
    r->v[1] = (a->v[1] & LIMB) + c0;
    r->v[2] = (a->v[2] & LIMB) + c1;
    r->v[3] = (a->v[3] & LIMB) + c2;
    r->v[4] = (a->v[4] & LIMB) + c3;
}

static inline void fe_splat(fe *r, const uint64_t limbs[5])
{
    memcpy(r->v, limbs, sizeof r->v);
}

/* Loose sums and differences, up to 2^54; the subtrahend may not be loose, the others may. */
static inline void fe_add_loose(fe *r, const fe *a, const fe *b)
{
    for (int i = 0; i < 5; i++) r->v[i] = a->v[i] + b->v[i];
}

static inline void fe_sub_loose(fe *r, const fe *a, const fe *b)
{
    /* 4p keeps every limb positive. */
    r->v[0] = a->v[0] + 0x1fffffffffffb4ULL - b->v[0];
    for (int i = 1; i < 5; i++) r->v[i] = a->v[i] + 0x1ffffffffffffcULL - b->v[i];
}

static inline void fe_add(fe *r, const fe *a, const fe *b)
{
    fe_add_loose(r, a, b);
    fe_reduce(r, r);
}

static inline void fe_sub(fe *r, const fe *a, const fe *b)
{
    fe_sub_loose(r, a, b);
    fe_reduce(r, r);
}

static inline void fe_negate(fe *r, const fe *a)
{
    fe zero = {{0}};
    fe_sub(r, &zero, a);
}

/* One of the factors may be loose. */
ALWAYS_INLINE void fe_mul(fe *r, const fe *a, const fe *b)
{
    uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
    uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
#define M(x, y) ((uint128_t)(x) * (y))
    uint128_t t0 = M(a0, b0) + M(a1, c4) + M(a2, c3) + M(a3, c2) + M(a4, c1);
    uint128_t t1 = M(a0, b1) + M(a1, b0) + M(a2, c4) + M(a3, c3) + M(a4, c2);
    uint128_t t2 = M(a0, b2) + M(a1, b1) + M(a2, b0) + M(a3, c4) + M(a4, c3);
    uint128_t t3 = M(a0, b3) + M(a1, b2) + M(a2, b1) + M(a3, b0) + M(a4, c4);
    uint128_t t4 = M(a0, b4) + M(a1, b3) + M(a2, b2) + M(a3, b1) + M(a4, b0);
#undef M
    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    uint64_t low = ((uint64_t)t0 & LIMB) + 19 * (uint64_t)(t4 >> 51);
    r->v[0] = low & LIMB;
    r->v[1] = ((uint64_t)t1 & LIMB) + (low >> 51);
    r->v[2] = (uint64_t)t2 & LIMB;
    r->v[3] = (uint64_t)t3 & LIMB;
    r->v[4] = (uint64_t)t4 & LIMB;
}

static inline void fe_sq(fe *r, const fe *a)
{
    uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
    uint64_t d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2, n3 = 19 * a3, n4 = 19 * a4;
#define M(x, y) ((uint128_t)(x) * (y))
    uint128_t t0 = M(a0, a0) + M(d1, n4) + M(d2, n3);
    uint128_t t1 = M(d0, a1) + M(d2, n4) + M(a3, n3);
    uint128_t t2 = M(d0, a2) + M(a1, a1) + M(2 * a3, n4);
    uint128_t t3 = M(d0, a3) + M(d1, a2) + M(a4, n4);
    uint128_t t4 = M(d0, a4) + M(d1, a3) + M(a2, a2);
#undef M
    t1 += (uint64_t)(t0 >> 51);
    t2 += (uint64_t)(t1 >> 51);
    t3 += (uint64_t)(t2 >> 51);
    t4 += (uint64_t)(t3 >> 51);
    uint64_t low = ((uint64_t)t0 & LIMB) + 19 * (uint64_t)(t4 >> 51);
    r->v[0] = low & LIMB;
    r->v[1] = ((uint64_t)t1 & LIMB) + (low >> 51);
    r->v[2] = (uint64_t)t2 & LIMB;
    r->v[3] = (uint64_t)t3 & LIMB;
    r->v[4] = (uint64_t)t4 & LIMB;
}

/* r = b where the mask is set, else a. */
static inline void fe_select(fe *r, const fe *a, const fe *b, lane_mask mask)
{
    uint64_t take = 0 - (uint64_t)(mask & 1);
    for (int i = 0; i < 5; i++) r->v[i] = (a->v[i] & ~take) | (b->v[i] & take);
}

/* Negates the lanes of the mask of an element with canonical limbs. */
static inline void fe_negate_lanes(fe *r, lane_mask mask)
{
    fe negative;
    for (int i = 0; i < 5; i++) negative.v[i] = (i == 0 ? 0xfffffffffffdaULL : 0xffffffffffffeULL) - r->v[i];
    fe_select(r, r, &negative, mask);
}

/* The representative in [0, p), in limbs below 2^51. */
static inline void fe_canonical(fe *r, const fe *a)
{
    fe_reduce(r, a);
    uint64_t q = (r->v[0] + 19) >> 51;
    for (int i = 1; i < 5; i++) q = (r->v[i] + q) >> 51;
    uint64_t carry = 19 * q;
    for (int i = 0; i < 5; i++) {
        carry += r->v[i];
        r->v[i] = carry & LIMB;
        carry >>= 51;
    }
}

static inline lane_mask fe_is_zero(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    return (c.v[0] | c.v[1] | c.v[2] | c.v[3] | c.v[4]) == 0;
}

static inline lane_mask fe_is_negative(const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    return (lane_mask)(c.v[0] & 1);
}

/* Limbs of 51 bits, lane by lane, at limbs[lane] .. limbs[lane] + 4. */
static inline void fe_load_limbs(fe *r, const uint64_t *const limbs[LANES])
{
    memcpy(r->v, limbs[0], sizeof r->v);
}

/* Canonical limbs, lane by lane. */
static inline void fe_store_limbs(uint64_t limbs[LANES][5], const fe *a)
{
    fe c;
    fe_canonical(&c, a);
    memcpy(limbs[0], c.v, sizeof c.v);
}

/* An element's words as they are kept in tables, lane by lane: canonical limbs. */
#define fe_store_words fe_store_limbs

/* out[i] = word i of each lane, of eight. */
static inline void load_lines(fe_words out[8], const uint64_t *const lines[LANES])
{
    memcpy(out, lines[0], 8 * sizeof *out);
}
