#if defined(__x86_64__)
#include <immintrin.h>
#include <cstring>
#include <type_traits>
#include <utility>
#include "direct_kernels.h"
#include "nnunet/kernels/bfloat16.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v4,avx512bf16,prefer-vector-width=512")
#endif
namespace nnunet::kernels {
#define NNUNET_WIDTH 16
#define NNUNET_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define NNUNET_DOT_BF16(a, b, c) _mm512_dpbf16_ps(c, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b))
#define NNUNET_GROUP 2
#define NNUNET_VOXELS 14
#include "direct-inl.h"
constinit const DirectKernels direct_avx512_bf16 = kernels_here();
}  // namespace nnunet::kernels
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
