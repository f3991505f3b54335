/* Multiplication of fixed points by many scalars, from tables of signed-digit multiples.
 * Table look-ups are indexed by secret digits: not constant-time against somebody who shares the cache. */

/* The generator's tables: 21 windows of 2049 points, 256 KiB each, 5.4 MB in all; a batch of scalars goes through one
 * window before the next. A column's own tables are built anew for every call, so they are narrower. */
#define BASE_WIDTH 12
#define BASE_WINDOWS WINDOWS_OF(BASE_WIDTH)
#define INPUT_WINDOWS (32 / BASE_WIDTH + 1)
#define COLUMN_WIDTH 6
#define COLUMN_WINDOWS WINDOWS_OF(COLUMN_WIDTH)
#define BATCH 128

/* Signed-digit multiples of one point: entry [w][m] is m * 2^(w * width) times the point, 0 <= m <= 2^(width-1). */
typedef struct {
    size_t per_window;
    table_entry *entries;
} multiples;

static multiples half_base_multiples;

static size_t per_window_of(unsigned width)
{
    return ((size_t)1 << (width - 1)) + 1;
}

/* An entry's words: y+x in one cache line and y-x in the other, 2dxy in what they leave. */
static const int T2D_WORD[5] = {5, 6, 7, 13, 14};

static void store_column(table_entry *const out[LANES], size_t index, const column *c)
{
    uint64_t plus[LANES][5], minus[LANES][5], product[LANES][5];
    fe_store_words(plus, &c->sum[0]);
    fe_store_words(minus, &c->sum[1]);
    fe_store_words(product, &c->t2d);
    for (int lane = 0; lane < LANES; lane++) {
        uint64_t *words = out[lane][index].word;
        memcpy(words, plus[lane], sizeof plus[lane]);
        memcpy(words + 8, minus[lane], sizeof minus[lane]);
        for (int i = 0; i < 5; i++) words[T2D_WORD[i]] = product[lane][i];
    }
}

/* Room for one window of multiples on their way to affine coordinates. */
typedef struct {
    size_t count;
    point *points;
    column *columns;
    fe *scratch;
} window_builder;

static bool window_builder_open(window_builder *b, unsigned width)
{
    b->count = per_window_of(width);
    b->points = aligned(b->count * sizeof *b->points);
    b->columns = aligned(b->count * sizeof *b->columns);
    b->scratch = aligned(2 * b->count * sizeof *b->scratch);
    return b->points && b->columns && b->scratch;
}

static void window_builder_close(window_builder *b)
{
    free(b->points);
    free(b->columns);
    free(b->scratch);
}

/* Writes 0, 1, ..., 2^(width-1) times the lanes of `step` to one window of each lane's table. */
static void build_window(window_builder *b, table_entry *const out[LANES], const point *step)
{
    point_identity(&b->points[0]);
    for (size_t m = 1; m < b->count; m++) add_point(&b->points[m], &b->points[m - 1], step, 0);
    columns_from_points(b->columns, b->points, b->count, b->scratch);
    for (size_t m = 0; m < b->count; m++) store_column(out, m, &b->columns[m]);
}

/* Lane i of `step` becomes 2^(width * i) times what it was. */
static void spread_over_lanes(point *step, unsigned width)
{
    for (unsigned lane = 1; lane < LANES; lane++) {
        lane_mask rest = ALL_LANES & ~((1u << lane) - 1);
        point doubled = *step;
        for (unsigned b = 0; b < width; b++) double_point(&doubled, &doubled);
        fe_select(&step->x, &step->x, &doubled.x, rest);
        fe_select(&step->y, &step->y, &doubled.y, rest);
        fe_select(&step->z, &step->z, &doubled.z, rest);
        fe_select(&step->t, &step->t, &doubled.t, rest);
    }
}

/* The table of G / 2, LANES windows at a time. */
static enum outcome prepare(void)
{
    if (half_base_multiples.entries) return DONE;
    window_builder builder;
    size_t windows = (BASE_WINDOWS + LANES - 1) / LANES * LANES, per_window = per_window_of(BASE_WIDTH);
    table_entry *entries = aligned(windows * per_window * sizeof *entries);
    bool ready = window_builder_open(&builder, BASE_WIDTH) && entries;
    if (ready) {
        point step;
        point_splat(&step, HALF_BASE_X, HALF_BASE_Y);
        spread_over_lanes(&step, BASE_WIDTH);
        for (size_t w = 0; w < windows; w += LANES) {
            table_entry *lanes[LANES];
            for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = entries + (w + lane) * per_window;
            build_window(&builder, lanes, &step);
            for (unsigned b = 0; b < LANES * BASE_WIDTH; b++) double_point(&step, &step);
        }
        half_base_multiples = (multiples){per_window, entries};
    } else {
        free(entries);
    }
    window_builder_close(&builder);
    return ready ? DONE : OUT_OF_MEMORY;
}

static inline const table_entry *entry_of(const multiples *table, size_t window, int digit)
{
    return &table->entries[window * table->per_window + (size_t)(digit < 0 ? -digit : digit)];
}

/* digits[lane] * 2^(width * window) * the table's point. */
static inline void load_multiple(column *c, const multiples *table, size_t window, const int16_t digits[LANES])
{
    const uint64_t *first[LANES], *second[LANES];
    fe_words line[2][8];
    fe plus, minus;
    lane_mask negative = 0;
    for (int lane = 0; lane < LANES; lane++) {
        const table_entry *entry = entry_of(table, window, digits[lane]);
        first[lane] = entry->word;
        second[lane] = entry->word + 8;
        negative |= (lane_mask)(digits[lane] < 0) << lane;
    }
    load_lines(line[0], first);
    load_lines(line[1], second);
    for (int i = 0; i < 5; i++) {
        plus.v[i] = line[0][i];
        minus.v[i] = line[1][i];
        c->t2d.v[i] = line[T2D_WORD[i] / 8][T2D_WORD[i] % 8];
    }
    fe_select(&c->sum[0], &plus, &minus, negative);
    fe_select(&c->sum[1], &minus, &plus, negative);
    fe_negate_lanes(&c->t2d, negative);
}

static inline void prefetch_multiple(const multiples *table, size_t window, const int16_t digits[LANES])
{
    for (int lane = 0; lane < LANES; lane++) {
        const table_entry *entry = entry_of(table, window, digits[lane]);
        __builtin_prefetch(&entry->word[0]);
        __builtin_prefetch(&entry->word[8]);
    }
}
