#pragma once

/// NNUNET_SIMD before a function: compiled once a generation of x86-64 vector units (AVX-512; AVX2 and FMA; SSE2), the
/// fitting one chosen when the library is loaded. For plain loops that the compiler turns into vector code; what they
/// call must be inlined, NNUNET_INLINE insists on it. Nothing where the compiler has one target only.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__AVX512F__)
#define NNUNET_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define NNUNET_SIMD
#endif
#define NNUNET_INLINE inline __attribute__((always_inline))
