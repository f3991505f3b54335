/* Encodings of ristretto255 (RFC 9496), LANES at a time. */

static void limbs_from_bytes(uint64_t limbs[5], const uint8_t bytes[32])
{
    scalar words;
    scalar_load(&words, bytes);
    const uint64_t *w = words.word, low = (UINT64_C(1) << 51) - 1;
    limbs[0] = w[0] & low;
    limbs[1] = (w[0] >> 51 | w[1] << 13) & low;
    limbs[2] = (w[1] >> 38 | w[2] << 26) & low;
    limbs[3] = (w[2] >> 25 | w[3] << 39) & low;
    limbs[4] = w[3] >> 12;
}

static inline void words_from_limbs(uint64_t w[4], const uint64_t limbs[5])
{
    w[0] = limbs[0] | limbs[1] << 51;
    w[1] = limbs[1] >> 13 | limbs[2] << 38;
    w[2] = limbs[2] >> 26 | limbs[3] << 25;
    w[3] = limbs[3] >> 39 | limbs[4] << 12;
}

/* A field element below p. */
static bool is_canonical(const uint64_t limbs[5])
{
    const uint64_t top = (UINT64_C(1) << 51) - 1;
    return limbs[4] < top || (limbs[4] == top && (limbs[3] < top || limbs[2] < top || limbs[1] < top ||
                                                  limbs[0] < top - 18));
}

/* Loads 32 bytes for each lane; returns the lanes that hold a canonical element. */
static lane_mask load_bytes(fe *r, const uint8_t *const bytes[LANES])
{
    uint64_t limbs[LANES][5];
    const uint64_t *lanes[LANES];
    lane_mask canonical = 0;
    for (int lane = 0; lane < LANES; lane++) {
        limbs_from_bytes(limbs[lane], bytes[lane]);
        lanes[lane] = limbs[lane];
        canonical |= (lane_mask)is_canonical(limbs[lane]) << lane;
    }
    fe_load_limbs(r, lanes);
    return canonical;
}

/* Writes 32 canonical bytes of each lane. */
static void store_bytes(uint8_t *const bytes[LANES], const fe *a)
{
    uint64_t limbs[LANES][5];
    fe_store_limbs(limbs, a);
    for (int lane = 0; lane < LANES; lane++) {
        scalar words;
        words_from_limbs(words.word, limbs[lane]);
        scalar_store(bytes[lane], &words);
    }
}

/* Decodes LANES elements (RFC 9496, section 4.3.1) to affine x, y, xy; returns the lanes that hold one. */
static lane_mask decode(fe *x, fe *y, fe *xy, const uint8_t *const encoded[LANES])
{
    fe s, one, ss, u1, u2, u2u2, v, w, constant, root, check, t;
    lane_mask valid = load_bytes(&s, encoded);
    valid &= ~fe_is_negative(&s);
    fe_splat(&one, ONE);
    fe_sq(&ss, &s);
    fe_sub(&u1, &one, &ss);
    fe_add(&u2, &one, &ss);
    fe_sq(&u2u2, &u2);
    fe_sq(&v, &u1);
    fe_splat(&constant, CURVE_D);
    fe_mul(&v, &v, &constant);
    fe_add(&v, &v, &u2u2);
    fe_negate(&v, &v);
    fe_mul(&w, &v, &u2u2);

    /* root = 1/sqrt(w) or 1/sqrt(i w): section 4.2 with u = 1. */
    fe w3, w7;
    fe_sq(&w3, &w);
    fe_mul(&w3, &w3, &w);
    fe_sq(&w7, &w3);
    fe_mul(&w7, &w7, &w);
    fe_power_chain(&root, &check, &w7);
    fe_squarings(&root, &root, 2);
    fe_mul(&root, &root, &w7); /* w7^((p - 5) / 8) */
    fe_mul(&root, &root, &w3);
    fe_sq(&check, &root);
    fe_mul(&check, &check, &w);
    fe_splat(&constant, SQRT_MINUS_ONE);
    fe_sub(&t, &check, &one);
    lane_mask is_one = fe_is_zero(&t);
    fe_add(&t, &check, &one);
    lane_mask is_minus_one = fe_is_zero(&t);
    fe turned;
    fe_mul(&turned, &root, &constant);
    fe_select(&root, &root, &turned, is_minus_one);
    /* Lanes where neither holds have no root and are rejected; the sign of root cancels below but for x. */

    fe den_x, den_y;
    fe_mul(&den_x, &root, &u2);
    fe_mul(&den_y, &root, &den_x);
    fe_mul(&den_y, &den_y, &v);
    fe_add(&t, &s, &s);
    fe_mul(&t, &t, &den_x);
    fe_absolute(x, &t);
    fe_mul(y, &u1, &den_y);
    fe_mul(xy, x, y);
    return valid & (is_one | is_minus_one) & ~fe_is_negative(xy) & ~fe_is_zero(y);
}

