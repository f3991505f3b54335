/* The twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2 over any field header: LANES points side by side.
 * Formulas are complete (Hisil, Wong, Carter, Dawson 2008), so no point needs a special case. */
#include "kernel.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A field that gains by it squares several elements at once, and adds products with fewer carries, itself. */
#ifndef OWN_PRODUCTS
/* Squares `n` elements. */
ALWAYS_INLINE void fe_sq_each(fe *r, const fe *a, int n)
{
    for (int i = 0; i < n; i++) fe_sq(&r[i], &a[i]);
}

/* sum = a b + c d, loose, and difference = a b - c d. */
ALWAYS_INLINE void fe_mul_both(fe *sum, fe *difference, const fe *a, const fe *b, const fe *c, const fe *d)
{
    fe ab, cd;
    fe_mul(&ab, a, b);
    fe_mul(&cd, c, d);
    fe_add_loose(sum, &ab, &cd);
    fe_sub(difference, &ab, &cd);
}

/* sum = 2a + b c, difference = 2a - b c, both loose. */
ALWAYS_INLINE void fe_mul_around(fe *sum, fe *difference, const fe *a, const fe *b, const fe *c)
{
    fe twice, bc;
    fe_add_loose(&twice, a, a);
    fe_mul(&bc, b, c);
    fe_add_loose(sum, &twice, &bc);
    fe_sub_loose(difference, &twice, &bc);
}
#endif

/* For long functions off the hot loops, whose copies would crowd those out of the instruction cache. */
#define NOT_INLINED __attribute__((noinline))

typedef struct {
    fe x, y, z, t;
} point;

/* The quotients x = e / g and y = h / f: what an addition ends with, before the multiplications that a next one needs.
 * Here f and h may be loose. */
typedef struct {
    fe e, f, g, h;
} quotients;

/* An affine point as y+x, y-x, 2dxy: its negative swaps the first two. */
typedef struct {
    fe sum[2], t2d;
} column;

static const uint64_t ONE[5] = {1, 0, 0, 0, 0};
static const uint64_t ZERO[5] = {0};
static const uint64_t CURVE_D[5] = {0x34dca135978a3ULL, 0x1a8283b156ebdULL, 0x5e7a26001c029ULL, 0x739c663a03cbbULL,
                                    0x52036cee2b6ffULL};
static const uint64_t CURVE_2D[5] = {0x69b9426b2f159ULL, 0x35050762add7aULL, 0x3cf44c0038052ULL, 0x6738cc7407977ULL,
                                     0x2406d9dc56dffULL};
static const uint64_t INVERSE_D[5] = {0x0f276cdc9f843ULL, 0x3084f2a85c4bcULL, 0x6e73d982d775aULL, 0x721958b108a66ULL, 0x40907ed214d5cULL};
static const uint64_t SQRT_MINUS_ONE[5] = {0x61b274a0ea0b0ULL, 0x0d5a5fc8f189dULL, 0x7ef5e9cbd0c60ULL,
                                           0x78595a6804c9eULL, 0x2b8324804fc1dULL};
static const uint64_t INVSQRT_A_MINUS_D[5] = {0x0fdaa805d40eaULL, 0x2eb482e57d339ULL, 0x007610274bc58ULL,
                                              0x6510b613dc8ffULL, 0x786c8905cfaffULL};
static const uint64_t BASE_X[5] = {0x62d608f25d51aULL, 0x412a4b4f6592aULL, 0x75b7171a4b31dULL, 0x1ff60527118feULL,
                                   0x216936d3cd6e5ULL};
static const uint64_t BASE_Y[5] = {0x6666666666658ULL, 0x4ccccccccccccULL, 0x1999999999999ULL, 0x3333333333333ULL,
                                   0x6666666666666ULL};
/* (q + 1) / 2 times the generator. */
static const uint64_t HALF_BASE_X[5] = {0x09b3f47a63c0dULL, 0x7a81e69b2d7daULL, 0x55a50b5a7a073ULL, 0x3df9b96106de3ULL,
                                        0x4f952aa8a51e1ULL};
static const uint64_t HALF_BASE_Y[5] = {0x22103079919acULL, 0x35c79138618d6ULL, 0x5d6a8ee2e6aa0ULL, 0x2c2a3dfff7c5aULL,
                                        0x70bc44e7a3555ULL};

