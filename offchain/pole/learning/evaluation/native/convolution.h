/* What the code paths have in common: exact convolutions in 16-bit products with 32-bit sums. Every path is the same
 * source, products.h, compiled over another vector type. */
#ifndef POLE_CONVOLUTION_H
#define POLE_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Steps of an activation's grid to one of a sum's, as bits; and the largest activation. */
#define GRID_BITS 12
#define CLAMP (1 << 23)
/* Of any size, and of places that are multiplied at once. */
#define MAX_SIZE ((size_t)1 << 28)
#define PLACES_AT_ONCE 64

/* A convolution over images (channels, height, width) and a pooling of what comes of it, as the binding has checked it. */
typedef struct {
    size_t samples, channels, height, width;
    size_t outputs, kernel, stride, padding;
    size_t pool, pool_stride;   /* windows of the largest value; 1 and 1 for none */
    bool rectified;             /* ReLU: no result is negative */
    /* (blocks, pairs, lanes, 2): in each block so many output channels, of which the last may be zeros, and pairs of
     * input channels along the rows of a filter; none is -2^15, and the magnitudes of a filter add up to at most 2^27. */
    const int16_t *weights;
    const int32_t *bias;        /* (blocks, lanes) on the grid of sums */
} convolution;

typedef struct {
    const char *name;
    size_t lanes;
    /* out (samples, outputs, height, width) of float64 activations; unfit[i] is 1 where a sample has an activation that 16
     * bits do not hold, and whose results are none. False without memory. */
    bool (*convolve)(const convolution *c, const double *x, double *out, uint8_t *unfit);
} path;

extern const path path_portable;
#if defined(__x86_64__)
extern const path path_avx2;
extern const path path_vnni;
#endif

/* Sizes that follow from a convolution's. */
static inline size_t sides(size_t side, size_t window, size_t step) { return (side - window) / step + 1; }
static inline size_t even(size_t count) { return (count + 1) / 2 * 2; }
static inline size_t pairs_of(const convolution *c) { return c->kernel * c->kernel * even(c->channels) / 2; }

#endif
