#include <cstring>

#include "nnunet/core/simd.h"
#include "winograd_stages.h"

#define NNUNET_WIDTH 4
#define NNUNET_BF16 0

namespace nnunet::kernels {
namespace {
#include "winograd-inl.h"
}  // namespace
constinit const WinogradStages winograd_portable = stages_here();
}  // namespace nnunet::kernels
