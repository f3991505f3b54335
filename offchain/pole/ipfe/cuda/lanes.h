/* Field elements of many samples in device memory: lane after lane, so that neighbouring threads read neighbouring
 * 16 bytes. */
#ifndef POLE_CUDA_LANES_H
#define POLE_CUDA_LANES_H

#include "edwards.h"

struct alignas(16) quarter {
    uint32_t word[4];
};

#define ELEMENT_QUARTERS 2
#define POINT_ELEMENTS 4
#define COLUMN_ELEMENTS 3

/* The elements of one lane in an array of `stride` lanes. */
struct lane_view {
    quarter *first;
    size_t stride;

    BOTH fe element(size_t i) const
    {
        quarter low = first[2 * i * stride], high = first[(2 * i + 1) * stride];
        return {{low.word[0], low.word[1], low.word[2], low.word[3], high.word[0], high.word[1], high.word[2],
                 high.word[3]}};
    }

    BOTH void put_element(size_t i, const fe &a) const
    {
        first[2 * i * stride] = {{a.word[0], a.word[1], a.word[2], a.word[3]}};
        first[(2 * i + 1) * stride] = {{a.word[4], a.word[5], a.word[6], a.word[7]}};
    }

    BOTH point point_at(size_t i) const
    {
        return {element(4 * i), element(4 * i + 1), element(4 * i + 2), element(4 * i + 3)};
    }

    BOTH void put_point(size_t i, const point &p) const
    {
        put_element(4 * i, p.x);
        put_element(4 * i + 1, p.y);
        put_element(4 * i + 2, p.z);
        put_element(4 * i + 3, p.t);
    }

    /* The column, with its first two exchanged where negative. */
    BOTH column column_at(size_t i, bool negative) const
    {
        return {element(3 * i + negative), element(3 * i + !negative), element(3 * i + 2)};
    }

    BOTH void put_column(size_t i, const column &c) const
    {
        put_element(3 * i, c.sum);
        put_element(3 * i + 1, c.difference);
        put_element(3 * i + 2, c.t2d);
    }
};

/* An array of elements on the device. */
struct lane_array {
    quarter *data;
    size_t stride;

    BOTH lane_view at(uint32_t lane) const { return {data + lane, stride}; }
};

#endif
