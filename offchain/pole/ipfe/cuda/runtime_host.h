/* What runtime_cuda.h offers, on a CPU: one lane after the other, everything at once done when a call returns. */
#ifndef POLE_CUDA_RUNTIME_HOST_H
#define POLE_CUDA_RUNTIME_HOST_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <new>
#include <stdexcept>

inline void *allocate_device(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) throw std::bad_alloc();
    return memory;
}

inline void free_device(void *memory)
{
    free(memory);
}

inline void *allocate_pinned(size_t bytes)
{
    return allocate_device(bytes);
}

inline void free_pinned(void *memory)
{
    free(memory);
}

inline uint64_t free_device_bytes()
{
    return UINT64_C(1) << 30;
}

inline void enter_device() {}

class queue {
  public:
    void to_device(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
    void to_host(void *to, const void *from, size_t bytes) { memcpy(to, from, bytes); }
    void fill(void *memory, uint8_t byte, size_t bytes) { memset(memory, byte, bytes); }

    template <class Stage> void run(const Stage &stage, uint32_t lanes, uint64_t items)
    {
        for (uint64_t item = 0; item < items; item++)
            for (uint32_t lane = 0; lane < lanes; lane++) stage(lane, (uint32_t)item);
    }

    void wait() {}
};

#endif
