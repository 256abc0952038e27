#if defined(__x86_64__)
#include <immintrin.h>
#include <cstring>

#include "nnunet/core/simd.h"
#include "winograd_stages.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4,avx512bf16"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v4,avx512bf16")
#endif
#define NNUNET_WIDTH 16
#define NNUNET_BF16 1

namespace nnunet::kernels {
namespace {
#include "winograd-inl.h"
}  // namespace
constinit const WinogradStages winograd_avx512_bf16 = stages_here();
}  // namespace nnunet::kernels
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
