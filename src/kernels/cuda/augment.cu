#include "augment_stages.h"
#include "launch.h"
#include "nnunet/kernels/cuda.h"

namespace nnunet::kernels::cuda {

std::int64_t augment_workspace(const AugmentShape& shape) {
  return AugmentRoom(shape).bytes();
}

void augment(const AugmentShape& shape, const AugmentBatch& batch, void* workspace, Stream stream) {
  run_augment_stages(shape, batch, workspace, [&](const auto&... stages) { launch("augment", stream, stages...); });
}

}  // namespace nnunet::kernels::cuda
