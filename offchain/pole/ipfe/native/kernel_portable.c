/* The path for every machine: one element at a time. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* Each stands on the one before. */
#include "field_portable.h"
#include "group.h"
#include "ristretto.h"
#include "fixed_base.h"
#include "encryption.h"
#include "logarithms.h"
#include "decryption.h"

const kernel kernel_portable = {"portable", prepare, base_multiples, encrypt, encrypt_public,
                                expand, decrypt, build_logarithms};

/* Straus: signed 4-bit windows, doublings shared by all points. */
enum outcome linear_combination(const uint8_t *points, const uint8_t *scalars, size_t count, uint8_t *out, size_t *bad)
{
    enum { WIDTH = 4, HALF = 1 << (WIDTH - 1), WINDOWS = WINDOWS_OF(WIDTH) };
    point *tables = aligned(count * HALF * sizeof *tables);
    int16_t (*digits)[WINDOWS] = malloc(count * sizeof *digits);
    recoding recoded = recoding_of(WIDTH, WINDOWS);
    enum outcome outcome = tables && digits ? DONE : OUT_OF_MEMORY;
    for (size_t i = 0; outcome == DONE && i < count; i++) {
        const uint8_t *encoded[1][1] = {{points + 32 * i}};
        affine decoded;
        point *p = &tables[i * HALF];
        decode(&decoded, encoded, 1);
        if (!decoded.valid) {
            *bad = i;
            outcome = INVALID_POINT;
        }
        *p = (point){decoded.x, decoded.y, decoded.x, decoded.xy};
        fe_splat(&p->z, ONE);
        for (int m = 1; m < HALF; m++) add_point(&p[m], &p[m - 1], p, 0);
        scalar k;
        scalar_load(&k, scalars + 32 * i);
        scalar_halve(&k);
        scalar_recode(digits[i], 1, &k, &recoded);
    }
    if (outcome == DONE) {
        point sum;
        point_identity(&sum);
        for (int w = WINDOWS; w-- > 0;) {
            for (int b = 0; b < WIDTH; b++) double_point(&sum, &sum);
            for (size_t i = 0; i < count; i++) {
                int digit = digits[i][w];
                if (digit) add_point(&sum, &sum, &tables[i * HALF + (size_t)abs(digit) - 1], digit < 0);
            }
        }
        fe scratch[7];
        uint8_t *destination[1][1] = {{out}};
        double_and_encode(&sum, 1, destination, scratch);
    }
    free(tables);
    free(digits);
    return outcome;
}
