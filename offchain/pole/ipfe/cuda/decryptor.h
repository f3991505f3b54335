/* One plan with its functional keys on the device, and two sets of buffers: the host fills one while the device works
 * on the other. */
#ifndef POLE_CUDA_DECRYPTOR_H
#define POLE_CUDA_DECRYPTOR_H

#include "runtime.h"
#include "stages.h"

extern "C" {
#include "../native/kernel.h"
}

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#define TABLE_LANES 8192 /* lanes that fill the table of logarithms together */
#define DEVICE_FAILED (INVALID_POINT + 1)
#define REFUSED (DEVICE_FAILED + 1)

struct limits {
    uint64_t logarithms; /* entries of the table at most */
    uint64_t bytes;      /* of device memory for both sets of buffers */
    uint64_t samples;    /* in one set of buffers at most */
};

template <class T> std::unique_ptr<device_array<T>> upload(const T *values, size_t count)
{
    auto array = std::make_unique<device_array<T>>(count);
    queue q;
    q.to_device(array->data, values, count * sizeof(T));
    q.wait();
    return array;
}

/* The schedule of native/schedule.c, copied to the device. */
class uploaded_schedule {
  public:
    uploaded_schedule(const schedule &built)
    {
        std::vector<uint64_t> offsets(built.starts, built.starts + built.windows * built.groups);
        std::vector<uint32_t> firsts, group_of;
        for (size_t g = 0; g <= built.groups; g++) firsts.push_back((uint32_t)group_start(&built, g));
        for (uint32_t g = 0; g < built.groups; g++) group_of.resize(firsts[g + 1], g);
        size_t groups = built.windows * built.groups, end = offsets[groups - 1];
        size_t rows = firsts[built.groups] - firsts[built.groups - 1];
        for (size_t bucket = 0; bucket < (size_t)1 << (rows - 1); bucket++) end += 1 + built.steps[end];
        steps = upload(built.steps, end);
        starts = upload(offsets.data(), offsets.size());
        first_rows = upload(firsts.data(), firsts.size());
        groups_of_rows = upload(group_of.data(), group_of.size());
        view = {steps->data,
                starts->data,
                first_rows->data,
                groups_of_rows->data,
                (uint32_t)built.dimension,
                (uint32_t)built.queries,
                built.bits,
                (uint32_t)built.digits,
                (uint32_t)built.rows,
                (uint32_t)built.groups};
        windows = (uint32_t)built.windows;
    }

    device_schedule view;
    uint32_t windows;

  private:
    std::unique_ptr<device_array<uint32_t>> steps, first_rows, groups_of_rows;
    std::unique_ptr<device_array<uint64_t>> starts;
};

/* The multiples 0..last of 2G by their keys, at most two thirds full. */
class uploaded_logarithms {
  public:
    uploaded_logarithms(uint32_t last) : entries(slots_for(last))
    {
        size_t slots = slots_for(last);
        view = {entries.data, slots - 1, last};
        uint32_t lanes = (uint32_t)std::min<uint64_t>(TABLE_LANES, last / BATCH + 1);
        device_array<quarter> points(lanes * BATCH * POINT_ELEMENTS * ELEMENT_QUARTERS);
        device_array<quarter> running(lanes * BATCH * ELEMENT_QUARTERS);
        queue q;
        q.fill(entries.data, 0xff, slots * sizeof(log_entry));
        for (uint64_t first = 0; first <= last; first += (uint64_t)lanes * BATCH)
            q.run(enter_multiples{view, {points.data, lanes}, {running.data, lanes}, first}, lanes, 1);
        q.wait();
    }

    log_table view;

  private:
    static size_t slots_for(uint32_t last)
    {
        size_t slots = 16;
        while (2 * slots < 3 * ((uint64_t)last + 1)) slots *= 2;
        return slots;
    }

    device_array<log_entry> entries;
};

/* How many samples, and how many windows of theirs, are worked on at once. */
struct portion {
    uint32_t samples, windows;
};

/* Elements for each sample, by array. */
struct footprint {
    footprint(const device_schedule &plan, uint32_t windows)
        : columns((uint64_t)COLUMN_ELEMENTS * (plan.dimension + plan.digits)),
          partial((uint64_t)POINT_ELEMENTS * windows * plan.rows),
          last((uint64_t)POINT_ELEMENTS * windows * plan.groups),
          results((uint64_t)POINT_ELEMENTS * windows * plan.queries),
          running(std::max<uint64_t>(plan.digits, (uint64_t)windows * plan.queries))
    {
    }

    uint64_t bytes() const { return 32 * (columns + partial + last + results + running); }

    uint64_t columns, partial, last, results, running;
};

/* The samples of one portion: their points, what is computed of them, and their results. */
class buffers {
  public:
    buffers(const device_schedule &plan, uint32_t all_windows, portion fit)
        : buffers(footprint(plan, fit.windows), (uint64_t)fit.samples * (plan.dimension + 1) * AFFINE_BYTES,
                  (uint64_t)fit.samples * all_windows * plan.queries, fit.samples)
    {
    }

    queue work;
    pinned_array<uint8_t> host_points;
    pinned_array<int64_t> host_out;
    pinned_array<uint32_t> host_missing;
    device_array<uint8_t> points;
    device_array<int64_t> out;
    device_array<uint32_t> invalid, missing;
    device_array<quarter> columns, partial, last, results, running;
    size_t first = 0;
    uint32_t count = 0; /* samples in work from `first` on */

  private:
    buffers(const footprint &each, uint64_t input, uint64_t output, uint64_t n)
        : host_points(input), host_out(output), host_missing(1), points(input), out(output), invalid(n), missing(1), columns(n * each.columns * ELEMENT_QUARTERS),
          partial(n * each.partial * ELEMENT_QUARTERS), last(n * each.last * ELEMENT_QUARTERS),
          results(n * each.results * ELEMENT_QUARTERS), running(n * each.running * ELEMENT_QUARTERS)
    {
    }
};

/* Ciphertexts as the caller has them. */
struct ciphertexts {
    const uint8_t *ct0, *ct;
    size_t point_bytes, samples;
};

/* The largest multiple that the table has; VACANT is no multiple. */
inline uint32_t last_entry(uint64_t bound, const limits &allowed)
{
    return (uint32_t)std::min({bound, allowed.logarithms - 1, (uint64_t)VACANT - 1});
}

class decryptor {
  public:
    decryptor(const schedule &built, uint64_t bound, const limits &allowed)
        : plan(built), table(last_entry(bound, allowed)), bound(bound), allowed(allowed)
    {
        minus_giant_step = -multiply((uint64_t)table.view.last + 1, twice(generator()));
    }

    void run(const ciphertexts &input, int64_t *out);

  private:
    portion fit(size_t samples) const;
    void prepare(size_t samples);
    void start(buffers &b, const ciphertexts &input, size_t first, uint32_t count);
    void finish(buffers &b, int64_t *out);
    void multiply_window(buffers &b, uint32_t first_window, uint32_t windows);
    void find(buffers &b, uint32_t first_window, uint32_t windows);

    std::mutex one_at_a_time;
    uploaded_schedule plan;
    uploaded_logarithms table;
    uint64_t bound;
    limits allowed;
    point minus_giant_step;
    portion size = {0, 0};
    std::unique_ptr<buffers> sets[2];
};

#endif
