#pragma once
#include <memory>
#include <vector>

#include "nnunet/train/optimizer.h"

namespace nnunet {

/// Those of two moments with bias correction: radam, adam, adamw_amsgrad, adam_l2.
std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, std::vector<torch::Tensor> parameters);

}  // namespace nnunet
