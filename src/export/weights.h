#pragma once
#include <torch/torch.h>

#include <string>
#include <unordered_map>

#include "nnunet/checkpoint/checkpoint.h"

namespace nnunet {

/// The tensors of a checkpoint by name: float32 (others as they are), contiguous, on the CPU. Throws Error when they
/// are not those of its plan.
std::unordered_map<std::string, torch::Tensor> export_weights(const Checkpoint& checkpoint);

}  // namespace nnunet
