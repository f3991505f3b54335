/* The group matrix product of schedule.c over LANES samples at once, and the logarithms of its results. */

/* Scratch of one decryption: LANES samples at a time. */
typedef struct {
    column *columns; /* the data, then multiples of -ct_0 */
    point *partial;  /* one for each row of +-1 of a window */
    point *last;     /* one for each group: its accumulator at the end */
    point *results;  /* up to BATCH twice-inner-products waiting for their logarithms */
    int64_t *(*destination)[LANES];
    size_t waiting;
    coset_key (*keys)[LANES];
    fe *scratch;
    point giant_step;
    int64_t nowhere;
} decryption;

static bool decryption_open(decryption *work, const schedule *plan, const logarithms *table)
{
    size_t longest = plan->direct || plan->digits < BATCH ? BATCH : plan->digits;
    work->columns = aligned((plan->dimension + plan->digits) * sizeof *work->columns);
    work->partial = aligned(plan->rows * sizeof *work->partial);
    work->last = aligned(plan->groups * sizeof *work->last);
    work->results = aligned(longest * sizeof *work->results);
    work->destination = malloc(BATCH * sizeof *work->destination);
    work->waiting = 0;
    work->nowhere = 0; /* found, so that padding lanes are never waited for */
    work->keys = malloc(BATCH * sizeof *work->keys);
    work->scratch = aligned(2 * longest * sizeof *work->scratch);
    double_base_multiple(&work->giant_step, (uint64_t)table->last + 1);
    return work->columns && work->partial && work->last && work->results && work->destination && work->keys &&
           work->scratch;
}

static void decryption_close(decryption *work)
{
    free(work->columns);
    free(work->partial);
    free(work->last);
    free(work->results);
    free(work->destination);
    free(work->keys);
    free(work->scratch);
}

/* Baby steps from the table; giant steps over the whole batch while any of it is missing and within the bound. */
static void resolve(decryption *work, const logarithms *table, uint64_t bound)
{
    size_t count = work->waiting;
    uint64_t step = (uint64_t)table->last + 1;
    bool missing = count > 0;
    for (uint64_t offset = 0; missing && offset <= bound; offset += step) {
        if (offset)
            for (size_t i = 0; i < count; i++) add_point(&work->results[i], &work->results[i], &work->giant_step, 1);
        coset_keys(work->keys, work->results, count, work->scratch);
        for (size_t i = 0; i < count * LANES; i++)
            __builtin_prefetch(first_slot(table, &work->keys[i / LANES][i % LANES]));
        missing = false;
        for (size_t i = 0; i < count * LANES; i++) {
            int64_t *destination = work->destination[i / LANES][i % LANES];
            if (*destination != NO_LOGARITHM) continue;
            int64_t value = look_up(table, &work->keys[i / LANES][i % LANES]);
            if (value == NO_LOGARITHM || offset + (uint64_t)value > bound) {
                missing = true;
                continue;
            }
            *destination = (int64_t)(offset + (uint64_t)value);
        }
    }
    work->waiting = 0;
}

/* The columns 2^(k i) p. */
static void append_powers(decryption *work, const schedule *plan, point p)
{
    for (size_t i = 0; i < plan->digits; i++) {
        work->results[i] = p;
        for (unsigned b = 0; b < plan->bits; b++) double_point(&p, &p);
    }
    columns_from_points(work->columns + plan->dimension, work->results, plan->digits, work->scratch);
}

/* The columns m 2^(w i) p of direct.c, as many windows at a time as a batch holds. */
static void append_multiples(decryption *work, const schedule *plan, point p)
{
    size_t filled = 0, half = (size_t)1 << (plan->key_width - 1), windows = plan->digits / half;
    column *out = work->columns + plan->dimension;
    for (size_t i = 0; i < windows; i++) {
        point *multiple = &work->results[filled];
        multiple[0] = p;
        for (size_t m = 1; m < half; m++) add_point(&multiple[m], &multiple[m - 1], &p, 0);
        double_point(&p, &multiple[half - 1]);
        filled += half;
        if (filled + half <= BATCH && i + 1 < windows) continue;
        columns_from_points(out, work->results, filled, work->scratch);
        out += filled;
        filled = 0;
    }
}

