/* The path for processors with AVX2 and FMA: four elements at a time. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma")
#endif

/* Each stands on the one before. */
#include "field_avx2.h"
#include "group.h"
#include "ristretto.h"
#include "fixed_base.h"
#include "encryption.h"
#include "logarithms.h"
#include "decryption.h"

const kernel kernel_avx2 = {"avx2", prepare, base_multiples, encrypt, encrypt_public,
                            expand, decrypt, build_logarithms};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
