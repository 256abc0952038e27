#pragma once
#include <cstddef>
#include <memory>

namespace nnunet {

/// Lets all CPU tensors of this process from now on take the memory of freed ones of about their size. The system's
/// allocator gives big blocks back at once, and a network's every activation is then paid for page by page: on deep
/// networks that costs as much time as the arithmetic. What is kept is bounded: tensors alive and kept
/// blocks together hold at most a quarter, or 512 MiB, more than the tensors ever did alone. Does nothing the second
/// time.
void keep_tensor_memory();

/// The blocks behind it; thread-safe. Sizes in bytes.
class BlockCache {
 public:
  BlockCache();
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// At least so many bytes, page-aligned, values undefined. Throws std::bad_alloc.
  void* take(std::size_t size);
  /// False for memory that is not this cache's.
  bool give_back(void* memory);
  /// Of blocks in use, and of all.
  std::size_t used() const;
  std::size_t held() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nnunet
