#pragma once
#include <torch/torch.h>

namespace nnunet {

/// at::cat({a, b}, 1) of (N,C,spatial) tensors; on CPUs with the channels innermost one pass forward and one backward.
torch::Tensor concat_channels(const torch::Tensor& a, const torch::Tensor& b);

}  // namespace nnunet
