/* Encryption: multiples of the generator, and of the public key, encoded in batches. */

/* So many vectors ahead of its use a table entry is fetched. */
#define AHEAD 3
/* Digits of a window for a batch, and zeros for what is fetched ahead; the odd size keeps rows off each other's cache sets. */
#define DIGIT_ROW ((BATCH + AHEAD + 1) * LANES)

/* Halves of group elements on their way to 32 bytes, BATCH vectors at a time. Each gets the multiple of G / 2 that its
 * digits say before it is doubled and encoded. */
typedef struct {
    size_t used;
    recoding recoding;
    bool started; /* the halves hold sums already */
    point *halves;
    int16_t (*digits)[DIGIT_ROW]; /* a row for each window, LANES digits in it for each vector */
    uint8_t *(*out)[LANES];
    fe *scratch;
    uint8_t nowhere[ENCODED_BYTES];
} encoder;

static bool encoder_open(encoder *e, size_t windows, bool started)
{
    e->used = 0;
    e->recoding = recoding_of(BASE_WIDTH, windows);
    e->started = started;
    e->halves = aligned(BATCH * sizeof *e->halves);
    e->digits = calloc(windows, sizeof *e->digits);
    e->out = malloc(BATCH * sizeof *e->out);
    e->scratch = aligned(7 * BATCH * sizeof *e->scratch);
    return e->halves && e->digits && e->out && e->scratch;
}

/* Adds a window's multiples to all halves: the first begins them, and after the last nobody asks for t. */
static void add_window(encoder *e, size_t window)
{
    const int16_t *digits = e->digits[window];
    for (size_t i = 0; i < e->used; i++, digits += LANES) {
        point *half = &e->halves[i];
        column multiple;
        quotients sum;
        prefetch_multiple(&half_base_multiples, window, digits + AHEAD * LANES);
        load_multiple(&multiple, &half_base_multiples, window, digits);
        if (window == 0 && !e->started) {
            point_from_column(half, &multiple);
            continue;
        }
        sum_with_column(&sum, half, &multiple, 0);
        if (window + 1 < e->recoding.count)
            point_from_quotients(half, &sum);
        else
            point_without_t(half, &sum);
    }
}

static void encoder_flush(encoder *e)
{
    for (size_t w = 0; w < e->recoding.count; w++) add_window(e, w);
    double_and_encode(e->halves, e->used, e->out, e->scratch);
    e->used = 0;
}

static void encoder_close(encoder *e)
{
    if (e->digits) wipe(e->digits, e->recoding.count * sizeof *e->digits);
    free(e->halves);
    free(e->digits);
    free(e->out);
    free(e->scratch);
}

/* The next vector, whose digits are to be set; outputs past `count` are padding. */
static size_t encoder_next(encoder *e, uint8_t *first, size_t stride, size_t count)
{
    if (e->used == BATCH) encoder_flush(e);
    for (size_t lane = 0; lane < LANES; lane++)
        e->out[e->used][lane] = lane < count ? first + lane * stride : e->nowhere;
    return e->used++;
}

/* One vector of at most LANES scalars times the generator. */
static void encode_base_multiples(encoder *e, const scalar *scalars, size_t count, uint8_t *out)
{
    size_t vector = encoder_next(e, out, ENCODED_BYTES, count);
    for (size_t lane = 0; lane < count; lane++)
        scalar_recode(&e->digits[0][vector * LANES + lane], DIGIT_ROW, &scalars[lane], &e->recoding);
}

static enum outcome base_multiples(const uint8_t *scalars, size_t count, uint8_t *out)
{
    encoder e;
    bool ready = encoder_open(&e, BASE_WINDOWS, false);
    scalar vector[LANES];
    for (size_t i = 0; ready && i < count; i += LANES) {
        size_t lanes = count - i < LANES ? count - i : LANES;
        for (size_t lane = 0; lane < lanes; lane++) scalar_load(&vector[lane], scalars + 32 * (i + lane));
        encode_base_multiples(&e, vector, lanes, out + ENCODED_BYTES * i);
    }
    wipe(vector, sizeof vector);
    if (ready) encoder_flush(&e);
    encoder_close(&e);
    return ready ? DONE : OUT_OF_MEMORY;
}

static enum outcome encrypt(const uint8_t *secret, size_t dimension, const uint8_t *randomness, const uint32_t *x,
                            size_t samples, uint8_t *ct0, uint8_t *ct)
{
    enum outcome outcome = base_multiples(randomness, samples, ct0);
    if (outcome != DONE) return outcome;
    encoder e;
    scalar *s = malloc(dimension * sizeof *s);
    scalar vector[LANES], r;
    bool ready = encoder_open(&e, BASE_WINDOWS, false) && s;
    if (ready) {
        for (size_t j = 0; j < dimension; j++) {
            scalar_load(&s[j], secret + 32 * j);
            scalar_to_montgomery(&s[j], &s[j]);
        }
    }
    for (size_t i = 0, total = samples * dimension; ready && i < total; i += LANES) {
        size_t lanes = total - i < LANES ? total - i : LANES;
        for (size_t lane = 0; lane < lanes; lane++) {
            scalar_load(&r, randomness + 32 * ((i + lane) / dimension));
            scalar_multiply(&vector[lane], &r, &s[(i + lane) % dimension]);
            scalar_add_small(&vector[lane], &vector[lane], x[i + lane]);
        }
        encode_base_multiples(&e, vector, lanes, ct + ENCODED_BYTES * i);
    }
    if (ready) encoder_flush(&e);
    encoder_close(&e);
    wipe(vector, sizeof vector);
    wipe(&r, sizeof r);
    if (s) wipe(s, dimension * sizeof *s);
    free(s);
    return ready ? DONE : OUT_OF_MEMORY;
}

