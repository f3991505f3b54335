/* The order of additions for many short windows, such as those of a convolution: every inner product by itself.
 *
 * There the functional key costs more than the data. Since all windows of a sample share ct_0, its multiples are tabulated
 * once: m 2^(w i) (-ct_0) for m = 1..2^(w-1) stand behind the data columns, and -eta ct_0 is one addition for each signed
 * digit of eta. The more inner products a sample has, the wider the digits. The data's part is Horner's rule over the bits of the weights. */
#include "kernel.h"

#include <stdlib.h>

#define MAX_KEY_WIDTH 8
/* What a multiple of ct_0 costs against the addition of a column: it is made affine besides. */
#define MULTIPLE_COST 2.6

/* About what a functional key costs each of so many inner products of a sample, in additions. */
static double key_cost(unsigned width, double results)
{
    double windows = WINDOWS_OF(width);
    return windows + MULTIPLE_COST * windows * (1u << (width - 1)) / results;
}

static unsigned cheapest_width(const schedule *plan)
{
    double results = (double)plan->windows * (double)plan->queries;
    unsigned best = MAX_KEY_WIDTH;
    for (unsigned width = best - 1; width >= 4; width--)
        if (key_cost(width, results) < key_cost(best, results)) best = width;
    return best;
}

/* About what one inner product costs either way, in additions; see schedule.c for the product of matrices. */
bool direct_is_cheaper(const schedule *plan, size_t length, const uint16_t *vectors)
{
    double bits = weight_bits(vectors, plan->queries * length), columns = (double)length;
    double results = (double)plan->windows * (double)plan->queries;
    double direct = bits * columns / 2 + key_cost(cheapest_width(plan), results);
    double product = bits * (columns + 253 / bits + 90) / 7 + 10;
    return direct < product;
}

/* Writes the columns of each bit, the highest first, behind their number. */
static uint32_t *write_bits(const schedule *plan, const int32_t *window, size_t length, const uint16_t *vector,
                            uint32_t *step)
{
    for (unsigned b = plan->bits; b-- > 0;) {
        uint32_t *count = step++;
        for (size_t j = 0; j < length; j++)
            if (window[j] >= 0 && vector[j] >> b & 1) *step++ = (uint32_t)window[j] << 1;
        *count = (uint32_t)(step - count - 1);
    }
    return step;
}

/* Writes the columns of the digits of eta that are not zero, behind their number. */
static uint32_t *write_key(const schedule *plan, const uint8_t *key, const recoding *recoded, uint32_t *step)
{
    int16_t digits[256];
    size_t half = (size_t)1 << (plan->key_width - 1);
    scalar eta;
    scalar_load(&eta, key);
    scalar_recode(digits, 1, &eta, recoded);
    uint32_t *count = step++;
    for (size_t i = 0; i < recoded->count; i++) {
        if (digits[i] == 0) continue;
        size_t column = plan->dimension + i * half + (size_t)abs(digits[i]) - 1;
        *step++ = (uint32_t)column << 1 | (digits[i] < 0);
    }
    *count = (uint32_t)(step - count - 1);
    return step;
}

enum outcome direct_build(schedule *plan, const int32_t *windows, size_t length, const uint16_t *vectors,
                          const uint8_t *keys)
{
    plan->direct = true;
    plan->bits = weight_bits(vectors, plan->queries * length);
    plan->key_width = cheapest_width(plan);
    size_t digits = WINDOWS_OF(plan->key_width), results = plan->windows * plan->queries;
    size_t longest = plan->bits * (length + 1) + 1 + digits;
    plan->digits = digits << (plan->key_width - 1);
    plan->starts = malloc(results * sizeof *plan->starts);
    plan->steps = malloc(results * longest * sizeof *plan->steps);
    if (!plan->starts || !plan->steps) return OUT_OF_MEMORY;
    recoding recoded = recoding_of(plan->key_width, digits);
    uint32_t *step = plan->steps;
    for (size_t i = 0; i < results; i++) {
        plan->starts[i] = (size_t)(step - plan->steps);
        step = write_bits(plan, windows + i / plan->queries * length, length, vectors + i % plan->queries * length, step);
        step = write_key(plan, keys + ENCODED_BYTES * i, &recoded, step);
    }
    return DONE;
}
