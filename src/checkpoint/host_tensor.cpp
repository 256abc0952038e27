#include "nnunet/checkpoint/host_tensor.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <new>

#include "nnunet/core/array.h"
#include "nnunet/core/error.h"

namespace nnunet {
namespace {

struct TypeFacts {
  std::string_view name;
  std::int64_t bytes;
};

/// In the order of Dtype.
constexpr std::array kTypes{
    TypeFacts{"float32", 4},         TypeFacts{"float64", 8},
    TypeFacts{"float16", 2},         TypeFacts{"bfloat16", 2},
    TypeFacts{"uint8", 1},           TypeFacts{"int8", 1},
    TypeFacts{"int16", 2},           TypeFacts{"int32", 4},
    TypeFacts{"int64", 8},           TypeFacts{"bool", 1},
    TypeFacts{"complex64", 8},       TypeFacts{"complex128", 16},
    TypeFacts{"complex32", 4},       TypeFacts{"uint16", 2},
    TypeFacts{"uint32", 4},          TypeFacts{"uint64", 8},
    TypeFacts{"float8_e5m2", 1},     TypeFacts{"float8_e4m3fn", 1},
    TypeFacts{"float8_e5m2fnuz", 1}, TypeFacts{"float8_e4m3fnuz", 1},
    TypeFacts{"float8_e8m0fnu", 1},
};

/// Aligned for vector units.
std::shared_ptr<std::byte> allocate(std::int64_t bytes) {
  constexpr std::align_val_t alignment{64};
  auto* memory = static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), alignment));
  return {memory, [](std::byte* p) { ::operator delete (p, std::align_val_t{64}); }};
}

/// Copies the tensor's numbers, of `width` bytes each, to `to` in row-major order.
void gather(const HostTensor& t, std::size_t axis, const std::byte* from, std::int64_t width, std::byte*& to) {
  if (axis == t.sizes.size()) {
    std::memcpy(to, from, static_cast<std::size_t>(width));
    to += width;
    return;
  }
  for (std::int64_t i = 0; i < t.sizes[axis]; ++i) gather(t, axis + 1, from + i * t.strides[axis] * width, width, to);
}

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U, exponent = (bits >> 10U) & 0x1fU, fraction = bits & 0x3ffU;
  if (exponent == 0) {  // zero or subnormal: fraction x 2^-24
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 0xffU : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23U) | (fraction << 13U));
}

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

template <class From, class Convert>
void convert(const void* from, float* to, std::int64_t count, const Convert& one) {
  const auto* values = static_cast<const From*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = one(values[i]);
}

}  // namespace

std::string_view dtype_name(Dtype dtype) {
  return kTypes[static_cast<std::size_t>(dtype)].name;
}

std::int64_t dtype_size(Dtype dtype) {
  return kTypes[static_cast<std::size_t>(dtype)].bytes;
}

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<std::int64_t>(sizes[i], 1);
  return strides;
}

HostTensor HostTensor::uninitialised(Dtype type, std::vector<std::int64_t> shape) {
  HostTensor result;
  result.dtype = type;
  result.sizes = std::move(shape);
  result.strides = contiguous_strides(result.sizes);
  result.storage = allocate(result.nbytes());
  return result;
}

HostTensor::HostTensor(Dtype type, std::vector<std::int64_t> shape) {
  *this = uninitialised(type, std::move(shape));
  if (numel() > 0) std::memset(mutable_bytes(), 0, static_cast<std::size_t>(nbytes()));
}

HostTensor::HostTensor(Dtype type, std::vector<std::int64_t> shape, std::span<const std::byte> bytes) {
  *this = uninitialised(type, std::move(shape));
  if (static_cast<std::int64_t>(bytes.size()) != nbytes())
    throw Error("tensor", fmt::format("{} bytes for the shape {}", bytes.size(), shape_text(sizes)));
  if (!bytes.empty()) std::memcpy(mutable_bytes(), bytes.data(), bytes.size());
}

std::int64_t HostTensor::numel() const {
  return Array<float>::count(sizes);
}

bool HostTensor::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != expected) return numel() == 0;
    expected *= sizes[i];
  }
  return true;
}

const void* HostTensor::data() const {
  return storage == nullptr ? nullptr : storage.get() + offset * dtype_size(dtype);
}

HostTensor HostTensor::contiguous() const {
  if (is_contiguous()) return *this;
  HostTensor result = uninitialised(dtype, sizes);
  std::byte* to = result.mutable_bytes();
  gather(*this, 0, static_cast<const std::byte*>(data()), dtype_size(dtype), to);
  return result;
}

HostTensor HostTensor::to_float32(std::string_view what) const {
  const HostTensor plain = contiguous();
  if (dtype == Dtype::float32) return plain;
  HostTensor result = uninitialised(Dtype::float32, sizes);
  auto* to = reinterpret_cast<float*>(result.mutable_bytes());
  switch (dtype) {
    case Dtype::float64:
      convert<double>(plain.data(), to, numel(), [](double v) { return static_cast<float>(v); });
      return result;
    case Dtype::float16:
      convert<std::uint16_t>(plain.data(), to, numel(), from_half);
      return result;
    case Dtype::bfloat16:
      convert<std::uint16_t>(plain.data(), to, numel(), from_bfloat16);
      return result;
    default:
      throw Error(what, fmt::format("holds numbers of type {} where floats belong", dtype_name(dtype)),
                  "use another checkpoint");
  }
}

std::span<const float> HostTensor::floats() const {
  return {static_cast<const float*>(data()), static_cast<std::size_t>(numel())};
}

}  // namespace nnunet
