#pragma once
#include <cstdint>

namespace nnunet {

/// Bytes of memory that a GPU of libtorch's has, used or not. Throws where there is none of that number, and Error
/// where libtorch is older than 2.13, which does not say it.
std::int64_t gpu_memory(int gpu);

}  // namespace nnunet