/* The columns of the functional key, from ct_0. */
static void append_key_columns(decryption *work, const schedule *plan, const affine *ct0)
{
    point p;
    fe_negate(&p.x, &ct0->x);
    p.y = ct0->y;
    fe_splat(&p.z, ONE);
    fe_negate(&p.t, &ct0->xy);
    if (plan->direct)
        append_multiples(work, plan, p);
    else
        append_powers(work, plan, p);
}

/* Loads LANES samples into columns; `lanes` of them are real, the others repeat the last. Returns the lanes whose points
 * all are some: what the others hold stays theirs, since no operation mixes lanes. */
static lane_mask load_samples(decryption *work, const schedule *plan, const uint8_t *ct0, const uint8_t *ct,
                              size_t point_bytes, size_t first, size_t lanes)
{
    const uint8_t *bytes[ABREAST][LANES];
    affine points[ABREAST];
    lane_mask valid = ALL_LANES;
    /* Point 0 of a sample is ct_0, point j is column j - 1. */
    for (size_t j = 0; j <= plan->dimension; j += ABREAST) {
        size_t count = plan->dimension + 1 - j < ABREAST ? plan->dimension + 1 - j : ABREAST;
        for (size_t i = j; i < j + count; i++)
            for (size_t lane = 0; lane < LANES; lane++) {
                size_t sample = first + (lane < lanes ? lane : lanes - 1);
                size_t number = sample * plan->dimension + i - 1;
                bytes[i - j][lane] = i == 0 ? ct0 + point_bytes * sample : ct + point_bytes * number;
            }
        load_points(points, bytes, count, point_bytes);
        for (size_t i = 0; i < count; i++) {
            const affine *p = &points[i];
            valid &= p->valid;
            if (i + j == 0)
                append_key_columns(work, plan, p);
            else
                column_from_affine(&work->columns[i + j - 1], &p->x, &p->y, &p->xy);
        }
    }
    return valid;
}

static inline void prefetch_column(const column *c)
{
    for (size_t byte = 0; byte < sizeof *c; byte += 64) __builtin_prefetch((const char *)c + byte);
}

/* Adds the columns that stand behind their number; returns what follows them. Columns of many multiples of ct_0 are far
 * off and in no order that the processor could foresee. */
static const uint32_t *add_steps(point *sum, const decryption *work, const uint32_t *step)
{
    for (uint32_t left = *step++; left > 0; left--, step++) {
        if (left > 1) prefetch_column(&work->columns[step[1] >> 1]);
        add_column(sum, sum, &work->columns[*step >> 1], *step & 1);
    }
    return step;
}

/* The sums by parts of one group; see schedule.c. */
static void run_group(decryption *work, const schedule *plan, size_t window, size_t group)
{
    const uint32_t *step = plan->steps + plan->starts[window * plan->groups + group];
    size_t first = group_start(plan, group), rows = group_start(plan, group + 1) - first;
    for (size_t r = 0; r < rows; r++) point_identity(&work->partial[first + r]);
    point sum;
    point_identity(&sum);
    uint32_t buckets = UINT32_C(1) << (rows - 1);
    for (uint32_t i = 0; i < buckets; i++) {
        step = add_steps(&sum, work, step);
        if (i + 1 == buckets) break;
        unsigned flipped = (unsigned)__builtin_ctz(i + 1);
        point *output = &work->partial[first + 1 + flipped];
        add_point(output, output, &sum, (i ^ i >> 1) >> flipped & 1);
    }
    work->last[group] = sum;
}

