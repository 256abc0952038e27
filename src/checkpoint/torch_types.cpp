#include "torch_types.h"

#include <array>

namespace nnunet {

namespace {

struct TypeNames {
  Dtype dtype;
  const char* storage;
};

/// Types without a storage class of their own are saved as bytes with the type beside.
constexpr std::array kStorages{
    TypeNames{Dtype::float32, "FloatStorage"},
    TypeNames{Dtype::float64, "DoubleStorage"},
    TypeNames{Dtype::float16, "HalfStorage"},
    TypeNames{Dtype::bfloat16, "BFloat16Storage"},
    TypeNames{Dtype::uint8, "ByteStorage"},
    TypeNames{Dtype::int8, "CharStorage"},
    TypeNames{Dtype::int16, "ShortStorage"},
    TypeNames{Dtype::int32, "IntStorage"},
    TypeNames{Dtype::int64, "LongStorage"},
    TypeNames{Dtype::boolean, "BoolStorage"},
    TypeNames{Dtype::complex64, "ComplexFloatStorage"},
    TypeNames{Dtype::complex128, "ComplexDoubleStorage"},
};

std::optional<std::string> without_torch(const std::string& name) {
  return name.starts_with("torch.") ? std::optional(name.substr(6)) : std::nullopt;
}

}  // namespace

std::optional<Dtype> storage_dtype(const std::string& name) {
  const auto bare = without_torch(name);
  for (const TypeNames& type : kStorages)
    if (bare && *bare == type.storage) return type.dtype;
  return std::nullopt;
}

std::optional<std::string> storage_name(Dtype dtype) {
  for (const TypeNames& type : kStorages)
    if (type.dtype == dtype) return type.storage;
  return std::nullopt;
}

std::optional<Dtype> named_dtype(const std::string& name) {
  const auto bare = without_torch(name);
  for (int i = 0; bare && i <= static_cast<int>(Dtype::float8_e8m0fnu); ++i)
    if (*bare == dtype_name(static_cast<Dtype>(i))) return static_cast<Dtype>(i);
  return std::nullopt;
}

}  // namespace nnunet
