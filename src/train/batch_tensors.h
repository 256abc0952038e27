#pragma once
#include <torch/torch.h>

#include "nnunet/data/loader.h"

namespace nnunet {

/// Tensors over the batch's memory, which they keep alive.
torch::Tensor image_tensor(const Batch& batch);
torch::Tensor label_tensor(const Batch& batch);

}  // namespace nnunet
