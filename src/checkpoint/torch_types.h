#pragma once
#include <optional>
#include <string>

#include "nnunet/checkpoint/host_tensor.h"

namespace nnunet {

/// "torch.FloatStorage" -> float32; nothing for torch.storage.UntypedStorage, quantized and unknown ones.
std::optional<Dtype> storage_dtype(const std::string& name);
/// float32 -> "FloatStorage"; nothing for types without a storage class of their own.
std::optional<std::string> storage_name(Dtype dtype);
/// "torch.uint16" -> uint16, for every type that torch has beside the quantized ones.
std::optional<Dtype> named_dtype(const std::string& name);

}  // namespace nnunet
