#pragma once
// The few of torch's types that the checkpoint reader names. With them it is built in seconds, wholly under the
// sanitizers, and a tensor that reaches beyond its storage is an access that they see.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace c10 {

enum class ScalarType {
  f32,
  f64,
  f16,
  bf16,
  u8,
  i8,
  i16,
  i32,
  i64,
  b1,
  c64,
  c128,
  c32,
  u16,
  u32,
  u64,
  e5m2,
  e4m3,
  e5m2z,
  e4m3z,
  e8m0
};

inline std::size_t elementSize(ScalarType type) {
  constexpr std::size_t sizes[] = {4, 8, 2, 2, 1, 1, 2, 4, 8, 1, 8, 16, 4, 2, 4, 8, 1, 1, 1, 1, 1};
  return sizes[static_cast<std::size_t>(type)];
}
inline const char* toString(ScalarType) {
  return "type";
}

struct Allocator {};
inline Allocator* GetCPUAllocator() {
  return nullptr;
}

class Storage {
 public:
  struct use_byte_size_t {};
  Storage() = default;
  Storage(use_byte_size_t, std::size_t bytes, Allocator*, bool) : bytes_(std::make_shared<std::vector<char>>(bytes)) {}
  void* unsafeGetStorageImpl() const { return bytes_.get(); }
  std::size_t nbytes() const { return bytes_ ? bytes_->size() : 0; }
  void* mutable_data() { return bytes_->data(); }
  char at(std::size_t i) const { return bytes_->data()[i]; }

 private:
  std::shared_ptr<std::vector<char>> bytes_;
};

}  // namespace c10

namespace torch {

using Dtype = c10::ScalarType;
inline constexpr Dtype kFloat32 = Dtype::f32, kFloat64 = Dtype::f64, kFloat16 = Dtype::f16, kBFloat16 = Dtype::bf16,
                       kUInt8 = Dtype::u8, kInt8 = Dtype::i8, kInt16 = Dtype::i16, kInt32 = Dtype::i32,
                       kInt64 = Dtype::i64, kBool = Dtype::b1, kComplexFloat = Dtype::c64, kComplexDouble = Dtype::c128,
                       kComplexHalf = Dtype::c32, kUInt16 = Dtype::u16, kUInt32 = Dtype::u32, kUInt64 = Dtype::u64,
                       kFloat8_e5m2 = Dtype::e5m2, kFloat8_e4m3fn = Dtype::e4m3, kFloat8_e5m2fnuz = Dtype::e5m2z,
                       kFloat8_e4m3fnuz = Dtype::e4m3z, kFloat8_e8m0fnu = Dtype::e8m0;

class Tensor {
 public:
  Tensor() = default;
  Tensor(std::vector<std::int64_t> sizes, Dtype type) : sizes_(std::move(sizes)), type_(type) {}

  /// Touches the first and the last byte that the tensor may touch.
  Tensor& set_(c10::Storage storage, std::int64_t offset, std::vector<std::int64_t> sizes,
               const std::vector<std::int64_t>& strides) {
    std::int64_t last = offset;
    for (std::size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
    const auto width = static_cast<std::int64_t>(c10::elementSize(type_));
    volatile char touched = storage.at(static_cast<std::size_t>(offset * width));
    touched = storage.at(static_cast<std::size_t>((last + 1) * width - 1));
    (void)touched;
    storage_ = std::move(storage);
    sizes_ = std::move(sizes);
    return *this;
  }
  std::int64_t dim() const { return static_cast<std::int64_t>(sizes_.size()); }
  std::int64_t size(std::int64_t axis) const { return sizes_.at(static_cast<std::size_t>(axis)); }
  std::int64_t numel() const {
    std::int64_t count = 1;
    for (const std::int64_t n : sizes_) count *= n;
    return count;
  }

 private:
  std::vector<std::int64_t> sizes_;
  Dtype type_ = kFloat32;
  c10::Storage storage_;
};

inline Tensor empty(std::vector<std::int64_t> sizes, Dtype type) {
  return {std::move(sizes), type};
}

}  // namespace torch