/* What encryption with LANES public columns needs. */
typedef struct {
    table_entry *lanes[LANES];
    window_builder builder;
    int16_t *digits; /* of r / 2: a row for each window, of all samples, padded to whole vectors */
    size_t row;
    encoder encoder;
} public_encryption;

static void build_column_tables(public_encryption *work, const affine *h)
{
    point step = {h->x, h->y, h->x, h->xy};
    fe_splat(&step.z, ONE);
    for (size_t w = 0; w < COLUMN_WINDOWS; w++) {
        table_entry *out[LANES];
        for (int lane = 0; lane < LANES; lane++) out[lane] = work->lanes[lane] + w * work->builder.count;
        build_window(&work->builder, out, &step);
        for (unsigned b = 0; b < COLUMN_WIDTH; b++) double_point(&step, &step);
    }
}

static void encode_public_column(public_encryption *work, int lane, const uint32_t *x, size_t dimension,
                                 size_t samples, uint8_t *ct)
{
    multiples table = {work->builder.count, work->lanes[lane]};
    encoder *e = &work->encoder;
    for (size_t i = 0; i < samples; i += LANES) {
        size_t lanes = samples - i < LANES ? samples - i : LANES;
        size_t vector = encoder_next(e, ct + 32 * i * dimension, 32 * dimension, lanes);
        for (size_t k = 0; k < lanes; k++) {
            scalar value = {{x[(i + k) * dimension], 0, 0, 0}};
            scalar_recode(&e->digits[0][vector * LANES + k], DIGIT_ROW, &value, &e->recoding);
        }
        point *half = &e->halves[vector];
        column multiple;
        load_multiple(&multiple, &table, 0, work->digits + i);
        point_from_column(half, &multiple);
        for (size_t w = 1; w < COLUMN_WINDOWS; w++) {
            load_multiple(&multiple, &table, w, work->digits + w * work->row + i);
            add_column(half, half, &multiple, 0);
        }
    }
}

static enum outcome encode_public_columns(public_encryption *work, const uint8_t *points, size_t dimension,
                                          const uint32_t *x, size_t samples, uint8_t *ct, size_t *bad)
{
    for (size_t j = 0; j < dimension; j += LANES) {
        size_t lanes = dimension - j < LANES ? dimension - j : LANES;
        const uint8_t *encoded[1][LANES];
        for (size_t lane = 0; lane < LANES; lane++)
            encoded[0][lane] = points + 32 * (j + (lane < lanes ? lane : lanes - 1));
        affine h;
        decode(&h, encoded, 1);
        if (h.valid != ALL_LANES) {
            *bad = j + (size_t)__builtin_ctz(~h.valid);
            return INVALID_POINT;
        }
        build_column_tables(work, &h);
        for (size_t lane = 0; lane < lanes; lane++)
            encode_public_column(work, (int)lane, x + j + lane, dimension, samples, ct + 32 * (j + lane));
    }
    encoder_flush(&work->encoder);
    return DONE;
}

static enum outcome encrypt_public(const uint8_t *points, size_t dimension, const uint8_t *randomness,
                                   const uint32_t *x, size_t samples, uint8_t *ct0, uint8_t *ct, size_t *bad)
{
    enum outcome outcome = base_multiples(randomness, samples, ct0);
    if (outcome != DONE) return outcome;
    public_encryption work;
    size_t count = COLUMN_WINDOWS * per_window_of(COLUMN_WIDTH);
    table_entry *tables = aligned(LANES * count * sizeof *tables);
    work.row = (samples + LANES - 1) / LANES * LANES;
    work.digits = calloc(COLUMN_WINDOWS * work.row, sizeof *work.digits);
    bool ready = encoder_open(&work.encoder, INPUT_WINDOWS, true);
    ready = window_builder_open(&work.builder, COLUMN_WIDTH) && ready && tables && work.digits;
    for (size_t lane = 0; ready && lane < LANES; lane++) work.lanes[lane] = tables + lane * count;
    scalar r;
    recoding recoded = recoding_of(COLUMN_WIDTH, COLUMN_WINDOWS);
    for (size_t i = 0; ready && i < samples; i++) {
        scalar_load(&r, randomness + 32 * i);
        scalar_halve(&r);
        scalar_recode(work.digits + i, work.row, &r, &recoded);
    }
    wipe(&r, sizeof r);
    outcome = ready ? encode_public_columns(&work, points, dimension, x, samples, ct, bad) : OUT_OF_MEMORY;
    if (work.digits) wipe(work.digits, COLUMN_WINDOWS * work.row * sizeof *work.digits);
    encoder_close(&work.encoder);
    window_builder_close(&work.builder);
    free(work.digits);
    free(tables);
    return outcome;
}
