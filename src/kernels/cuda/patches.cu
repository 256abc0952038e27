#include "launch.h"
#include "nnunet/kernels/cuda.h"
#include "patch_stages.h"

namespace nnunet::kernels::cuda {

std::int64_t patches_workspace(const PatchShape& shape) {
  return PatchRoom::bytes(shape);
}

void make_patches(const PatchShape& shape, const PatchBatch& batch, void* workspace, Stream stream) {
  run_patch_stages(shape, batch, workspace, [&](const auto&... stages) { launch("patches", stream, stages...); });
}

}  // namespace nnunet::kernels::cuda
