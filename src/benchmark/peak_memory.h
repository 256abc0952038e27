#pragma once
#include <torch/torch.h>

namespace nnunet {

/// The most memory so far, MiB: on a CPU this process's resident set, on a GPU what torch had allocated on it at a
/// time.
double peak_memory_mib(torch::Device device);

}  // namespace nnunet
