/* The convolution over the vector type of a path, which defines before:
 *   LANES, and vector, so many int32_t of the compiler's vector extension;
 *   PLACES and BLOCKS, the size of a tile of sums that the registers hold;
 *   add_products(sum, w, x): sum + w[2i] x[2i] + w[2i+1] x[2i+1] in each lane i;
 *   splat(x): the pair of int16_t at x in every lane. */
#include "convolution.h"

#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define EACH(i, count) _Pragma("GCC unroll 16") for (size_t i = 0; i < (count); i++)

/* Pairs that are next to each other in an image and in the weights; what is above the grid is put aside before them. */
typedef struct {
    size_t offset, pairs;
    bool carries;
} run;

typedef struct {
    const convolution *c;
    run *runs;
    size_t run_count;
    size_t height, width, places;    /* of what is convolved */
    size_t image, row;               /* values of a padded image with its channels innermost, and of a row of it */
    size_t blocks;
    size_t group;                    /* samples that are multiplied at once */
    size_t *offsets;                 /* of the window of each place of a group in the images */
    int16_t *images;
    int32_t *results;                /* (group * places, blocks * lanes) */
} work;

INLINE vector smaller(vector a, vector b)
{
    vector chosen = a < b;
    return (a & chosen) | (b & ~chosen);
}

INLINE vector larger(vector a, vector b)
{
    vector chosen = a > b;
    return (a & chosen) | (b & ~chosen);
}

