#include "nnunet/torch_bridge/tensors.h"

#include <array>
#include <string>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

/// In the order of Dtype.
constexpr std::array kTypes{
    torch::kFloat32,        torch::kFloat64,       torch::kFloat16,         torch::kBFloat16,
    torch::kUInt8,          torch::kInt8,          torch::kInt16,           torch::kInt32,
    torch::kInt64,          torch::kBool,          torch::kComplexFloat,    torch::kComplexDouble,
    torch::kComplexHalf,    torch::kUInt16,        torch::kUInt32,          torch::kUInt64,
    torch::kFloat8_e5m2,    torch::kFloat8_e4m3fn, torch::kFloat8_e5m2fnuz, torch::kFloat8_e4m3fnuz,
    torch::kFloat8_e8m0fnu,
};

Dtype dtype_of(torch::ScalarType type) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i] == type) return static_cast<Dtype>(i);
  throw Error("tensor", std::string("type ") + c10::toString(type) + " cannot be saved", "convert it first");
}

}  // namespace

torch::Tensor to_torch(const HostTensor& tensor) {
  const auto type = kTypes[static_cast<std::size_t>(tensor.dtype)];
  if (tensor.storage == nullptr || tensor.numel() == 0) return torch::empty(tensor.sizes, type);
  return torch::from_blob(
      const_cast<void*>(tensor.data()), tensor.sizes, tensor.strides, [keep = tensor.storage](void*) {}, type);
}

HostTensor from_torch(const torch::Tensor& tensor) {
  if (tensor.layout() != torch::kStrided || tensor.is_quantized() || tensor.is_meta())
    throw Error("tensor", "a sparse, quantized or meta tensor cannot be saved", "make it dense first");
  const auto keep =
      std::make_shared<torch::Tensor>(tensor.detach().resolve_conj().resolve_neg().to(torch::kCPU).contiguous());
  HostTensor host;
  host.dtype = dtype_of(keep->scalar_type());
  host.sizes = keep->sizes().vec();
  host.strides = contiguous_strides(host.sizes);
  host.storage = {keep, static_cast<const std::byte*>(keep->const_data_ptr())};
  return host;
}

}  // namespace nnunet