/* r = the one of a and -a with an even canonical residue. */
static NOT_INLINED void fe_absolute(fe *r, const fe *a)
{
    fe minus;
    fe_negate(&minus, a);
    fe_select(r, a, &minus, fe_is_negative(a));
}

/* How many elements are raised to a power side by side: a processor waits for each squaring of one alone. */
#define ABREAST 2

/* The functions on `n` elements are compiled anew for each constant n. */
ALWAYS_INLINE void fe_mul_each(fe *r, const fe *a, const fe *b, int n)
{
    for (int i = 0; i < n; i++) fe_mul(&r[i], &a[i], &b[i]);
}

ALWAYS_INLINE void fe_squarings(fe *r, const fe *a, int count, int n)
{
    fe_sq_each(r, a, n);
    for (int done = 1; done < count; done++) fe_sq_each(r, r, n);
}

/* power = a^(2^250 - 1), eleventh = a^11. */
ALWAYS_INLINE void fe_power_chain(fe *power, fe *eleventh, const fe *a, int n)
{
    fe a2[ABREAST], a9[ABREAST], t[ABREAST], five[ABREAST], ten[ABREAST], twenty[ABREAST], fifty[ABREAST], hundred[ABREAST];
    fe_squarings(a2, a, 1, n);
    fe_squarings(t, a2, 2, n);
    fe_mul_each(a9, t, a, n);
    fe_mul_each(eleventh, a9, a2, n);
    fe_squarings(t, eleventh, 1, n);
    fe_mul_each(five, t, a9, n); /* 2^5 - 1 */
    fe_squarings(t, five, 5, n);
    fe_mul_each(ten, t, five, n);
    fe_squarings(t, ten, 10, n);
    fe_mul_each(twenty, t, ten, n);
    fe_squarings(t, twenty, 20, n);
    fe_mul_each(t, t, twenty, n);
    fe_squarings(t, t, 10, n);
    fe_mul_each(fifty, t, ten, n);
    fe_squarings(t, fifty, 50, n);
    fe_mul_each(hundred, t, fifty, n);
    fe_squarings(t, hundred, 100, n);
    fe_mul_each(t, t, hundred, n);
    fe_squarings(t, t, 50, n);
    fe_mul_each(power, t, fifty, n);
}

/* r = a^(p - 2). */
static NOT_INLINED void fe_invert(fe *r, const fe *a)
{
    fe power, eleventh;
    fe_power_chain(&power, &eleventh, a, 1);
    fe_squarings(&power, &power, 5, 1);
    fe_mul(r, &power, &eleventh);
}

/* Replaces each of `count` elements by its inverse, and zero by zero (Montgomery's trick); `running` has room for
 * as many. */
static void fe_invert_batch(fe *elements, fe *running, size_t count)
{
    fe product, one, zero;
    fe_splat(&one, ONE);
    fe_splat(&zero, ZERO);
    product = one;
    for (size_t i = 0; i < count; i++) {
        fe factor;
        fe_select(&factor, &elements[i], &one, fe_is_zero(&elements[i]));
        running[i] = product;
        fe_mul(&product, &product, &factor);
    }
    fe_invert(&product, &product);
    for (size_t i = count; i-- > 0;) {
        lane_mask is_zero = fe_is_zero(&elements[i]);
        fe factor, inverse;
        fe_select(&factor, &elements[i], &one, is_zero);
        fe_mul(&inverse, &product, &running[i]);
        fe_mul(&product, &product, &factor);
        fe_select(&elements[i], &inverse, &zero, is_zero);
    }
}

static inline void point_identity(point *r)
{
    fe_splat(&r->x, ZERO);
    fe_splat(&r->y, ONE);
    r->z = r->y;
    r->t = r->x;
}

static void point_splat(point *r, const uint64_t x[5], const uint64_t y[5])
{
    fe_splat(&r->x, x);
    fe_splat(&r->y, y);
    fe_splat(&r->z, ONE);
    fe_mul(&r->t, &r->x, &r->y);
}

/* The order of the products keeps what the next ones, and those of the next addition, wait for off their heels. */
static inline void point_from_quotients(point *r, const quotients *q)
{
    fe_mul(&r->z, &q->f, &q->g);
    fe_mul(&r->t, &q->e, &q->h);
    fe_mul(&r->x, &q->e, &q->f);
    fe_mul(&r->y, &q->g, &q->h);
}

