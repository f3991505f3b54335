/* The path for processors with AVX-512 IFMA: eight elements at a time. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC optimize("O3")
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512ifma")
#endif

/* Each stands on the one before. */
#include "field_ifma.h"
#include "group.h"
#include "ristretto.h"
#include "fixed_base.h"
#include "encryption.h"
#include "logarithms.h"
#include "decryption.h"

const kernel kernel_ifma = {"ifma", prepare, base_multiples, encrypt, encrypt_public,
                            expand, decrypt, build_logarithms};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
