/* The same calls on a GPU, when nvcc compiles, and on a CPU, when a C++ compiler does. */
#ifndef POLE_CUDA_RUNTIME_H
#define POLE_CUDA_RUNTIME_H

#ifdef __CUDACC__
#include "runtime_cuda.h"
#else
#include "runtime_host.h"
#endif

/* An array on the device. */
template <class T> class device_array {
  public:
    explicit device_array(size_t count) : data((T *)allocate_device((count ? count : 1) * sizeof(T))) {}
    ~device_array() { free_device(data); }
    device_array(const device_array &) = delete;
    device_array &operator=(const device_array &) = delete;
    T *const data;
};

/* An array of the host that queues copy from and to. */
template <class T> class pinned_array {
  public:
    explicit pinned_array(size_t count) : data((T *)allocate_pinned((count ? count : 1) * sizeof(T))) {}
    ~pinned_array() { free_pinned(data); }
    pinned_array(const pinned_array &) = delete;
    pinned_array &operator=(const pinned_array &) = delete;
    T *const data;
};

#endif
