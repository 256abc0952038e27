#pragma once
#include <torch/torch.h>

#include <string_view>

#include "nnunet/checkpoint/torch_file.h"

namespace nnunet {

/// A torch tensor over the same memory, which it keeps alive. It is not to be written to.
torch::Tensor to_torch(const HostTensor& tensor);
/// The numbers on the CPU, contiguous; where they are so already the memory is shared. Throws Error for sparse,
/// quantized and meta tensors.
HostTensor from_torch(const torch::Tensor& tensor);

/// Of a value that holds a tensor; throws Error naming `what` for another.
inline torch::Tensor torch_tensor(const Value& value, std::string_view what) {
  return to_torch(value.as_tensor(what));
}

}  // namespace nnunet
