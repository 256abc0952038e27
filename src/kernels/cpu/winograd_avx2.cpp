#if defined(__x86_64__)
#include <cstring>

#include "nnunet/core/simd.h"
#include "winograd_stages.h"

#pragma GCC target("arch=x86-64-v3")
#define NNUNET_WIDTH 8
#define NNUNET_BF16 0

namespace nnunet::kernels {
namespace {
#include "winograd-inl.h"
}  // namespace
void winograd_avx2(WinogradStages& stages) {
  fill(stages);
}
}  // namespace nnunet::kernels
#endif
