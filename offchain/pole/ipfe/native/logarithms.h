/* Small discrete logarithms to the base 2G, from a table. */

/* (x^2 + y^2) / (x y) is the same for the four points of a coset of the 4-torsion and for no other point of twice the
 * curve: with u = x/y it is u + 1/u, the curve's equation leaves y^2 two values for each u, whose product 1/(d u^2) is
 * not a square, so one of them is none. It changes sign with the point. The identity has 0/0 and gets the key 0, which
 * belongs to points of order 8 only. So an element has a key at the price of a division, without an encoding. */
typedef struct {
    uint64_t word[4];
} coset_key;

static void coset_keys(coset_key (*keys)[LANES], const point *points, size_t count, fe *scratch)
{
    for (size_t i = 0; i < count; i++) fe_mul(&scratch[i], &points[i].x, &points[i].y);
    fe_invert_batch(scratch, scratch + count, count);
    for (size_t i = 0; i < count; i++) {
        fe xx, yy;
        uint64_t limbs[LANES][5];
        fe_sq(&xx, &points[i].x);
        fe_sq(&yy, &points[i].y);
        fe_add(&xx, &xx, &yy);
        fe_mul(&xx, &xx, &scratch[i]);
        fe_store_limbs(limbs, &xx);
        for (int lane = 0; lane < LANES; lane++) words_from_limbs(keys[i][lane].word, limbs[lane]);
    }
}

static inline table_slot *first_slot(const logarithms *table, const coset_key *key)
{
    return &table->slots[key->word[0] & table->mask];
}

static inline table_slot *next_slot(const logarithms *table, table_slot *slot)
{
    return slot == &table->slots[table->mask] ? table->slots : slot + 1;
}

/* 96 bits of the key beside its place in the table: a point that is no multiple in range passes for one with
 * probability below 2^-90. */
static inline int64_t look_up(const logarithms *table, const coset_key *key)
{
    for (table_slot *slot = first_slot(table, key); slot->value != EMPTY_SLOT; slot = next_slot(table, slot))
        if (slot->key == key->word[1] && slot->key_high == (uint32_t)key->word[2]) return slot->value;
    return NO_LOGARITHM;
}

static void enter(logarithms *table, const coset_key *key, uint32_t value)
{
    table_slot *slot = first_slot(table, key);
    while (slot->value != EMPTY_SLOT) slot = next_slot(table, slot);
    *slot = (table_slot){key->word[1], (uint32_t)key->word[2], value};
}

/* multiple * 2G. */
static void double_base_multiple(point *r, uint64_t multiple)
{
    point base;
    point_splat(&base, BASE_X, BASE_Y);
    double_point(&base, &base);
    point_identity(r);
    for (int bit = 63; bit >= 0; bit--) {
        double_point(r, r);
        if (multiple >> bit & 1) add_point(r, r, &base, 0);
    }
}

/* Lane i starts at i * 2G and steps by LANES * 2G. */
static void first_multiples(point *current, point *step)
{
    double_base_multiple(step, LANES);
    uint64_t limbs[2][LANES][5];
    const uint64_t *x[LANES], *y[LANES];
    fe inverse, affine;
    for (int lane = 0; lane < LANES; lane++) {
        uint64_t all[LANES][5];
        point start;
        double_base_multiple(&start, (uint64_t)lane);
        fe_invert(&inverse, &start.z);
        fe_mul(&affine, &start.x, &inverse);
        fe_store_limbs(all, &affine);
        memcpy(limbs[0][lane], all[lane], sizeof all[lane]);
        fe_mul(&affine, &start.y, &inverse);
        fe_store_limbs(all, &affine);
        memcpy(limbs[1][lane], all[lane], sizeof all[lane]);
        x[lane] = limbs[0][lane];
        y[lane] = limbs[1][lane];
    }
    fe_load_limbs(&current->x, x);
    fe_load_limbs(&current->y, y);
    fe_splat(&current->z, ONE);
    fe_mul(&current->t, &current->x, &current->y);
}

static enum outcome build_logarithms(logarithms *table)
{
    point *points = aligned(BATCH * sizeof *points), current, step;
    coset_key (*keys)[LANES] = malloc(BATCH * sizeof *keys);
    fe *scratch = aligned(2 * BATCH * sizeof *scratch);
    bool ready = points && keys && scratch;
    if (ready) first_multiples(&current, &step);
    for (uint64_t done = 0; ready && done <= table->last; done += BATCH * LANES) {
        for (size_t i = 0; i < BATCH; i++) {
            points[i] = current;
            add_point(&current, &current, &step, 0);
        }
        coset_keys(keys, points, BATCH, scratch);
        for (size_t i = 0; i < BATCH * LANES; i++)
            __builtin_prefetch(first_slot(table, &keys[i / LANES][i % LANES]), 1);
        for (size_t i = 0; i < BATCH * LANES && done + i <= table->last; i++)
            enter(table, &keys[i / LANES][i % LANES], (uint32_t)(done + i));
    }
    free(points);
    free(keys);
    free(scratch);
    return ready ? DONE : OUT_OF_MEMORY;
}
