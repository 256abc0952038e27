#pragma once
#include <torch/torch.h>

namespace nnunet {

/// Instance normalisation with scale and shift, then LeakyReLU (slope 1: none), as one operator with its own backward:
/// kernels/norm_act.h on CPUs for float32 and bfloat16, kernels/cuda.h on GPUs for these and float16, contiguous and
/// channels last; torch's own operators otherwise.
/// x (N,C,spatial), weight and bias (C) float32. Without gradients the result may take x's place.
torch::Tensor instance_norm_act(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                double epsilon, double slope);

/// The plain version, from torch's operators.
torch::Tensor plain_instance_norm_act(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                                      double epsilon, double slope);

}  // namespace nnunet
