#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace nnunet {

/// Host memory (64-byte aligned) that is used again when a batch is dropped: fresh pages cost as much as a crop.
class HostPool : public std::enable_shared_from_this<HostPool> {
 public:
  std::shared_ptr<void> take(std::size_t bytes) {
    Buffer buffer;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::find_if(free_.begin(), free_.end(), [&](const Buffer& b) { return b.bytes == bytes; });
      if (found != free_.end()) {
        buffer = std::move(*found);
        free_.erase(found);
      }
    }
    if (!buffer.data) buffer = {allocate(bytes), bytes};
    void* const raw = buffer.data.get();
    return {raw, [pool = weak_from_this(), buffer](void*) {
              if (const auto alive = pool.lock()) alive->give_back(buffer);
            }};
  }

 private:
  struct Buffer {
    std::shared_ptr<void> data;
    std::size_t bytes = 0;
  };
  static std::shared_ptr<void> allocate(std::size_t bytes) {
    constexpr std::size_t kAlign = 64;
    void* const raw = std::aligned_alloc(kAlign, (bytes + kAlign - 1) / kAlign * kAlign);
    if (raw == nullptr) throw std::bad_alloc();
    return {raw, [](void* p) { std::free(p); }};
  }
  void give_back(const Buffer& buffer) {
    constexpr std::size_t kKeep = 64;
    const std::lock_guard lock(mutex_);
    if (free_.size() < kKeep) free_.push_back(buffer);
  }

  std::mutex mutex_;
  std::vector<Buffer> free_;
};

/// Where batches live: in memory of the caller's function, else in a pool. Thread-safe as the function is.
class BatchMemory {
 public:
  explicit BatchMemory(std::function<std::shared_ptr<void>(std::size_t bytes)> allocate)
      : allocate_(std::move(allocate)) {}

  template <class T>
  std::shared_ptr<T> take(std::int64_t count) const {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    const std::shared_ptr<void> memory = allocate_ ? allocate_(bytes) : pool_->take(bytes);
    return {memory, static_cast<T*>(memory.get())};
  }

 private:
  std::function<std::shared_ptr<void>(std::size_t bytes)> allocate_;
  std::shared_ptr<HostPool> pool_ = std::make_shared<HostPool>();
};

}  // namespace nnunet
