/* Small discrete logarithms to the base 2G: a hash table on the device, keyed as in ../native/logarithms.h. */
#ifndef POLE_CUDA_LOGARITHMS_H
#define POLE_CUDA_LOGARITHMS_H

#include "lanes.h"

#define BATCH 32 /* elements that one thread inverts together */
#define VACANT UINT32_MAX
#define NOT_FOUND INT64_C(-1)

struct alignas(16) log_entry {
    uint32_t key[3];
    uint32_t value;
};

struct log_table {
    log_entry *entries;
    uint64_t mask;
    uint32_t last; /* it holds 0..last */
};

/* Two words choose the entry, three are compared: a point that is no multiple in range passes for one with
 * probability below 2^-90. */
BOTH uint64_t home_of(const log_table &table, const fe &key)
{
    return ((uint64_t)key.word[1] << 32 | key.word[0]) & table.mask;
}

BOTH int64_t look_up(const log_table &table, const fe &key)
{
    for (uint64_t i = home_of(table, key);; i = (i + 1) & table.mask) {
        log_entry entry = table.entries[i];
        if (entry.value == VACANT) return NOT_FOUND;
        if (entry.key[0] == key.word[2] && entry.key[1] == key.word[3] && entry.key[2] == key.word[4])
            return entry.value;
    }
}

/* Takes the entry if it is vacant. */
BOTH bool claim(uint32_t *value, uint32_t mine)
{
#ifdef __CUDA_ARCH__
    return atomicCAS(value, VACANT, mine) == VACANT;
#else
    if (*value != VACANT) return false;
    *value = mine;
    return true;
#endif
}

/* Nobody looks keys up before all are entered. */
BOTH void enter(const log_table &table, const fe &key, uint32_t value)
{
    uint64_t i = home_of(table, key);
    while (!claim(&table.entries[i].value, value)) i = (i + 1) & table.mask;
    table.entries[i].key[0] = key.word[2];
    table.entries[i].key[1] = key.word[3];
    table.entries[i].key[2] = key.word[4];
}

/* visit(i, key) for `count` points from `first` on, last one first: (x^2 + y^2) / (x y), one inversion for all;
 * `running` has an element for each. */
template <class Visit>
BOTH void each_key(const lane_view &points, const lane_view &running, size_t first, size_t count, Visit visit)
{
    fe product = fe_small(1);
    ROLLED for (size_t i = first; i < first + count; i++)
    {
        fe xy = points.element(POINT_ELEMENTS * i) * points.element(POINT_ELEMENTS * i + 1);
        running.put_element(i, product);
        product = product * choose(is_zero(xy), xy, fe_small(1));
    }
    fe inverse = invert(product);
    ROLLED for (size_t i = first + count; i-- > first;)
    {
        fe x = points.element(POINT_ELEMENTS * i), y = points.element(POINT_ELEMENTS * i + 1), xy = x * y;
        bool zero = is_zero(xy);
        fe key = (square(x) + square(y)) * inverse * running.element(i);
        inverse = inverse * choose(zero, xy, fe_small(1));
        visit(i, choose(zero, canonical(key), fe_small(0)));
    }
}

/* Enters BATCH multiples of 2G for each lane, those of its item. */
struct enter_multiples {
    static constexpr int BLOCKS = 2;
    log_table table;
    lane_array points, running;
    uint64_t first; /* multiple of the first lane */

    BOTH void operator()(uint32_t lane, uint32_t) const
    {
        uint64_t multiple = first + (uint64_t)lane * BATCH;
        if (multiple > table.last) return;
        size_t count = table.last - multiple < BATCH ? (size_t)(table.last - multiple + 1) : BATCH;
        lane_view mine = points.at(lane);
        point step = twice(generator()), current = multiply(multiple, step);
        ROLLED for (size_t i = 0; i < count; i++)
        {
            mine.put_point(i, current);
            current = current + step;
        }
        const log_table &entered = table;
        each_key(mine, running.at(lane), 0, count,
                 [&](size_t i, const fe &key) { enter(entered, key, (uint32_t)(multiple + i)); });
    }
};

/* Replaces -1 by the logarithm of a result where the table has it: one batch an item. Lanes with an invalid point keep -1,
 * and nobody waits for them. */
struct find_logarithms {
    static constexpr int BLOCKS = 4;
    log_table table;
    lane_array points, running;
    int64_t *out; /* of the first lane and the first result */
    size_t out_stride, results;
    uint64_t offset, bound;
    const uint32_t *invalid;
    uint32_t *missing;

    BOTH void operator()(uint32_t lane, uint32_t batch) const
    {
        if (invalid[lane]) return;
        size_t first = (size_t)batch * BATCH, count = results - first < BATCH ? results - first : BATCH;
        int64_t *mine = out + lane * out_stride;
        each_key(points.at(lane), running.at(lane), first, count, [&](size_t i, const fe &key) {
            if (mine[i] != NOT_FOUND) return;
            int64_t value = look_up(table, key);
            if (value != NOT_FOUND && offset + (uint64_t)value <= bound)
                mine[i] = (int64_t)(offset + (uint64_t)value);
            else
                *missing = 1;
        });
    }
};

/* Subtracts the giant step from every result. */
struct take_giant_step {
    static constexpr int BLOCKS = 4;
    lane_array points;
    point minus_giant_step;

    BOTH void operator()(uint32_t lane, uint32_t result) const
    {
        lane_view mine = points.at(lane);
        mine.put_point(result, mine.point_at(result) + minus_giant_step);
    }
};

#endif
