/* Runs one field header over pairs of elements from standard input, eight words for each element, LANES pairs at a time:
 * limbs of 51 bits, or the header's own words where WORDS is defined. Writes, for each pair, the canonical limbs of a b,
 * a^2, a + b, a - b, (a + b)(a - b), (a - b)^2 and ((a + b) + (a + b)) b, of the loose a + b, a - b, 2a - b and 2a + b, each
 * times b, of b with its sign turned in odd pairs after a table kept its words, and of b times that. Then whether a is zero
 * and whether it is negative. FIELD is the header. */
#include FIELD

#include <stdio.h>

#define RESULTS 13

static void load(fe *r, const uint64_t *const words[LANES])
{
#ifdef WORDS
    fe_words line[8];
    load_lines(line, words);
    for (int i = 0; i < 5; i++) r->v[i] = line[i];
#else
    fe_load_limbs(r, words);
#endif
}

/* Puts an element into a table and takes it out again. */
static void keep(fe *r, const fe *a)
{
    uint64_t words[LANES][5], lines[LANES][8] = {{0}};
    const uint64_t *table[LANES];
    fe_words line[8];
    fe_store_words(words, a);
    for (int lane = 0; lane < LANES; lane++) {
        memcpy(lines[lane], words[lane], sizeof words[lane]);
        table[lane] = lines[lane];
    }
    load_lines(line, table);
    for (int i = 0; i < 5; i++) r->v[i] = line[i];
}

static void loose_products(fe r[4], const fe *a, const fe *b)
{
    fe twice;
    fe_add_loose(&r[0], a, b);
    fe_sub_loose(&r[1], a, b);
    fe_add_loose(&twice, a, a);
    fe_sub_loose(&r[2], &twice, b);
    fe_add_loose(&r[3], &twice, b);
    fe_mul(&r[0], &r[0], b);
    fe_mul(&r[1], b, &r[1]);
    fe_mul(&r[2], &r[2], b);
    fe_mul(&r[3], b, &r[3]);
}

int main(void)
{
    uint64_t words[LANES][16], limbs[RESULTS][LANES][5];
    unsigned pair = 0;
    while (fread(words, sizeof words, 1, stdin) == 1) {
        const uint64_t *first[LANES], *second[LANES];
        lane_mask odd = 0;
        for (int lane = 0; lane < LANES; lane++) {
            first[lane] = words[lane];
            second[lane] = words[lane] + 8;
            odd |= (lane_mask)((pair + (unsigned)lane) & 1) << lane;
        }
        fe a, b, sum, difference, r[RESULTS];
        load(&a, first);
        load(&b, second);
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
        loose_products(r + 7, &a, &b);
        keep(&r[11], &b);
        fe_negate_lanes(&r[11], odd);
        fe_mul(&r[12], &b, &r[11]);
        pair += LANES;
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