INLINE vector load(const void *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* Half to even, then the clamp. */
INLINE vector to_activations(vector sum, vector high, int32_t lowest)
{
    vector rest = sum & ((1 << GRID_BITS) - 1);
    high += sum >> GRID_BITS;
    high += (rest + ((1 << (GRID_BITS - 1)) - 1) + (high & 1)) >> GRID_BITS;
    return larger(smaller(high, (vector){} + CLAMP), (vector){} + lowest);
}

/* The results of PLACES windows in `blocks` blocks of output channels. */
INLINE void multiply_tile(const work *k, const size_t blocks, size_t block, const int16_t *const x[PLACES],
                          int32_t *const results[PLACES])
{
    vector sum[BLOCKS][PLACES], high[BLOCKS][PLACES];
    const size_t pairs = pairs_of(k->c);
    const int16_t *w = k->c->weights + 2 * LANES * pairs * block;
    EACH(b, blocks) EACH(p, PLACES)
    {
        sum[b][p] = load(k->c->bias + (block + b) * LANES);
        high[b][p] = (vector){};
    }
    for (const run *r = k->runs; r < k->runs + k->run_count; r++) {
        if (r->carries) EACH(b, blocks) EACH(p, PLACES)
        {
            high[b][p] += sum[b][p] >> GRID_BITS;
            sum[b][p] &= (1 << GRID_BITS) - 1;
        }
        for (size_t at = r->offset; at < r->offset + 2 * r->pairs; at += 2, w += 2 * LANES) {
            vector weights[BLOCKS];
            EACH(b, blocks) weights[b] = load(w + 2 * LANES * pairs * b);
            EACH(p, PLACES)
            {
                vector pair = splat(x[p] + at);
                EACH(b, blocks) sum[b][p] = add_products(sum[b][p], weights[b], pair);
            }
        }
    }
    EACH(b, blocks) EACH(p, PLACES)
    {
        vector found = to_activations(sum[b][p], high[b][p], k->c->rectified ? 0 : -CLAMP);
        memcpy(results[p] + (block + b) * LANES, &found, sizeof found);
    }
}

/* The results of so many places of a group. A tile that they do not fill has its last place several times. */
static void multiply(const work *k, size_t count)
{
    const size_t width = k->blocks * LANES;
    for (size_t block = 0; block < k->blocks; block += BLOCKS) {
        for (size_t first = 0; first < count; first += PLACES) {
            const int16_t *x[PLACES];
            int32_t *results[PLACES];
            EACH(p, PLACES)
            {
                size_t place = first + p < count ? first + p : count - 1;
                x[p] = k->images + k->offsets[place];
                results[p] = k->results + place * width;
            }
            switch (k->blocks - block) {
            case 1: multiply_tile(k, 1, block, x, results); break;
#if BLOCKS > 2
            case 2: multiply_tile(k, 2, block, x, results); break;
#endif
            default: multiply_tile(k, BLOCKS, block, x, results);
            }
        }
    }
}

/* A sample in 16 bits with its channels innermost; false where one does not fit. The padding is zero already. */
static bool narrow(const work *k, const double *x, int16_t *image)
{
    const convolution *c = k->c;
    const size_t size = c->height * c->width, channels = even(c->channels);
    int16_t *corner = image + c->padding * (k->row + channels);
    bool fits = true;
    if (size == 1) {
        for (size_t i = 0; i < c->channels; i++) {
            bool good = x[i] >= INT16_MIN && x[i] <= INT16_MAX;
            fits &= good;
            corner[i] = (int16_t)(good ? x[i] : 0);
        }
        return fits;
    }
    for (size_t channel = 0; channel < c->channels; channel++) {
        for (size_t i = 0; i < c->height; i++) {
            const double *from = x + channel * size + i * c->width;
            int16_t *to = corner + i * k->row + channel;
            for (size_t j = 0; j < c->width; j++) {
                bool good = from[j] >= INT16_MIN && from[j] <= INT16_MAX;
                fits &= good;
                to[j * channels] = (int16_t)(good ? from[j] : 0);
            }
        }
    }
    return fits;
}

/* The results of a sample, pooled, as float64 with the places innermost. */
static void widen(const work *k, const int32_t *results, double *out)
{
    const convolution *c = k->c;
    const size_t height = sides(k->height, c->pool, c->pool_stride), width = sides(k->width, c->pool, c->pool_stride);
    const size_t step = k->blocks * LANES;
    for (size_t place = 0; place < height * width; place++) {
        size_t top = place / width * c->pool_stride, left = place % width * c->pool_stride;
        for (size_t block = 0; block < k->blocks; block++) {
            const int32_t *corner = results + (top * k->width + left) * step + block * LANES;
            vector largest = load(corner);
            for (size_t i = 0; i < c->pool; i++)
                for (size_t j = 0; j < c->pool; j++) largest = larger(largest, load(corner + (i * k->width + j) * step));
            const size_t first = block * LANES, count = c->outputs - first < LANES ? c->outputs - first : LANES;
            for (size_t i = 0; i < count; i++) out[(first + i) * height * width + place] = largest[i];
        }
    }
}

/* |w[2i]| + |w[2i+1]| in each lane i. */
INLINE vector magnitudes(const int16_t *w)
{
    vector both = load(w), one = both >> 16, other = (both << 16) >> 16;
    return larger(one, -one) + larger(other, -other);
}

/* Lets every sum take a pair more, in `left` what magnitudes of weights each of them still bears whatever the activations
 * are. False, and nothing is taken, where one does not bear it. */
static bool takes(const work *k, size_t pair, int32_t *left)
{
    const size_t pairs = pairs_of(k->c);
    vector lowest = {};
    for (size_t block = 0; block < k->blocks; block++)
        lowest = smaller(lowest, load(left + block * LANES) - magnitudes(k->c->weights + 2 * LANES * (pairs * block + pair)));
    bool bears = true;
    for (int i = 0; i < LANES; i++) bears &= lowest[i] >= 0;
    for (size_t block = 0; bears && block < k->blocks; block++) {
        vector rest = load(left + block * LANES) - magnitudes(k->c->weights + 2 * LANES * (pairs * block + pair));
        memcpy(left + block * LANES, &rest, sizeof rest);
    }
    return bears;
}

/* Where filters are cut: at the end of each of their rows, and before a pair with which a sum could pass 32 bits. */
static void cut(work *k, int32_t *left)
{
    const convolution *c = k->c;
    const size_t length = pairs_of(c) / c->kernel, lanes = k->blocks * LANES;
    for (size_t i = 0; i < lanes; i++) left[i] = (INT32_MAX + (c->bias[i] < 0 ? c->bias[i] : -c->bias[i])) / -INT16_MIN;
    for (size_t pair = 0; pair < pairs_of(c); pair++) {
        bool carries = !takes(k, pair, left);
        if (carries) {
            for (size_t i = 0; i < lanes; i++) left[i] = INT32_MAX / -INT16_MIN;
            takes(k, pair, left);
        }
        size_t row = pair / length, at = pair % length;
        if (carries || at == 0) k->runs[k->run_count++] = (run){row * k->row + 2 * at, 0, carries};
        k->runs[k->run_count - 1].pairs++;
    }
}

static void place_windows(work *k)
{
    const convolution *c = k->c;
    size_t *next = k->offsets;
    for (size_t sample = 0; sample < k->group; sample++)
        for (size_t i = 0; i < k->height; i++)
            for (size_t j = 0; j < k->width; j++)
                *next++ = sample * k->image + i * c->stride * k->row + j * c->stride * even(c->channels);
}

static bool convolve(const convolution *c, const double *x, double *out, uint8_t *unfit)
{
    work k = {.c = c, .row = (c->width + 2 * c->padding) * even(c->channels)};
    k.image = (c->height + 2 * c->padding) * k.row;
    k.height = sides(c->height + 2 * c->padding, c->kernel, c->stride);
    k.width = sides(c->width + 2 * c->padding, c->kernel, c->stride);
    k.places = k.height * k.width;
    k.blocks = (c->outputs + LANES - 1) / LANES;
    k.group = (PLACES_AT_ONCE + k.places - 1) / k.places;
    if (k.group > c->samples) k.group = c->samples;
    k.runs = calloc(pairs_of(c), sizeof *k.runs);
    k.offsets = calloc(k.group * k.places, sizeof *k.offsets);
    k.images = calloc(k.group * k.image, sizeof *k.images);
    k.results = calloc(k.group * k.places * k.blocks * LANES, sizeof *k.results);
    bool done = k.runs && k.offsets && k.images && k.results;
    if (done) {
        cut(&k, k.results);
        place_windows(&k);
        const size_t size = c->channels * c->height * c->width;
        const size_t made = c->outputs * sides(k.height, c->pool, c->pool_stride) * sides(k.width, c->pool, c->pool_stride);
        for (size_t first = 0; first < c->samples; first += k.group) {
            size_t count = c->samples - first < k.group ? c->samples - first : k.group;
            bool any = false;
            for (size_t i = first; i < first + count; i++) {
                bool fits = narrow(&k, x + i * size, k.images + (i - first) * k.image);
                unfit[i] = !fits;
                any |= fits;
            }
            if (!any) continue;
            multiply(&k, count * k.places);
            for (size_t i = first; i < first + count; i++)
                widen(&k, k.results + (i - first) * k.places * k.blocks * LANES, out + i * made);
        }
    }
    free(k.runs);
    free(k.offsets);
    free(k.images);
    free(k.results);
    return done;
}
