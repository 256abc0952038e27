#include "nnunet/torch_bridge/gpu_memory.h"

#include <ATen/DeviceAccelerator.h>

namespace nnunet {

std::int64_t gpu_memory(int gpu) {
  return static_cast<std::int64_t>(at::accelerator::getMemoryInfo(static_cast<c10::DeviceIndex>(gpu)).second);
}

}  // namespace nnunet
