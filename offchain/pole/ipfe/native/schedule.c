/* The order of additions in the group matrix product Y = Z X, Z small integers, X points.
 *
 * A weight z of k bits is written as 2z - (2^k - 1) = sum over b of 2^b s_b with s_b = +1 where bit b of z is set and
 * -1 where it is not: k rows of signs for every query vector. One more row, all +1, gives the sum of all columns, which
 * turns 2z - (2^k - 1) back into 2z. The functional key eta enters as further columns: its base-2^k digits are the
 * weights, -2^(k i) ct_0 the points.
 *
 * The rows are cut into groups of t. Within a group a column is its pattern of t signs; dividing by the first sign
 * leaves 2^(t-1) buckets. They are visited in Gray-code order p_0, p_1, ... with one running accumulator A: after
 * bucket i it holds A_i = sum of buckets p_0..p_i. Since only one row r changes its sign from p_i to p_(i+1), summation
 * by parts gives
 *     Y_r = s_r(last) A_last + 2 * sum over the i where r changes of s_r(p_i) A_i,
 * so every bucket costs one addition to one output, and no bucket is ever stored. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define MAX_GROUP_ROWS 12
/* A bucket's addition to an output against that of a column: extended instead of affine, and no reuse of loads. */
#define BUCKET_COST 1.4

/* The number of groups, of sizes as equal as can be, that costs the fewest additions. */
static size_t choose_groups(size_t rows, size_t columns)
{
    size_t best = rows;
    double best_cost = 1e300;
    for (size_t groups = 1; groups <= rows; groups++) {
        size_t large = (rows + groups - 1) / groups;
        if (large > MAX_GROUP_ROWS) continue;
        size_t many = rows - (large - 1) * groups; /* groups with `large` rows; the others have one less */
        double buckets = (double)many * (1 << (large - 1)) + (double)(groups - many) * ((1 << (large - 1)) / 2.0);
        double cost = (double)groups * (double)columns + BUCKET_COST * buckets;
        if (cost < best_cost) {
            best_cost = cost;
            best = groups;
        }
    }
    return best;
}

/* Digit number i, of `bits` bits, of a 256-bit little-endian integer. */
static uint32_t digit_at(const uint8_t bytes[32], size_t i, unsigned bits)
{
    uint32_t digit = 0;
    for (unsigned b = 0; b < bits; b++) {
        size_t bit = i * bits + b;
        if (bit < 256) digit |= (uint32_t)(bytes[bit / 8] >> (bit % 8) & 1) << b;
    }
    return digit;
}

typedef struct {
    const uint32_t *weights; /* queries x columns of this window */
    const uint32_t *columns; /* their indices */
    size_t count;
} window_matrix;

/* Bit r of the result: the sign of row first + r at a column is -1. */
static uint32_t signs_at(const schedule *plan, const window_matrix *window, size_t column, size_t first, size_t rows)
{
    uint32_t signs = 0;
    for (size_t r = 0; r < rows; r++) {
        size_t row = first + r;
        if (row == plan->rows - 1) continue; /* the row of +1 */
        uint32_t weight = window->weights[row / plan->bits * window->count + column];
        signs |= (~weight >> (row % plan->bits) & 1) << r;
    }
    return signs;
}

/* Writes the steps of one group and returns how many words it took. Counting sort by bucket, then by sign. */
static size_t write_group(const schedule *plan, const window_matrix *window, size_t first, size_t rows,
                          uint32_t *steps, uint32_t *keys)
{
    size_t buckets = (size_t)1 << (rows - 1), used = 0;
    uint32_t ends[2 << MAX_GROUP_ROWS] = {0};
    for (size_t j = 0; j < window->count; j++) {
        uint32_t signs = signs_at(plan, window, j, first, rows), flipped = signs & 1;
        if (flipped) signs = ~signs & ((UINT32_C(1) << rows) - 1);
        uint32_t gray = signs >> 1, rank = gray;
        for (unsigned shift = 1; shift < MAX_GROUP_ROWS; shift *= 2) rank ^= rank >> shift;
        keys[j] = rank << 1 | flipped;
        ends[keys[j]]++;
    }
    uint32_t starts[2 << MAX_GROUP_ROWS];
    for (size_t b = 0; b < buckets; b++) {
        uint32_t plus = ends[2 * b], minus = ends[2 * b + 1];
        steps[used++] = plus + minus;
        starts[2 * b] = (uint32_t)used;
        starts[2 * b + 1] = (uint32_t)used + plus;
        used += plus + minus;
    }
    for (size_t j = 0; j < window->count; j++) steps[starts[keys[j]]++] = window->columns[j] << 1 | (keys[j] & 1);
    return used;
}

