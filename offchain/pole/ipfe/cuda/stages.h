/* Decryption in stages, each a function of a lane (a sample) and an item: the group matrix product of
 * ../native/schedule.c. All lanes do the same additions, so no thread of a warp waits for another. */
#ifndef POLE_CUDA_STAGES_H
#define POLE_CUDA_STAGES_H

#include "logarithms.h"

/* A schedule in device memory, and how its rows fall into groups. */
struct device_schedule {
    const uint32_t *steps;
    const uint64_t *starts;
    const uint32_t *first_rows; /* of each group, and after the last one the number of rows */
    const uint32_t *group_of;   /* of each row */
    uint32_t dimension, queries, bits, digits, rows, groups;
};

BOTH fe load_bytes(const uint8_t *bytes)
{
    const quarter *q = (const quarter *)bytes;
    quarter low = q[0], high = q[1];
    return {{low.word[0], low.word[1], low.word[2], low.word[3], high.word[0], high.word[1], high.word[2],
             high.word[3]}};
}

/* Item 0 is ct_0, which becomes the point in front of the digits' columns; item j + 1 is column j. */
template <bool affine> struct load_points {
    static constexpr int BLOCKS = 4;
    const uint8_t *ct0, *ct;
    lane_array columns;
    uint32_t *invalid; /* not 0 for each lane with an item that is no point */
    uint32_t dimension;

    BOTH void operator()(uint32_t lane, uint32_t item) const
    {
        constexpr size_t bytes = affine ? 64 : 32;
        const uint8_t *from = item == 0 ? ct0 + bytes * lane : ct + bytes * ((size_t)lane * dimension + item - 1);
        fe x, y, xy;
        bool valid;
        if (affine) {
            x = load_bytes(from);
            y = load_bytes(from + 32);
            valid = check_affine(x, y, xy);
        } else {
            valid = decode(x, y, xy, load_bytes(from));
        }
        if (!valid) invalid[lane] = 1;
        if (item == 0)
            columns.at(lane).put_column(dimension, {x, y, xy});
        else
            columns.at(lane).put_column(item - 1, affine_column(x, y, xy));
    }
};

/* The columns -2^(k i) ct_0 of the functional keys' digits. */
struct expand_ct0 {
    static constexpr int BLOCKS = 4;
    lane_array columns, running;
    uint32_t dimension, digits, bits;

    BOTH void operator()(uint32_t lane, uint32_t) const
    {
        lane_view mine = columns.at(lane), products = running.at(lane);
        column ct0 = mine.column_at(dimension, false);
        point p = -point{ct0.sum, ct0.difference, fe_small(1), ct0.t2d};
        fe product = fe_small(1);
        ROLLED for (uint32_t i = 0; i < digits; i++)
        {
            mine.put_column(dimension + i, {p.x, p.y, p.z});
            products.put_element(i, product);
            product = product * p.z;
            ROLLED for (uint32_t b = 0; b < bits; b++) p = twice(p);
        }
        fe inverse = invert(product);
        ROLLED for (uint32_t i = digits; i-- > 0;)
        {
            column projective = mine.column_at(dimension + i, false);
            fe z_inverse = inverse * products.element(i);
            inverse = inverse * projective.t2d;
            fe x = projective.sum * z_inverse, y = projective.difference * z_inverse;
            mine.put_column(dimension + i, affine_column(x, y, x * y));
        }
    }
};

/* The sums by parts of one group of rows over one window; an item is a window and a group. */
struct run_groups {
    static constexpr int BLOCKS = 4;
    device_schedule plan;
    lane_array columns, partial, last;
    uint32_t first_window;

    BOTH void operator()(uint32_t lane, uint32_t item) const
    {
        uint32_t window = item / plan.groups, group = item % plan.groups;
        const uint32_t *step = plan.steps + plan.starts[(size_t)(first_window + window) * plan.groups + group];
        uint32_t first = plan.first_rows[group], rows = plan.first_rows[group + 1] - first;
        size_t output = (size_t)window * plan.rows + first;
        lane_view from = columns.at(lane), outputs = partial.at(lane);
        outputs.put_point(output, identity()); /* the first row never changes its sign */
        point sum = identity();
        uint32_t buckets = UINT32_C(1) << (rows - 1);
        ROLLED for (uint32_t i = 0; i < buckets; i++)
        {
            ROLLED for (uint32_t left = *step++; left > 0; left--, step++)
            {
                bool negative = *step & 1;
                sum = add_column(sum, from.column_at(*step >> 1, negative), negative);
            }
            if (i + 1 == buckets) break;
            uint32_t flipped = 0;
            while (!((i + 1) >> flipped & 1)) flipped++;
            size_t row = output + 1 + flipped;
            if (i + 1 == UINT32_C(1) << flipped) { /* its first sum, with sign +1 */
                outputs.put_point(row, sum);
                continue;
            }
            bool negative = (i ^ i >> 1) >> flipped & 1;
            point addend = {choose(negative, sum.x, -sum.x), sum.y, sum.z, choose(negative, sum.t, -sum.t)};
            outputs.put_point(row, outputs.point_at(row) + addend);
        }
        last.at(lane).put_point(item, sum);
    }
};

/* r = 2 r + s_row(last) * A_last, r already with the partial sums of the row. */
BOTH point finish_row(const device_schedule &plan, const lane_view &last, const point &r, uint32_t window, uint32_t row)
{
    uint32_t group = plan.group_of[row], first = plan.first_rows[group], end = plan.first_rows[group + 1];
    point sum = last.point_at((size_t)window * plan.groups + group);
    /* The last pattern in Gray-code order has its highest bit set alone. */
    bool negative = end - first > 1 && row == end - 1;
    sum.x = choose(negative, sum.x, -sum.x);
    sum.t = choose(negative, sum.t, -sum.t);
    return twice(r) + sum;
}

/* (2^k - 1) * the sum of all columns of a window, in place of the partial sums of the row of +1. */
struct make_corrections {
    static constexpr int BLOCKS = 3;
    device_schedule plan;
    lane_array partial, last;

    BOTH void operator()(uint32_t lane, uint32_t window) const
    {
        lane_view rows = partial.at(lane);
        uint32_t row = plan.rows - 1;
        size_t place = (size_t)window * plan.rows + row;
        point total = finish_row(plan, last.at(lane), rows.point_at(place), window, row), multiple = total;
        ROLLED for (uint32_t b = 0; b < plan.bits; b++) multiple = twice(multiple);
        rows.put_point(place, multiple + -total);
    }
};

/* Twice one inner product; an item is a window and a query. */
struct combine_rows {
    static constexpr int BLOCKS = 3;
    device_schedule plan;
    lane_array partial, last, results;

    BOTH void operator()(uint32_t lane, uint32_t item) const
    {
        uint32_t window = item / plan.queries, row = item % plan.queries * plan.bits + plan.bits;
        size_t first = (size_t)window * plan.rows;
        lane_view rows = partial.at(lane), sums = last.at(lane);
        point r = identity();
        ROLLED for (uint32_t b = 0; b < plan.bits; b++)
        {
            row--;
            r = finish_row(plan, sums, r + rows.point_at(first + row), window, row);
        }
        results.at(lane).put_point(item, r + rows.point_at(first + plan.rows - 1));
    }
};

#endif
