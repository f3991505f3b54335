/* Decryption of whole shards on a GPU. nvcc makes the library that Python loads; a C++ compiler makes one that runs the
 * same stages on a CPU, for the tests. */
#include "decryptor.h"

#include <stdio.h>

#define SMALLEST_PORTION 32

/* The largest portion whose two sets of buffers stay within what is allowed. */
portion decryptor::fit(size_t samples) const
{
    const device_schedule &p = plan.view;
    uint64_t outputs = 8 * (uint64_t)plan.windows * p.queries, inputs = AFFINE_BYTES * ((uint64_t)p.dimension + 1);
    uint64_t n = std::max<uint64_t>(1, std::min<uint64_t>(allowed.samples, samples));
    for (;; n = std::max<uint64_t>(n / 2, SMALLEST_PORTION)) {
        uint64_t one = 2 * n * (footprint(p, 1).bytes() + inputs + outputs);
        uint64_t next = 2 * n * (footprint(p, 2).bytes() - footprint(p, 1).bytes());
        if (one <= allowed.bytes || n <= SMALLEST_PORTION) {
            uint64_t more = one <= allowed.bytes && next ? (allowed.bytes - one) / next : 0;
            return {(uint32_t)n, (uint32_t)std::min<uint64_t>(plan.windows, 1 + more)};
        }
    }
}

void decryptor::prepare(size_t samples)
{
    portion wanted = fit(samples);
    if (sets[0] && sets[1] && wanted.samples <= size.samples) return;
    for (auto &set : sets) set.reset();
    for (auto &set : sets) set = std::make_unique<buffers>(plan.view, plan.windows, wanted);
    size = wanted;
}

void decryptor::multiply_window(buffers &b, uint32_t first_window, uint32_t windows)
{
    const device_schedule &p = plan.view;
    size_t stride = size.samples;
    lane_array columns = {b.columns.data, stride}, partial = {b.partial.data, stride}, last = {b.last.data, stride},
               results = {b.results.data, stride};
    b.work.run(run_groups{p, columns, partial, last, first_window}, b.count, (uint64_t)windows * p.groups);
    b.work.run(make_corrections{p, partial, last}, b.count, windows);
    b.work.run(combine_rows{p, partial, last, results}, b.count, (uint64_t)windows * p.queries);
}

/* Baby steps from the table; giant steps over all results while any is missing and within the bound. */
void decryptor::find(buffers &b, uint32_t first_window, uint32_t windows)
{
    const device_schedule &p = plan.view;
    size_t stride = size.samples, per_sample = (size_t)plan.windows * p.queries, results = (size_t)windows * p.queries;
    lane_array points = {b.results.data, stride}, running = {b.running.data, stride};
    int64_t *out = b.out.data + (size_t)first_window * p.queries;
    uint64_t step = (uint64_t)table.view.last + 1, batches = (results + BATCH - 1) / BATCH;
    for (uint64_t offset = 0;;) {
        b.work.fill(b.missing.data, 0, sizeof(uint32_t));
        find_logarithms stage = {table.view, points, running,        out,           per_sample,
                                 results,    offset, bound,   b.invalid.data, b.missing.data};
        b.work.run(stage, b.count, batches);
        if (bound - offset < step) return;
        offset += step;
        b.work.to_host(b.host_missing.data, b.missing.data, sizeof(uint32_t));
        b.work.wait();
        if (!*b.host_missing.data) return;
        b.work.run(take_giant_step{points, minus_giant_step}, b.count, results);
    }
}

void decryptor::start(buffers &b, const ciphertexts &input, size_t first, uint32_t count)
{
    const device_schedule &p = plan.view;
    size_t size0 = count * input.point_bytes, bytes = size0 * p.dimension;
    size_t per_sample = (size_t)plan.windows * p.queries;
    b.first = first;
    b.count = count;
    memcpy(b.host_points.data, input.ct0 + first * input.point_bytes, size0);
    memcpy(b.host_points.data + size0, input.ct + first * p.dimension * input.point_bytes, bytes);
    b.work.to_device(b.points.data, b.host_points.data, size0 + bytes);
    b.work.fill(b.invalid.data, 0, count * sizeof(uint32_t));
    b.work.fill(b.out.data, 0xff, count * per_sample * sizeof(int64_t)); /* -1 */
    lane_array columns = {b.columns.data, size.samples}, running = {b.running.data, size.samples};
    const uint8_t *ct0 = b.points.data, *ct = ct0 + size0;
    if (input.point_bytes == AFFINE_BYTES)
        b.work.run(load_points<true>{ct0, ct, columns, b.invalid.data, p.dimension}, count, p.dimension + 1);
    else
        b.work.run(load_points<false>{ct0, ct, columns, b.invalid.data, p.dimension}, count, p.dimension + 1);
    b.work.run(expand_ct0{columns, running, p.dimension, p.digits, p.bits}, count, 1);
    for (uint32_t w = 0; w < plan.windows; w += size.windows) {
        uint32_t windows = std::min(size.windows, plan.windows - w);
        multiply_window(b, w, windows);
        find(b, w, windows);
    }
    b.work.to_host(b.host_out.data, b.out.data, count * per_sample * sizeof(int64_t));
}