/* Loads LANES points x || y; returns the lanes where both are canonical and -x^2 + y^2 = 1 + d x^2 y^2. */
static lane_mask load_affine(fe *x, fe *y, fe *xy, const uint8_t *const affine[LANES])
{
    const uint8_t *second[LANES];
    for (int lane = 0; lane < LANES; lane++) second[lane] = affine[lane] + 32;
    lane_mask valid = load_bytes(x, affine) & load_bytes(y, second);
    fe left, right, t;
    fe_sq(&left, y);
    fe_sq(&t, x);
    fe_sub(&left, &left, &t);
    fe_mul(xy, x, y);
    fe_splat(&t, CURVE_D);
    fe_sq(&right, xy);
    fe_mul(&right, &right, &t);
    fe_splat(&t, ONE);
    fe_add(&right, &right, &t);
    fe_sub(&t, &left, &right);
    return valid & fe_is_zero(&t);
}

/* A point of point_bytes for each lane: an encoding, or affine coordinates. */
static lane_mask load_point(fe *x, fe *y, fe *xy, const uint8_t *const bytes[LANES], size_t point_bytes)
{
    return point_bytes == AFFINE_BYTES ? load_affine(x, y, xy, bytes) : decode(x, y, xy, bytes);
}

static void expand(const uint8_t *encoded, size_t count, uint8_t *affine)
{
    uint8_t nowhere[AFFINE_BYTES];
    for (size_t i = 0; i < count; i += LANES) {
        const uint8_t *from[LANES];
        uint8_t *to_x[LANES], *to_y[LANES];
        for (size_t lane = 0; lane < LANES; lane++) {
            bool real = i + lane < count;
            from[lane] = encoded + ENCODED_BYTES * (real ? i + lane : i);
            to_x[lane] = real ? affine + AFFINE_BYTES * (i + lane) : nowhere;
            to_y[lane] = to_x[lane] + AFFINE_BYTES / 2;
        }
        fe x, y, xy;
        lane_mask valid = decode(&x, &y, &xy, from);
        store_bytes(to_x, &x);
        store_bytes(to_y, &y);
        for (size_t lane = 0; lane < LANES; lane++)
            if (!(valid >> lane & 1)) memset(to_x[lane], 0, AFFINE_BYTES);
    }
}

/* Writes the encodings of 2P for `count` points P, whose t is not read, to out[i][lane]: one inversion for all and no
 * square root. scratch has room for 7 * count elements. (The batched compression of curve25519-dalek.) */
static void double_and_encode(const point *points, size_t count, uint8_t *(*out)[LANES], fe *scratch)
{
    fe *inverse = scratch, *running = scratch + count;
    struct terms {
        fe e, f, g, h, eg;
    } *terms = (struct terms *)(scratch + 2 * count);
    for (size_t i = 0; i < count; i++) {
        const point *p = &points[i];
        struct terms *q = &terms[i];
        fe xx, yy, zz;
        fe_sq(&xx, &p->x);
        fe_sq(&yy, &p->y);
        fe_sq(&zz, &p->z);
        fe_mul(&q->e, &p->x, &p->y);
        fe_add(&q->e, &q->e, &q->e);
        fe_sub(&q->f, &yy, &xx); /* z^2 + d t^2, by the curve's equation */
        fe_add(&q->g, &yy, &xx);
        fe_add(&q->h, &zz, &zz);
        fe_sub(&q->h, &q->h, &q->f); /* z^2 - d t^2 */
        fe_mul(&q->eg, &q->e, &q->g);
        fe_mul(&inverse[i], &q->f, &q->h);
        fe_mul(&inverse[i], &inverse[i], &q->eg);
    }
    fe_invert_batch(inverse, running, count);
    fe magic_plain, magic_turned, i_root;
    fe_splat(&magic_plain, INVSQRT_A_MINUS_D);
    fe_splat(&i_root, SQRT_MINUS_ONE);
    magic_turned = i_root;
    for (size_t i = 0; i < count; i++) {
        struct terms *q = &terms[i];
        fe z_inverse, t_inverse, t, u, e, g, h, magic, s;
        fe_mul(&z_inverse, &q->eg, &inverse[i]);
        fe_mul(&t, &q->f, &q->h);
        fe_mul(&t_inverse, &t, &inverse[i]);
        fe_mul(&t, &q->eg, &z_inverse);
        lane_mask turn = fe_is_negative(&t);
        fe_select(&e, &q->e, &q->g, turn);
        fe_negate(&t, &q->e);
        fe_select(&g, &q->g, &t, turn);
        fe_mul(&t, &q->f, &i_root);
        fe_select(&h, &q->h, &t, turn);
        fe_select(&magic, &magic_plain, &magic_turned, turn);
        fe_mul(&t, &h, &e);
        fe_mul(&t, &t, &z_inverse);
        fe_negate(&u, &g);
        fe_select(&g, &g, &u, fe_is_negative(&t));
        fe_sub(&s, &h, &g);
        fe_mul(&t, &g, &t_inverse);
        fe_mul(&t, &t, &magic);
        fe_mul(&s, &s, &t);
        fe_absolute(&s, &s);
        store_bytes(out[i], &s);
    }
}
