/* 32-bit words with a carry from one addition or multiplication to the next, on a GPU and on a CPU.
 *
 * The device has one carry flag, which these PTX instructions read (c) and write (_cc); the host keeps it in a `carry`.
 * Everything above is written once, in these functions, so the CPU runs the device's own sequence of operations. */
#ifndef POLE_CUDA_CARRY_H
#define POLE_CUDA_CARRY_H

#include <stdint.h>

#ifdef __CUDACC__
#define BOTH __host__ __device__ __forceinline__
#define UNROLLED _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")
#else
#define BOTH inline
#define UNROLLED
#define ROLLED
#endif

struct carry {
#ifndef __CUDA_ARCH__
    uint64_t bit;
#endif
};

#ifdef __CUDA_ARCH__
#define POLE_INSTRUCTION(name, ptx, inputs, ...)                                                                     \
    BOTH uint32_t name inputs                                                                                        \
    {                                                                                                                \
        uint32_t r;                                                                                                  \
        asm volatile(ptx ";" : "=r"(r) : __VA_ARGS__);                                                               \
        return r;                                                                                                    \
    }
#define POLE_SUM(name, ptx)                                                                                          \
    POLE_INSTRUCTION(name, ptx " %0, %1, %2", (uint32_t a, uint32_t b, carry &), "r"(a), "r"(b))
#define POLE_PRODUCT(name, ptx)                                                                                      \
    POLE_INSTRUCTION(name, ptx " %0, %1, %2, %3", (uint32_t a, uint32_t b, uint32_t c, carry &), "r"(a), "r"(b), "r"(c))
#else
BOTH uint32_t keep_carry(uint64_t sum, carry &flag)
{
    flag.bit = sum >> 32;
    return (uint32_t)sum;
}
BOTH uint32_t keep_borrow(uint64_t difference, carry &flag)
{
    flag.bit = difference >> 63;
    return (uint32_t)difference;
}
#define POLE_SUM(name, value)                                                                                        \
    BOTH uint32_t name(uint32_t a, uint32_t b, carry &flag) { return value; }
#define POLE_PRODUCT(name, value)                                                                                    \
    BOTH uint32_t name(uint32_t a, uint32_t b, uint32_t c, carry &flag) { return value; }
#endif

#ifdef __CUDA_ARCH__
POLE_SUM(add_cc, "add.cc.u32")
POLE_SUM(addc_cc, "addc.cc.u32")
POLE_SUM(addc, "addc.u32")
POLE_SUM(sub_cc, "sub.cc.u32")
POLE_SUM(subc_cc, "subc.cc.u32")
POLE_SUM(subc, "subc.u32")
POLE_PRODUCT(mad_lo_cc, "mad.lo.cc.u32")
POLE_PRODUCT(madc_lo_cc, "madc.lo.cc.u32")
POLE_PRODUCT(madc_hi_cc, "madc.hi.cc.u32")
#else
POLE_SUM(add_cc, keep_carry((uint64_t)a + b, flag))
POLE_SUM(addc_cc, keep_carry((uint64_t)a + b + flag.bit, flag))
POLE_SUM(addc, (uint32_t)(a + b + flag.bit))
POLE_SUM(sub_cc, keep_borrow((uint64_t)a - b, flag))
POLE_SUM(subc_cc, keep_borrow((uint64_t)a - b - flag.bit, flag))
POLE_SUM(subc, (uint32_t)(a - b - flag.bit))
POLE_PRODUCT(mad_lo_cc, keep_carry(((uint64_t)a * b & UINT32_MAX) + c, flag))
POLE_PRODUCT(madc_lo_cc, keep_carry(((uint64_t)a * b & UINT32_MAX) + c + flag.bit, flag))
POLE_PRODUCT(madc_hi_cc, keep_carry(((uint64_t)a * b >> 32) + c + flag.bit, flag))
#endif

#endif