/* A point that only x / z and y / z are asked of: to be doubled, or encoded. */
static inline void point_without_t(point *r, const quotients *q)
{
    fe_mul(&r->z, &q->f, &q->g);
    fe_mul(&r->x, &q->e, &q->f);
    fe_mul(&r->y, &q->g, &q->h);
}

/* p + q, or p - q where negative is 1. */
static inline void sum_with_column(quotients *r, const point *p, const column *q, unsigned negative)
{
    fe a, b, fg[2];
    fe_mul_around(&fg[1 - negative], &fg[negative], &p->z, &p->t, &q->t2d);
    r->f = fg[0];
    fe_reduce(&r->g, &fg[1]);
    fe_sub_loose(&a, &p->y, &p->x);
    fe_add_loose(&b, &p->y, &p->x);
    fe_mul_both(&r->h, &r->e, &b, &q->sum[negative], &a, &q->sum[1 - negative]);
}

static inline void add_column(point *r, const point *p, const column *q, unsigned negative)
{
    quotients sum;
    sum_with_column(&sum, p, q, negative);
    point_from_quotients(r, &sum);
}

/* p + q, or p - q where negative is 1. */
static inline void sum_of_points(quotients *r, const point *p, const point *q, unsigned negative)
{
    fe a, b, c, z, fg[2], sum[2], twice_d;
    fe_splat(&twice_d, CURVE_2D);
    fe_add(&sum[0], &q->y, &q->x);
    fe_sub(&sum[1], &q->y, &q->x);
    fe_mul(&z, &p->z, &q->z);
    fe_mul(&c, &p->t, &q->t);
    fe_mul_around(&fg[1 - negative], &fg[negative], &z, &c, &twice_d);
    r->f = fg[0];
    fe_reduce(&r->g, &fg[1]);
    fe_sub_loose(&a, &p->y, &p->x);
    fe_add_loose(&b, &p->y, &p->x);
    fe_mul_both(&r->h, &r->e, &b, &sum[negative], &a, &sum[1 - negative]);
}

static NOT_INLINED void add_point(point *r, const point *p, const point *q, unsigned negative)
{
    quotients sum;
    sum_of_points(&sum, p, q, negative);
    point_from_quotients(r, &sum);
}

static NOT_INLINED void double_point(point *r, const point *p)
{
    fe a, b, c;
    quotients q;
    fe_sq(&a, &p->x);
    fe_sq(&b, &p->y);
    fe_sq(&c, &p->z);
    fe_add_loose(&c, &c, &c);
    fe_add(&q.e, &p->x, &p->y);
    fe_sq(&q.e, &q.e);
    fe_add_loose(&q.h, &a, &b);
    fe_sub(&q.e, &q.h, &q.e);
    fe_sub(&q.g, &a, &b);
    fe_add_loose(&q.f, &c, &q.g);
    point_from_quotients(r, &q);
}

/* The column of an affine point; xy is its third coordinate. */
static inline void column_from_affine(column *r, const fe *x, const fe *y, const fe *xy)
{
    fe twice_d;
    fe_splat(&twice_d, CURVE_2D);
    fe_add(&r->sum[0], y, x);
    fe_sub(&r->sum[1], y, x);
    fe_mul(&r->t2d, xy, &twice_d);
}

/* The point of a column: 2x, 2y, 2, 2xy. */
static inline void point_from_column(point *r, const column *q)
{
    fe constant;
    fe_sub(&r->x, &q->sum[0], &q->sum[1]);
    fe_add(&r->y, &q->sum[0], &q->sum[1]);
    fe_splat(&r->z, ONE);
    fe_add(&r->z, &r->z, &r->z);
    fe_splat(&constant, INVERSE_D);
    fe_mul(&r->t, &q->t2d, &constant);
}

/* Columns of `count` points; `scratch` has room for 2 * count elements. */
static void columns_from_points(column *out, const point *points, size_t count, fe *scratch)
{
    for (size_t i = 0; i < count; i++) scratch[i] = points[i].z;
    fe_invert_batch(scratch, scratch + count, count);
    for (size_t i = 0; i < count; i++) {
        fe x, y, t;
        fe_mul(&x, &points[i].x, &scratch[i]);
        fe_mul(&y, &points[i].y, &scratch[i]);
        fe_mul(&t, &points[i].t, &scratch[i]);
        column_from_affine(&out[i], &x, &y, &t);
    }
}
