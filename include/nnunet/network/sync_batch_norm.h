#pragma once
#include <torch/torch.h>

#include "nnunet/distributed/process_group.h"

namespace nnunet {

/// Batch normalisation in training with mean and variance over the batches of all processes, on CPUs as on GPUs
/// (PyTorch's own needs CUDA). x (N,C,spatial), any float type; weight, bias (C) float32, with a double x double. The
/// running statistics (C) move by momentum, with the unbiased variance, as those of torch's batch_norm. Result of x's
/// type.
torch::Tensor sync_batch_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                              torch::Tensor& running_mean, torch::Tensor& running_var, double momentum, double epsilon,
                              const ProcessGroup& group);

}  // namespace nnunet
