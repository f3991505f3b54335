/* Runs the arithmetic of the CUDA path on the processor over pairs of elements from standard input, sixteen words each.
 * Writes the canonical words of a b, a^2, a + b, a - b, (a + b)(a - b), (a - b)^2, ((a + b) + (a + b)) b, 1/a and a
 * itself, then whether a is zero and whether it is negative. */
#include "field.h"

#include <stdio.h>

int main(void)
{
    struct {
        fe a, b;
    } pair;
    while (fread(&pair, sizeof pair, 1, stdin) == 1) {
        const fe &a = pair.a, &b = pair.b;
        fe sum = a + b, difference = a - b;
        const fe results[] = {a * b,            square(a),          sum,             difference,
                              sum * difference, square(difference), (sum + sum) * b, invert(a),
                              a};
        for (const fe &result : results) {
            fe words = canonical(result);
            fwrite(&words, sizeof words, 1, stdout);
        }
        uint32_t flags[2] = {is_zero(a), is_negative(a)};
        fwrite(flags, sizeof flags, 1, stdout);
    }
    return 0;
}
