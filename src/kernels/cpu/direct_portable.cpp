#include <cstring>
#include <type_traits>
#include <utility>
#include "direct_kernels.h"
#include "nnunet/kernels/bfloat16.h"
namespace nnunet::kernels {
#define NNUNET_WIDTH 4
#define NNUNET_FMA(a, b, c) ((a) * (b) + (c))
#define NNUNET_GROUP 1
#define NNUNET_VOXELS 2
#include "direct-inl.h"
constinit const DirectKernels direct_portable = kernels_here();
}  // namespace nnunet::kernels
