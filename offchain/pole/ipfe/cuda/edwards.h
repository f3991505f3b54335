/* The twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, in the complete formulas of ../native/group.h (Hisil, Wong,
 * Carter, Dawson 2008), and decoding of ristretto255 (RFC 9496). */
#ifndef POLE_CUDA_EDWARDS_H
#define POLE_CUDA_EDWARDS_H

#include "field.h"

struct point {
    fe x, y, z, t;
};

/* An affine point as y+x, y-x, 2dxy: its negative swaps the first two and changes the sign of the third. */
struct column {
    fe sum, difference, t2d;
};

BOTH fe curve_d()
{
    return {{0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d, 0x7779e898, 0x8cc74079, 0x2b6ffe73, 0x52036cee}};
}

BOTH fe curve_2d()
{
    return {{0x26b2f159, 0xebd69b94, 0x8283b156, 0x00e0149a, 0xeef3d130, 0x198e80f2, 0x56dffce7, 0x2406d9dc}};
}

BOTH fe sqrt_minus_one()
{
    return {{0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478, 0x2f431806, 0x3dfbd7a7, 0x2b4d0099, 0x4fc1df0b, 0x2b832480}};
}

BOTH point affine_point(const fe &x, const fe &y)
{
    return {x, y, fe_small(1), x * y};
}

BOTH point identity()
{
    return {fe_small(0), fe_small(1), fe_small(1), fe_small(0)};
}

BOTH point generator()
{
    fe x = {{0x8f25d51a, 0xc9562d60, 0x9525a7b2, 0x692cc760, 0xfdd6dc5c, 0xc0a4e231, 0xcd6e53fe, 0x216936d3}};
    fe y = {{0x66666658, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666, 0x66666666}};
    return affine_point(x, y);
}

BOTH point operator-(const point &p)
{
    return {-p.x, p.y, p.z, -p.t};
}

BOTH point finish(const fe &a, const fe &b, const fe &c, const fe &d)
{
    fe e = b - a, f = d - c, g = d + c, h = b + a;
    return {e * f, g * h, f * g, e * h};
}

/* p + q of an affine q; for p - q the caller swaps q's first two and asks for `negative`. */
BOTH point add_column(const point &p, const column &q, bool negative)
{
    fe a = (p.y - p.x) * q.difference, b = (p.y + p.x) * q.sum, c = p.t * q.t2d, d = p.z + p.z;
    fe e = b - a, h = b + a, low = d - c, high = d + c;
    fe f = choose(negative, low, high), g = choose(negative, high, low);
    return {e * f, g * h, f * g, e * h};
}

BOTH point operator+(const point &p, const point &q)
{
    fe d = p.z * q.z;
    return finish((p.y - p.x) * (q.y - q.x), (p.y + p.x) * (q.y + q.x), p.t * q.t * curve_2d(), d + d);
}

BOTH point twice(const point &p)
{
    fe a = square(p.x), b = square(p.y), c = square(p.z), h = a + b, e = h - square(p.x + p.y), g = a - b;
    fe f = c + c + g;
    return {e * f, g * h, f * g, e * h};
}

BOTH column affine_column(const fe &x, const fe &y, const fe &xy)
{
    return {y + x, y - x, xy * curve_2d()};
}

/* multiple * p */
BOTH point multiply(uint64_t multiple, const point &p)
{
    point r = identity();
    ROLLED for (int bit = 63; bit >= 0; bit--)
    {
        r = twice(r);
        if (multiple >> bit & 1) r = r + p;
    }
    return r;
}

BOTH bool is_canonical(const fe &a)
{
    return same_words(canonical(a), a);
}

/* The affine point x, y, xy of an encoding (section 4.3.1); false where there is none. */
BOTH bool decode(fe &x, fe &y, fe &xy, const fe &s)
{
    fe one = fe_small(1), ss = square(s), u1 = one - ss, u2 = one + ss, u2u2 = square(u2);
    fe v = -(square(u1) * curve_d() + u2u2), w = v * u2u2;

    /* root = 1/sqrt(w) or 1/sqrt(i w): section 4.2 with u = 1. */
    fe eleventh, w3 = square(w) * w, w7 = square(w3) * w;
    fe root = squarings(power_chain(w7, eleventh), 2) * w7 * w3; /* w7^((p - 5) / 8) w3 */
    fe check = square(root) * w;
    bool is_one = is_zero(check - one), is_minus_one = is_zero(check + one);
    root = choose(is_minus_one, root, root * sqrt_minus_one());

    fe den_x = root * u2, den_y = root * den_x * v;
    x = absolute((s + s) * den_x);
    y = u1 * den_y;
    xy = x * y;
    return is_canonical(s) && !is_negative(s) && (is_one || is_minus_one) && !is_negative(xy) && !is_zero(y);
}

/* Whether two coordinates are reduced and those of a point of the curve. */
BOTH bool check_affine(const fe &x, const fe &y, fe &xy)
{
    xy = x * y;
    return is_canonical(x) && is_canonical(y) &&
           is_zero(square(y) - square(x) - (square(xy) * curve_d() + fe_small(1)));
}

#endif
