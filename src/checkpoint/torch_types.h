#pragma once
#include <torch/torch.h>

#include <optional>
#include <string>

namespace nnunet {

/// "torch.FloatStorage" -> float32; nothing for torch.storage.UntypedStorage, quantized and unknown ones.
std::optional<torch::Dtype> storage_dtype(const std::string& name);
/// float32 -> "FloatStorage"; nothing for types without a storage class of their own.
std::optional<std::string> storage_name(torch::Dtype dtype);
/// "torch.uint16" -> uint16, for every type that torch has beside the quantized ones.
std::optional<torch::Dtype> named_dtype(const std::string& name);
/// uint16 -> "uint16".
std::string dtype_name(torch::Dtype dtype);

}  // namespace nnunet
