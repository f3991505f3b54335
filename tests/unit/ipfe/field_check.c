/* Runs one field header over limbs from standard input: pairs of elements, ten words each, LANES pairs at a time. Writes
 * the canonical limbs of a b, a^2, a + b, a - b, (a + b)(a - b), (a - b)^2 and ((a + b) + (a + b)) b for each pair, and
 * then whether a is zero and whether it is negative. FIELD is the header. */
#include FIELD

#include <stdio.h>

#define RESULTS 7

int main(void)
{
    uint64_t words[LANES][10], limbs[RESULTS][LANES][5];
    while (fread(words, sizeof words, 1, stdin) == 1) {
        const uint64_t *first[LANES], *second[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            first[lane] = words[lane];
            second[lane] = words[lane] + 5;
        }
        fe a, b, sum, difference, r[RESULTS];
        fe_load_limbs(&a, first);
        fe_load_limbs(&b, second);
        fe_add(&sum, &a, &b);
        fe_sub(&difference, &a, &b);
        fe_mul(&r[0], &a, &b);
        fe_sq(&r[1], &a);
        r[2] = sum;
        r[3] = difference;
        fe_mul(&r[4], &sum, &difference);
        fe_sq(&r[5], &difference);
        fe_add(&r[6], &sum, &sum);
        fe_mul(&r[6], &r[6], &b);
        for (int i = 0; i < RESULTS; i++) fe_store_limbs(limbs[i], &r[i]);
        lane_mask zero = fe_is_zero(&a), negative = fe_is_negative(&a);
        for (int lane = 0; lane < LANES; lane++) {
            for (int i = 0; i < RESULTS; i++) fwrite(limbs[i][lane], sizeof limbs[i][lane], 1, stdout);
            uint64_t flags[2] = {zero >> lane & 1, negative >> lane & 1};
            fwrite(flags, sizeof flags, 1, stdout);
        }
    }
    return 0;
}
