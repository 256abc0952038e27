#pragma once
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <vector>

namespace nnunet {

/// A part of the network: from its inputs to its output.
using Part = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// Runs a part keeping only its inputs; the backward runs it again to have its activations (Chen et al., "Training deep
/// nets with sublinear memory cost", 2016). Same values and gradients; one more forward of the part. Running statistics
/// of batch norm (its buffers) are updated once.
torch::Tensor recomputed(const Part& part, const std::vector<torch::Tensor>& parameters,
                         const std::vector<torch::Tensor>& buffers, const std::vector<torch::Tensor>& inputs);

}  // namespace nnunet
