/* What the code paths (portable, AVX2, AVX-512 IFMA) have in common: the types that pass between them and the
 * Python binding. Every path is the same source, compiled over another field type; see group.h. */
#ifndef POLE_KERNEL_H
#define POLE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An affine point as y+x, y-x, 2dxy, each in a code path's own words: two cache lines. */
typedef struct {
    uint64_t word[16];
} table_entry;

/* The order in which the group matrix product adds columns; see schedule.c. */
typedef struct {
    size_t dimension;      /* columns of the data, ct_0 not counted */
    size_t windows, queries;
    unsigned bits;         /* k: bits of a query weight, and of a digit of a functional key */
    size_t digits;         /* multiples 2^(k i) of ct_0 that stand behind the data columns */
    size_t rows, groups;   /* rows of +-1, and how many groups they are cut into */
    uint32_t *steps;       /* per window and group: for each bucket its size, then column << 1 | sign */
    size_t *starts;        /* windows * groups offsets into steps */
    bool direct;           /* steps and starts are those of direct.c instead, one start for each window and query */
    unsigned key_width;    /* of direct.c: bits of a signed digit of a functional key */
} schedule;

/* The multiples 0..last of twice the generator, by their coset invariant: open addressing. */
typedef struct {
    uint64_t key;
    uint32_t key_high;
    uint32_t value;
} table_slot;

typedef struct {
    uint32_t last;
    uint64_t mask;
    table_slot *slots;
} logarithms;

#define ENCODED_BYTES 32
#define SCALAR_BYTES 32
#define AFFINE_BYTES 64

#define EMPTY_SLOT UINT32_MAX
#define NO_LOGARITHM INT64_C(-1)
#define BOUND_LIMIT (UINT64_C(1) << 62)

enum outcome { DONE, OUT_OF_MEMORY, INVALID_POINT };

typedef struct {
    const char *name;
    /* The tables of the generator; to be called once, before any other function. */
    enum outcome (*prepare)(void);
    /* out[i] = scalars[i] * G, all reduced, 32 bytes each. */
    enum outcome (*base_multiples)(const uint8_t *scalars, size_t count, uint8_t *out);
    /* ct0[i] = r[i] * G, ct[i][j] = (r[i] s[j] + x[i][j]) * G. */
    enum outcome (*encrypt)(const uint8_t *secret, size_t dimension, const uint8_t *randomness, const uint32_t *x,
                            size_t samples, uint8_t *ct0, uint8_t *ct);
    /* The same from h[j] = s[j] * G; *bad is the first that does not decode. */
    enum outcome (*encrypt_public)(const uint8_t *points, size_t dimension, const uint8_t *randomness,
                                   const uint32_t *x, size_t samples, uint8_t *ct0, uint8_t *ct, size_t *bad);
    /* x || y of each decoded point, zeros, which are no point of the curve, for what does not decode. */
    void (*expand)(const uint8_t *encoded, size_t count, uint8_t *affine);
    /* out[i][w][l] = <x_i, z_wl>, or NO_LOGARITHM beyond bound and throughout a sample with a point that is none. Points
     * of point_bytes each: see load_point. */
    enum outcome (*decrypt)(const schedule *plan, const logarithms *table, uint64_t bound, const uint8_t *ct0,
                            const uint8_t *ct, size_t point_bytes, size_t samples, int64_t *out);
    enum outcome (*build_logarithms)(logarithms *table);
} kernel;

extern const kernel kernel_portable;
#if defined(__x86_64__)
extern const kernel kernel_avx2;
extern const kernel kernel_ifma;
#endif

/* out = sum of scalars[i] * points[i]; on the portable path, in every build. */
enum outcome linear_combination(const uint8_t *points, const uint8_t *scalars, size_t count, uint8_t *out, size_t *bad);

/* schedule.c */
#define MAX_COUNT ((size_t)1 << 24)
#define MAX_RESULTS ((size_t)1 << 32)
/* Why there is no schedule of so many columns, windows, queries and columns of a window, or NULL. Within these limits no
 * size of what a schedule needs overflows. */
const char *shape_refusal(const schedule *plan, size_t window_length);
/* Why these windows are none over the plan's columns, or NULL. */
const char *column_refusal(const schedule *plan, const int32_t *windows, size_t window_length);
enum outcome schedule_build(schedule *plan, const int32_t *windows, size_t window_length, const uint16_t *vectors,
                            const uint8_t *keys);
void schedule_free(schedule *plan);
/* The bits of the largest weight, at least one. */
unsigned weight_bits(const uint16_t *vectors, size_t count);
/* The first row of a group; group_start(plan, plan->groups) is the number of rows. */
size_t group_start(const schedule *plan, size_t group);

/* scalar.c: integers modulo the group order q, 32 bytes little-endian, in constant time. */
typedef struct {
    uint64_t word[4];
} scalar;

static inline void scalar_load(scalar *r, const uint8_t bytes[32])
{
    for (int i = 0; i < 4; i++) {
        const uint8_t *b = bytes + 8 * i;
        r->word[i] = (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
                     (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
    }
}

static inline void scalar_store(uint8_t bytes[32], const scalar *a)
{
    for (int i = 0; i < 4; i++) {
        uint8_t *b = bytes + 8 * i;
        uint64_t w = a->word[i];
        b[0] = (uint8_t)w, b[1] = (uint8_t)(w >> 8), b[2] = (uint8_t)(w >> 16), b[3] = (uint8_t)(w >> 24);
        b[4] = (uint8_t)(w >> 32), b[5] = (uint8_t)(w >> 40), b[6] = (uint8_t)(w >> 48), b[7] = (uint8_t)(w >> 56);
    }
}

/* Below q; in constant time as well. */
bool scalar_is_reduced(const uint8_t bytes[32]);
void scalar_to_montgomery(scalar *r, const scalar *a);
/* r = a * b / 2^256 mod q: with one factor in Montgomery form, the plain product. */
void scalar_multiply(scalar *r, const scalar *a, const scalar *b);
void scalar_add_small(scalar *r, const scalar *a, uint64_t b);
/* a / 2 mod q */
void scalar_halve(scalar *a);
/* How a scalar is written as digits in [-2^(width-1), 2^(width-1)], the lowest first. */
typedef struct {
    unsigned width;
    size_t count;
    scalar offset;
} recoding;

/* So many digits hold any scalar. */
#define WINDOWS_OF(width) ((252 + (width) - 1) / (width))
/* For width * count <= 256. */
recoding recoding_of(unsigned width, size_t count);
/* Sum of digits[i * stride] * 2^(width * i) = a mod q; with fewer digits than WINDOWS_OF(width), a has to be small. */
void scalar_recode(int16_t *digits, size_t stride, const scalar *a, const recoding *r);

/* direct.c */
bool direct_is_cheaper(const schedule *plan, size_t length, const uint16_t *vectors);
enum outcome direct_build(schedule *plan, const int32_t *windows, size_t length, const uint16_t *vectors,
                          const uint8_t *keys);

void *aligned(size_t bytes);
/* Overwrites with zeros what the compiler may not elide. */
void wipe(void *memory, size_t bytes);

#endif
