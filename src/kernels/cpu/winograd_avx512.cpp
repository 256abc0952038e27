#if defined(__x86_64__)
#include <cstring>

#include "nnunet/core/simd.h"
#include "winograd_stages.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#else
#pragma GCC target("arch=x86-64-v4")
#endif
#define NNUNET_WIDTH 16
#define NNUNET_BF16 0

namespace nnunet::kernels {
namespace {
#include "winograd-inl.h"
}  // namespace
constinit const WinogradStages winograd_avx512 = stages_here();
}  // namespace nnunet::kernels
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