void decryptor::finish(buffers &b, int64_t *out)
{
    uint32_t count = b.count;
    b.count = 0;
    if (count == 0) return;
    b.work.wait();
    size_t per_sample = (size_t)plan.windows * plan.view.queries;
    memcpy(out + b.first * per_sample, b.host_out.data, count * per_sample * sizeof(int64_t));
}

void decryptor::run(const ciphertexts &input, int64_t *out)
{
    std::lock_guard<std::mutex> alone(one_at_a_time);
    prepare(input.samples);
    sets[0]->count = sets[1]->count = 0;
    size_t turn = 0;
    for (size_t first = 0; first < input.samples; first += size.samples, turn ^= 1) {
        finish(*sets[turn], out);
        start(*sets[turn], input, first, (uint32_t)std::min<size_t>(size.samples, input.samples - first));
    }
    for (size_t i = 0; i < 2; i++) finish(*sets[turn ^ i], out);
}

/* What a caller may not ask for. */
static void require(bool holds, const char *otherwise)
{
    if (!holds) throw std::invalid_argument(otherwise);
}

/* Runs action(); what it throws becomes an outcome and a message. */
template <class Action> static int guarded(char message[256], Action action)
{
    try {
        enter_device();
        return action();
    } catch (const std::bad_alloc &) {
        return OUT_OF_MEMORY;
    } catch (const std::invalid_argument &error) {
        snprintf(message, 256, "%s", error.what());
        return REFUSED;
    } catch (const std::exception &error) {
        snprintf(message, 256, "%s", error.what());
        return DEVICE_FAILED;
    }
}

extern "C" {

/* plan: dimension, windows, queries, length of a window. */
int pole_open(const uint64_t shape[4], const int32_t *windows, const uint16_t *vectors, const uint8_t *keys,
              uint64_t bound, const limits *allowed, decryptor **opened, char message[256])
{
    return guarded(message, [&] {
        schedule built = {};
        built.dimension = shape[0];
        built.windows = shape[1];
        built.queries = shape[2];
        require(windows && vectors && keys, "a plan has windows, vectors and keys");
        const char *refusal = shape_refusal(&built, shape[3]);
        if (!refusal) refusal = column_refusal(&built, windows, shape[3]);
        require(!refusal, refusal);
        require(bound < BOUND_LIMIT, "a bound is below 2^62");
        require(allowed->logarithms > 0 && allowed->samples > 0, "a decryptor has a table, and takes samples");
        std::unique_ptr<schedule, void (*)(schedule *)> owner(&built, schedule_free);
        if (schedule_build(&built, windows, shape[3], vectors, keys) != DONE) return (int)OUT_OF_MEMORY;
        limits fitting = *allowed;
        fitting.bytes = std::min<uint64_t>(fitting.bytes, free_device_bytes() / 2);
        *opened = new decryptor(built, bound, fitting);
        return (int)DONE;
    });
}

int pole_inner_products(decryptor *with, const uint8_t *ct0, const uint8_t *ct, uint64_t point_bytes, uint64_t samples,
                        int64_t *out, char message[256])
{
    return guarded(message, [&] {
        require(with && ct0 && ct && out, "a decryptor needs points, and a place for results");
        require(point_bytes == ENCODED_BYTES || point_bytes == AFFINE_BYTES, "a point has 32 or 64 bytes");
        with->run({ct0, ct, point_bytes, samples}, out);
        return (int)DONE;
    });
}

void pole_close(decryptor *closed)
{
    char message[256];
    (void)guarded(message, [&] {
        delete closed;
        return (int)DONE;
    });
}
}
