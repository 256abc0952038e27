#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace nnunet::kernels {

/// Memory for kernels, aligned to 64 bytes, or, from 2 MiB on, on huge pages where the system gives them. Not cleared.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::int64_t size);

  std::byte* data() const { return memory_.get(); }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }
  std::int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::int64_t size_ = 0;
};

}  // namespace nnunet::kernels
