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

/* Affine points, and the lanes that hold one. */
typedef struct {
    fe x, y, xy;
    lane_mask valid;
} affine;

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

/* r = a^((p - 5) / 8) for ABREAST elements, other than those of r. */
static void fe_root_power(fe r[ABREAST], const fe a[ABREAST])
{
    fe eleventh[ABREAST];
    fe_power_chain(r, eleventh, a, ABREAST);
    fe_squarings(r, r, 2, ABREAST);
    fe_mul_each(r, r, a, ABREAST);
}

/* A point on its way from an encoding (RFC 9496, section 4.3.1) to affine x, y. */
typedef struct {
    fe s, u1, u2, v, w, w3;
    lane_mask valid;
} decoding;

/* Returns w^7, whose power the root is made of. */
static NOT_INLINED fe decode_begin(decoding *d, const uint8_t *const encoded[LANES])
{
    fe one, ss, u2u2, constant, w7;
    d->valid = load_bytes(&d->s, encoded);
    d->valid &= ~fe_is_negative(&d->s);
    fe_splat(&one, ONE);
    fe_sq(&ss, &d->s);
    fe_sub(&d->u1, &one, &ss);
    fe_add(&d->u2, &one, &ss);
    fe_sq(&u2u2, &d->u2);
    fe_sq(&d->v, &d->u1);
    fe_splat(&constant, CURVE_D);
    fe_mul(&d->v, &d->v, &constant);
    fe_add(&d->v, &d->v, &u2u2);
    fe_negate(&d->v, &d->v);
    fe_mul(&d->w, &d->v, &u2u2);
    fe_sq(&d->w3, &d->w);
    fe_mul(&d->w3, &d->w3, &d->w);
    fe_sq(&w7, &d->w3);
    fe_mul(&w7, &w7, &d->w);
    return w7;
}

/* `power` is w^7 to the (p - 5) / 8. */
static NOT_INLINED void decode_end(affine *out, const decoding *d, const fe *power)
{
    /* root = 1/sqrt(w) or 1/sqrt(i w): section 4.2 with u = 1. */
    fe root, check, t, one, constant;
    fe_splat(&one, ONE);
    fe_mul(&root, power, &d->w3);
    fe_sq(&check, &root);
    fe_mul(&check, &check, &d->w);
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
    fe_mul(&den_x, &root, &d->u2);
    fe_mul(&den_y, &root, &den_x);
    fe_mul(&den_y, &den_y, &d->v);
    fe_add(&t, &d->s, &d->s);
    fe_mul(&t, &t, &den_x);
    fe_absolute(&out->x, &t);
    fe_mul(&out->y, &d->u1, &den_y);
    fe_mul(&out->xy, &out->x, &out->y);
    out->valid = d->valid & (is_one | is_minus_one) & ~fe_is_negative(&out->xy) & ~fe_is_zero(&out->y);
}

/* Decodes `count` vectors of elements, at most ABREAST, to affine points. */
static void decode(affine *out, const uint8_t *const (*encoded)[LANES], size_t count)
{
    decoding d[ABREAST];
    fe w7[ABREAST], power[ABREAST];
    for (size_t i = 0; i < ABREAST; i++) w7[i] = decode_begin(&d[i], encoded[i < count ? i : count - 1]);
    fe_root_power(power, w7);
    for (size_t i = 0; i < count; i++) decode_end(&out[i], &d[i], &power[i]);
}

/* Loads LANES points x || y; valid are the lanes where both are canonical and -x^2 + y^2 = 1 + d x^2 y^2. */
static void load_affine(affine *out, const uint8_t *const bytes[LANES])
{
    const uint8_t *second[LANES];
    for (int lane = 0; lane < LANES; lane++) second[lane] = bytes[lane] + 32;
    out->valid = load_bytes(&out->x, bytes) & load_bytes(&out->y, second);
    fe left, right, t;
    fe_sq(&left, &out->y);
    fe_sq(&t, &out->x);
    fe_sub(&left, &left, &t);
    fe_mul(&out->xy, &out->x, &out->y);
    fe_splat(&t, CURVE_D);
    fe_sq(&right, &out->xy);
    fe_mul(&right, &right, &t);
    fe_splat(&t, ONE);
    fe_add(&right, &right, &t);
    fe_sub(&t, &left, &right);
    out->valid &= fe_is_zero(&t);
}

/* Loads `count` vectors of points of point_bytes, at most ABREAST: encodings, or affine coordinates. */
static void load_points(affine *out, const uint8_t *const (*bytes)[LANES], size_t count, size_t point_bytes)
{
    if (point_bytes != AFFINE_BYTES) {
        decode(out, bytes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) load_affine(&out[i], bytes[i]);
}

/* Writes `lanes` points, and zeros for what is none. */
static void store_affine(uint8_t *bytes, const affine *points, size_t lanes)
{
    uint8_t nowhere[AFFINE_BYTES], *to_x[LANES], *to_y[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        to_x[lane] = lane < lanes ? bytes + AFFINE_BYTES * lane : nowhere;
        to_y[lane] = to_x[lane] + AFFINE_BYTES / 2;
    }
    store_bytes(to_x, &points->x);
    store_bytes(to_y, &points->y);
    for (size_t lane = 0; lane < lanes; lane++)
        if (!(points->valid >> lane & 1)) memset(to_x[lane], 0, AFFINE_BYTES);
}

static void expand(const uint8_t *encoded, size_t count, uint8_t *out)
{
    const uint8_t *from[ABREAST][LANES];
    affine points[ABREAST];
    for (size_t i = 0; i < count; i += ABREAST * LANES) {
        size_t left = count - i < ABREAST * LANES ? count - i : ABREAST * LANES, vectors = (left + LANES - 1) / LANES;
        for (size_t k = 0; k < vectors * LANES; k++)
            from[k / LANES][k % LANES] = encoded + ENCODED_BYTES * (i + (k < left ? k : 0));
        decode(points, from, vectors);
        for (size_t v = 0; v < vectors; v++)
            store_affine(out + AFFINE_BYTES * (i + v * LANES), &points[v], left - v * LANES < LANES ? left - v * LANES : LANES);
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
