#include "nnunet/torch_bridge/gpu_memory.h"

#include <ATen/DeviceAccelerator.h>
#include <torch/version.h>

#include "nnunet/core/error.h"

namespace nnunet {

std::int64_t gpu_memory([[maybe_unused]] int gpu) {
#if TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 13
  return static_cast<std::int64_t>(at::accelerator::getMemoryInfo(static_cast<c10::DeviceIndex>(gpu)).second);
#else
  throw Error("GPU", "this libtorch does not say how much memory it has", "give --memory_target");
#endif
}

}  // namespace nnunet
