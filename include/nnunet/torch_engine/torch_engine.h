#pragma once
#include <torch/torch.h>

#include "nnunet/infer/engine.h"
#include "nnunet/plan/sliding_window_plan.h"

namespace nnunet {

/// libtorch, on the CPU and on GPUs, and other programs' runtimes, for those who predict.
const EngineBackend& other_engines();

/// Whether logits are added up on the device. Sums in float16 and mirror images of each window are made in this
/// machine's memory, wherever the network runs.
bool sums_on_device(Device device, const SlidingWindowPlan& plan);

/// An engine on tensors: on GPUs without a way through this machine's memory. Logits of any float type and layout.
torch::Tensor engine_forward(Engine& engine, const torch::Tensor& windows);

}  // namespace nnunet
