#pragma once
#include <memory>
#include <vector>

#include "nnunet/train/optimizer.h"

namespace nnunet {

/// Gradient descent with momentum: sgd (heavy ball, without weight decay), nesterov.
std::unique_ptr<Optimizer> make_sgd(const OptimizerOptions& options, std::vector<torch::Tensor> parameters);

}  // namespace nnunet