/* r = 2 (r + partial sums of the row) + s_row(last) * A_last of its group. */
static void add_row(decryption *work, point *r, size_t row, size_t group, size_t first, size_t rows)
{
    /* The last pattern in Gray-code order has its highest bit set alone. */
    unsigned negative = rows > 1 && row == first + rows - 1;
    add_point(r, r, &work->partial[row], 0);
    double_point(r, r);
    add_point(r, r, &work->last[group], negative);
}

/* Queues twice an inner product; out[lane] is where the window's results go, NULL for nowhere. */
static void await_logarithm(decryption *work, const logarithms *table, uint64_t bound, const point *result,
                            int64_t *const out[LANES], size_t query)
{
    if (work->waiting == BATCH) resolve(work, table, bound);
    work->results[work->waiting] = *result;
    for (int lane = 0; lane < LANES; lane++)
        work->destination[work->waiting][lane] = out[lane] ? out[lane] + query : &work->nowhere;
    work->waiting++;
}

/* Twice the inner products of one window, for all queries, to the waiting results. */
static void combine_rows(decryption *work, const schedule *plan, const logarithms *table, uint64_t bound,
                         int64_t *const out[LANES])
{
    size_t group = plan->groups - 1, first = group_start(plan, group), rows = plan->rows - first;
    point total, correction, result;
    point_identity(&total);
    add_row(work, &total, plan->rows - 1, group, first, rows);
    correction = total;
    for (unsigned b = 0; b < plan->bits; b++) double_point(&correction, &correction);
    add_point(&correction, &correction, &total, 1); /* (2^k - 1) * the sum of all columns */
    for (size_t l = plan->queries; l-- > 0;) {
        point_identity(&result);
        for (unsigned b = plan->bits; b-- > 0;) {
            size_t row = l * plan->bits + b;
            while (row < first) {
                group--;
                rows = first;
                first = group_start(plan, group);
                rows -= first;
            }
            add_row(work, &result, row, group, first, rows);
        }
        add_point(&result, &result, &correction, 0);
        await_logarithm(work, table, bound, &result, out, l);
    }
}

/* The same for one window by direct.c. */
static void run_direct(decryption *work, const schedule *plan, size_t window, const logarithms *table, uint64_t bound,
                       int64_t *const out[LANES])
{
    for (size_t l = 0; l < plan->queries; l++) {
        const uint32_t *step = plan->steps + plan->starts[window * plan->queries + l];
        point sum;
        point_identity(&sum);
        for (unsigned b = plan->bits; b-- > 0;) {
            step = add_steps(&sum, work, step);
            if (b > 0) double_point(&sum, &sum);
        }
        add_steps(&sum, work, step);
        double_point(&sum, &sum);
        await_logarithm(work, table, bound, &sum, out, l);
    }
}

static enum outcome decrypt(const schedule *plan, const logarithms *table, uint64_t bound, const uint8_t *ct0,
                            const uint8_t *ct, size_t point_bytes, size_t samples, int64_t *out)
{
    decryption work;
    size_t per_sample = plan->windows * plan->queries;
    bool ready = decryption_open(&work, plan, table);
    for (size_t i = 0; i < samples * per_sample; i++) out[i] = NO_LOGARITHM;
    for (size_t i = 0; ready && i < samples; i += LANES) {
        size_t lanes = samples - i < LANES ? samples - i : LANES;
        lane_mask valid = load_samples(&work, plan, ct0, ct, point_bytes, i, lanes);
        for (size_t w = 0; valid && w < plan->windows; w++) {
            int64_t *destination[LANES] = {0};
            for (size_t lane = 0; lane < lanes; lane++)
                if (valid >> lane & 1) destination[lane] = out + (i + lane) * per_sample + w * plan->queries;
            if (plan->direct) {
                run_direct(&work, plan, w, table, bound, destination);
                continue;
            }
            for (size_t g = 0; g < plan->groups; g++) run_group(&work, plan, w, g);
            combine_rows(&work, plan, table, bound, destination);
        }
        resolve(&work, table, bound);
    }
    decryption_close(&work);
    return ready ? DONE : OUT_OF_MEMORY;
}
