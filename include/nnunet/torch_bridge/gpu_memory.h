#pragma once
#include <cstdint>

namespace nnunet {

/// Bytes of memory that a GPU of libtorch's has, used or not. Throws where there is none of that number.
std::int64_t gpu_memory(int gpu);

}  // namespace nnunet
