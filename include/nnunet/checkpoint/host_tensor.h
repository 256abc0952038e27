#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnunet {

/// Types of the numbers in a tensor: all that PyTorch has beside the quantized ones.
enum class Dtype : std::uint8_t {
  float32,
  float64,
  float16,
  bfloat16,
  uint8,
  int8,
  int16,
  int32,
  int64,
  boolean,
  complex64,
  complex128,
  complex32,
  uint16,
  uint32,
  uint64,
  float8_e5m2,
  float8_e4m3fn,
  float8_e5m2fnuz,
  float8_e4m3fnuz,
  float8_e8m0fnu,
};

/// PyTorch's name: "float32", "bool".
std::string_view dtype_name(Dtype dtype);
/// Bytes of a number.
std::int64_t dtype_size(Dtype dtype);
template <class T>
constexpr Dtype dtype_of();

/// A tensor in this machine's memory, as files hold it: a view of a storage that others may share. Copies are cheap and
/// share the numbers.
struct HostTensor {
  Dtype dtype = Dtype::float32;
  std::vector<std::int64_t> sizes, strides;  ///< in numbers
  std::int64_t offset = 0;                   ///< of the first one in the storage, in numbers
  std::shared_ptr<const std::byte> storage;  ///< null when there are no numbers

  HostTensor() = default;
  /// Contiguous, zeros.
  HostTensor(Dtype type, std::vector<std::int64_t> shape);
  /// Contiguous, with the values: as many as shape says.
  template <class T>
  HostTensor(std::vector<std::int64_t> shape, const std::vector<T>& values)
      : HostTensor(dtype_of<T>(), std::move(shape), std::as_bytes(std::span(values))) {}

  /// Contiguous; the numbers are to be written through mutable_bytes().
  static HostTensor uninitialised(Dtype type, std::vector<std::int64_t> shape);
  /// To fill a tensor of one's own that nobody else has seen yet.
  std::byte* mutable_bytes() { return const_cast<std::byte*>(static_cast<const std::byte*>(data())); }

  std::int64_t numel() const;
  std::int64_t dim() const { return static_cast<std::int64_t>(sizes.size()); }
  std::int64_t nbytes() const { return numel() * dtype_size(dtype); }
  bool is_contiguous() const;
  const void* data() const;

  /// The same numbers, row-major: itself where it is so already.
  HostTensor contiguous() const;
  /// As float32, contiguous: itself where it is so already; float64, float16 and bfloat16 are rounded. Throws Error
  /// (what) for other types.
  HostTensor to_float32(std::string_view what) const;
  /// Of a contiguous float32 tensor.
  std::span<const float> floats() const;

 private:
  HostTensor(Dtype type, std::vector<std::int64_t> shape, std::span<const std::byte> bytes);
};

template <>
constexpr Dtype dtype_of<float>() {
  return Dtype::float32;
}
template <>
constexpr Dtype dtype_of<double>() {
  return Dtype::float64;
}
template <>
constexpr Dtype dtype_of<std::int64_t>() {
  return Dtype::int64;
}
template <>
constexpr Dtype dtype_of<std::uint8_t>() {
  return Dtype::uint8;
}

/// Strides of a contiguous tensor.
std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes);

}  // namespace nnunet
