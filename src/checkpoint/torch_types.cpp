#include "torch_types.h"

#include <algorithm>
#include <array>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

struct TypeNames {
  torch::Dtype dtype;
  const char* name;
  const char* storage;  ///< nullptr: saved as bytes with the type beside
};

constexpr std::array kTypes{
    TypeNames{torch::kFloat32, "float32", "FloatStorage"},
    TypeNames{torch::kFloat64, "float64", "DoubleStorage"},
    TypeNames{torch::kFloat16, "float16", "HalfStorage"},
    TypeNames{torch::kBFloat16, "bfloat16", "BFloat16Storage"},
    TypeNames{torch::kUInt8, "uint8", "ByteStorage"},
    TypeNames{torch::kInt8, "int8", "CharStorage"},
    TypeNames{torch::kInt16, "int16", "ShortStorage"},
    TypeNames{torch::kInt32, "int32", "IntStorage"},
    TypeNames{torch::kInt64, "int64", "LongStorage"},
    TypeNames{torch::kBool, "bool", "BoolStorage"},
    TypeNames{torch::kComplexFloat, "complex64", "ComplexFloatStorage"},
    TypeNames{torch::kComplexDouble, "complex128", "ComplexDoubleStorage"},
    TypeNames{torch::kComplexHalf, "complex32", nullptr},
    TypeNames{torch::kUInt16, "uint16", nullptr},
    TypeNames{torch::kUInt32, "uint32", nullptr},
    TypeNames{torch::kUInt64, "uint64", nullptr},
    TypeNames{torch::kFloat8_e5m2, "float8_e5m2", nullptr},
    TypeNames{torch::kFloat8_e4m3fn, "float8_e4m3fn", nullptr},
    TypeNames{torch::kFloat8_e5m2fnuz, "float8_e5m2fnuz", nullptr},
    TypeNames{torch::kFloat8_e4m3fnuz, "float8_e4m3fnuz", nullptr},
    TypeNames{torch::kFloat8_e8m0fnu, "float8_e8m0fnu", nullptr},
};

template <class Predicate>
const TypeNames* find_type(Predicate predicate) {
  const auto found = std::ranges::find_if(kTypes, predicate);
  return found == kTypes.end() ? nullptr : &*found;
}

std::optional<std::string> without_torch(const std::string& name) {
  return name.starts_with("torch.") ? std::optional(name.substr(6)) : std::nullopt;
}

}  // namespace

std::optional<torch::Dtype> storage_dtype(const std::string& name) {
  const auto bare = without_torch(name);
  const auto* type = find_type([&](const TypeNames& t) { return bare && t.storage != nullptr && *bare == t.storage; });
  return type == nullptr ? std::nullopt : std::optional(type->dtype);
}

std::optional<std::string> storage_name(torch::Dtype dtype) {
  const auto* type = find_type([&](const TypeNames& t) { return t.dtype == dtype; });
  return type == nullptr || type->storage == nullptr ? std::nullopt : std::optional<std::string>(type->storage);
}

std::optional<torch::Dtype> named_dtype(const std::string& name) {
  const auto bare = without_torch(name);
  const auto* type = find_type([&](const TypeNames& t) { return bare && *bare == t.name; });
  return type == nullptr ? std::nullopt : std::optional(type->dtype);
}

std::string dtype_name(torch::Dtype dtype) {
  const auto* type = find_type([&](const TypeNames& t) { return t.dtype == dtype; });
  if (type == nullptr)
    throw Error("tensor", std::string("type ") + c10::toString(dtype) + " cannot be saved", "convert it first");
  return type->name;
}

}  // namespace nnunet