size_t group_start(const schedule *plan, size_t group)
{
    return plan->rows * group / plan->groups;
}

static enum outcome write_steps(schedule *plan, const int32_t *windows, size_t length, const uint16_t *vectors,
                                const uint8_t *keys, uint32_t *weights, uint32_t *columns, uint32_t *sorted)
{
    size_t used = 0, capacity = 0;
    for (size_t w = 0; w < plan->windows; w++) {
        window_matrix window = {weights, columns, 0};
        for (size_t j = 0; j < length; j++)
            if (windows[w * length + j] >= 0) window.count++;
        window.count += plan->digits;
        size_t column = 0;
        for (size_t j = 0; j < length; j++) {
            if (windows[w * length + j] < 0) continue;
            columns[column] = (uint32_t)windows[w * length + j];
            for (size_t l = 0; l < plan->queries; l++)
                weights[l * window.count + column] = vectors[l * length + j];
            column++;
        }
        for (size_t i = 0; i < plan->digits; i++, column++) {
            columns[column] = (uint32_t)(plan->dimension + i);
            for (size_t l = 0; l < plan->queries; l++)
                weights[l * window.count + column] = digit_at(keys + 32 * (w * plan->queries + l), i, plan->bits);
        }
        for (size_t g = 0; g < plan->groups; g++) {
            size_t first = group_start(plan, g), rows = group_start(plan, g + 1) - first;
            size_t needed = used + window.count + ((size_t)1 << (rows - 1));
            if (needed > capacity) {
                capacity = 2 * needed;
                uint32_t *larger = realloc(plan->steps, capacity * sizeof *larger);
                if (!larger) return OUT_OF_MEMORY;
                plan->steps = larger;
            }
            plan->starts[w * plan->groups + g] = used;
            used += write_group(plan, &window, first, rows, plan->steps + used, sorted);
        }
    }
    return DONE;
}

unsigned weight_bits(const uint16_t *vectors, size_t count)
{
    uint16_t highest = 1;
    for (size_t i = 0; i < count; i++)
        if (vectors[i] > highest) highest = vectors[i];
    return 32 - (unsigned)__builtin_clz(highest);
}

static bool is_count(size_t count)
{
    return count >= 1 && count <= MAX_COUNT;
}

const char *shape_refusal(const schedule *plan, size_t length)
{
    if (!is_count(plan->dimension)) return "a schedule has from 1 to 2^24 columns";
    if (!is_count(plan->windows)) return "a schedule has from 1 to 2^24 windows";
    if (!is_count(plan->queries)) return "a schedule has from 1 to 2^24 queries";
    if (!is_count(length)) return "a window has from 1 to 2^24 columns";
    return plan->windows * plan->queries <= MAX_RESULTS ? NULL : "a schedule has at most 2^32 results";
}

const char *column_refusal(const schedule *plan, const int32_t *windows, size_t length)
{
    for (size_t i = 0; i < plan->windows * length; i++)
        if (windows[i] < -1 || windows[i] >= (int64_t)plan->dimension)
            return "a window names a column beyond the dimension, or below -1, the padding";
    return NULL;
}

enum outcome schedule_build(schedule *plan, const int32_t *windows, size_t length, const uint16_t *vectors,
                            const uint8_t *keys)
{
    plan->bits = weight_bits(vectors, plan->queries * length);
    plan->digits = (253 + plan->bits - 1) / plan->bits;
    plan->rows = plan->queries * plan->bits + 1;
    size_t columns = length + plan->digits;
    plan->groups = choose_groups(plan->rows, columns);
    plan->starts = malloc(plan->windows * plan->groups * sizeof *plan->starts);
    uint32_t *weights = malloc(plan->queries * columns * sizeof *weights);
    uint32_t *indices = malloc(columns * sizeof *indices), *sorted = malloc(columns * sizeof *sorted);
    enum outcome outcome = OUT_OF_MEMORY;
    if (plan->starts && weights && indices && sorted)
        outcome = write_steps(plan, windows, length, vectors, keys, weights, indices, sorted);
    free(weights);
    free(indices);
    free(sorted);
    return outcome;
}

void schedule_free(schedule *plan)
{
    free(plan->steps);
    free(plan->starts);
}
