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

/* A field element below p with an even residue, as RFC 9496 section 4.3.1 step 1 asks. */
static bool is_canonical_nonnegative(const uint64_t limbs[5])
{
    const uint64_t top = (UINT64_C(1) << 51) - 1;
    bool below = limbs[4] < top || (limbs[4] == top && (limbs[3] < top || limbs[2] < top || limbs[1] < top ||
                                                        limbs[0] < top - 18));
    return below && !(limbs[0] & 1);
}

/* Decodes LANES elements (RFC 9496, section 4.3.1) to affine x, y, xy; returns the lanes that hold one. */
static lane_mask decode(fe *x, fe *y, fe *xy, const uint8_t *const encoded[LANES])
{
    uint64_t limbs[LANES][5];
    const uint64_t *lanes[LANES];
    lane_mask valid = 0;
    for (int i = 0; i < LANES; i++) {
        limbs_from_bytes(limbs[i], encoded[i]);
        lanes[i] = limbs[i];
        valid |= (lane_mask)is_canonical_nonnegative(limbs[i]) << i;
    }
    fe s, one, ss, u1, u2, u2u2, v, w, constant, root, check, t;
    fe_load_limbs(&s, lanes);
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

/* Writes the encodings of 2P for `count` points P to out[i][lane]: one inversion for all and no square root.
 * scratch has room for 7 * count elements. (The batched compression of curve25519-dalek.) */
static void double_and_encode(const point *points, size_t count, uint8_t *(*out)[LANES], fe *scratch)
{
    fe *inverse = scratch, *running = scratch + count;
    struct terms {
        fe e, f, g, h, eg;
    } *terms = (struct terms *)(scratch + 2 * count);
    fe constant;
    fe_splat(&constant, CURVE_D);
    for (size_t i = 0; i < count; i++) {
        const point *p = &points[i];
        struct terms *q = &terms[i];
        fe xx, yy, zz, dtt;
        fe_sq(&xx, &p->x);
        fe_sq(&yy, &p->y);
        fe_sq(&zz, &p->z);
        fe_sq(&dtt, &p->t);
        fe_mul(&dtt, &dtt, &constant);
        fe_mul(&q->e, &p->x, &p->y);
        fe_add(&q->e, &q->e, &q->e);
        fe_add(&q->f, &zz, &dtt);
        fe_add(&q->g, &yy, &xx);
        fe_sub(&q->h, &zz, &dtt);
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
        uint64_t limbs[LANES][5];
        fe_store_limbs(limbs, &s);
        for (int lane = 0; lane < LANES; lane++) {
            scalar words;
            words_from_limbs(words.word, limbs[lane]);
            scalar_store(out[i][lane], &words);
        }
    }
}
