/* Runs one field header over limbs from standard input: pairs of elements, ten words each, LANES pairs at a time. Writes
 * the canonical limbs of a b, a^2, a + b, a - b, (a + b)(a - b), (a - b)^2 and ((a + b) + (a + b)) b for each pair, and
 * then whether a is zero and whether it is negative. Results 7 and 8 are b and b^2 with b negated in odd pairs after its
 * limbs were made canonical, as those of a table are. FIELD is the header. */
#include FIELD

#include <stdio.h>

#define RESULTS 9

int main(void)
{
    uint64_t words[LANES][10], limbs[RESULTS][LANES][5];
    unsigned pair = 0;
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
        for (int i = 0; i < 7; i++) fe_store_limbs(limbs[i], &r[i]);
        uint64_t canonical[LANES][5];
        const uint64_t *table[LANES];
        fe_store_limbs(canonical, &b);
        for (int lane = 0; lane < LANES; lane++) table[lane] = canonical[lane];
        fe_load_limbs(&r[7], table);
        lane_mask odd = 0;
        for (int lane = 0; lane < LANES; lane++) odd |= (lane_mask)((pair + (unsigned)lane) & 1) << lane;
        fe_negate_canonical(&r[7], odd);
        fe_mul(&r[8], &b, &r[7]);
        pair += LANES;
        for (int i = 7; i < RESULTS; i++) fe_store_limbs(limbs[i], &r[i]);
        lane_mask zero = fe_is_zero(&a), negative = fe_is_negative(&a);
        for (int lane = 0; lane < LANES; lane++) {
            for (int i = 0; i < RESULTS; i++) fwrite(limbs[i][lane], sizeof limbs[i][lane], 1, stdout);
            uint64_t flags[2] = {zero >> lane & 1, negative >> lane & 1};
            fwrite(flags, sizeof flags, 1, stdout);
        }
    }
    return 0;
}
