#pragma once
#include <torch/torch.h>

#include "nnunet/data/loader.h"

namespace nnunet {

/// Tensors over the batch's memory, which they keep alive.
torch::Tensor image_tensor(const Batch& batch);
torch::Tensor label_tensor(const Batch& batch);
/// Of a batch of plain crops: uint8, one Recipe an image.
torch::Tensor recipe_bytes(const Batch& batch);
/// Likewise over memory of any kind: uint8.
torch::Tensor byte_tensor(const std::shared_ptr<std::byte>& memory, std::int64_t bytes);

}  // namespace nnunet
