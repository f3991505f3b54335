/* Memory, queues of work and parallel stages on an NVIDIA GPU. runtime_host.h has the same on a CPU. */
#ifndef POLE_CUDA_RUNTIME_CUDA_H
#define POLE_CUDA_RUNTIME_CUDA_H

#include <cuda_runtime.h>
#include <stdint.h>
#include <new>
#include <stdexcept>

inline void check(cudaError_t error)
{
    if (error == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        throw std::bad_alloc();
    }
    if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

inline void *allocate_device(size_t bytes)
{
    void *memory = nullptr;
    check(cudaMalloc(&memory, bytes));
    return memory;
}

inline void free_device(void *memory)
{
    cudaFree(memory);
}

/* Memory of the host that the device copies from and to by itself. */
inline void *allocate_pinned(size_t bytes)
{
    void *memory = nullptr;
    check(cudaMallocHost(&memory, bytes));
    return memory;
}

inline void free_pinned(void *memory)
{
    cudaFreeHost(memory);
}

inline uint64_t free_device_bytes()
{
    size_t unused = 0, total = 0;
    check(cudaMemGetInfo(&unused, &total));
    return unused;
}

/* Every thread that calls has its own current device. */
inline void enter_device()
{
    check(cudaSetDevice(0));
}

#define THREADS 128

template <class Stage> __global__ void __launch_bounds__(THREADS, Stage::BLOCKS) run_stage(Stage stage, uint32_t lanes)
{
    uint32_t blocks = (lanes + THREADS - 1) / THREADS;
    uint32_t lane = blockIdx.x % blocks * THREADS + threadIdx.x;
    if (lane < lanes) stage(lane, blockIdx.x / blocks);
}

/* What is put into one queue happens in turn; two queues run side by side. */
class queue {
  public:
    queue() { check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)); }
    ~queue() { cudaStreamDestroy(stream); }
    queue(const queue &) = delete;
    queue &operator=(const queue &) = delete;

    void to_device(void *to, const void *from, size_t bytes)
    {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream));
    }

    void to_host(void *to, const void *from, size_t bytes)
    {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
    }

    void fill(void *memory, uint8_t byte, size_t bytes) { check(cudaMemsetAsync(memory, byte, bytes, stream)); }

    /* stage(lane, item) for every lane below `lanes` and item below `items`; lanes stand side by side in memory. */
    template <class Stage> void run(const Stage &stage, uint32_t lanes, uint64_t items)
    {
        uint64_t blocks = (uint64_t)(lanes + THREADS - 1) / THREADS * items;
        if (blocks > INT32_MAX) throw std::runtime_error("a stage has more blocks than one launch can hold");
        if (blocks == 0) return;
        run_stage<<<(uint32_t)blocks, THREADS, 0, stream>>>(stage, lanes);
        check(cudaGetLastError());
    }

    void wait() { check(cudaStreamSynchronize(stream)); }

  private:
    cudaStream_t stream;
};

#endif
