#pragma once
#include <torch/torch.h>

#include "nnunet/infer/engine.h"

namespace nnunet {

/// libtorch, on the CPU and on GPUs, and other programs' runtimes, for those who predict.
const EngineBackend& other_engines();

/// An engine on tensors: on GPUs without a way through this machine's memory. Logits of any float type and layout.
torch::Tensor engine_forward(Engine& engine, const torch::Tensor& windows);

}  // namespace nnunet
