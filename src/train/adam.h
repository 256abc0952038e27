#pragma once
#include <memory>
#include <vector>

#include "nnunet/train/optimizer.h"

namespace nnunet {

/// RAdam (rectified) or AdamW: two moments with bias correction, decoupled weight decay.
std::unique_ptr<Optimizer> make_adam(const OptimizerOptions& options, bool rectified,
                                     std::vector<torch::Tensor> parameters);

}  // namespace nnunet
