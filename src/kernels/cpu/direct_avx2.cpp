#if defined(__x86_64__)
#include <immintrin.h>
#include <cstring>
#include <type_traits>
#include <utility>
#include "direct_kernels.h"
#include "nnunet/kernels/bfloat16.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v3")
#endif
namespace nnunet::kernels {
#define NNUNET_WIDTH 8
#define NNUNET_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define NNUNET_GROUP 1
#define NNUNET_VOXELS 6
#include "direct-inl.h"
constinit const DirectKernels direct_avx2 = kernels_here();
}  // namespace nnunet::kernels
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
