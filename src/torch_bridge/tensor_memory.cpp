#include "nnunet/torch_bridge/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <unordered_map>
#include <vector>

namespace nnunet {
namespace {

constexpr std::size_t kPage = 4096;
/// Smaller blocks stay with the system's allocator, which keeps them itself.
constexpr std::size_t kSmallest = std::size_t{1} << 20;

/// Larger free blocks are not taken for so many bytes.
constexpr std::size_t largest_for(std::size_t size) {
  return size + size / 4;
}

/// What may be held where so many bytes were in use at a time.
constexpr std::size_t bound_for(std::size_t used) {
  return used + std::max(used / 4, std::size_t{512} << 20);
}

}  // namespace

struct BlockCache::State {
  struct Block {
    void* memory;
    std::size_t size;
  };
  mutable std::mutex mutex;
  std::unordered_map<void*, std::size_t> in_use;
  std::vector<Block> free;  ///< the one longest free first
  std::size_t used = 0, most_used = 0, freed = 0;

  /// The smallest free block that fits well, or null.
  void* reuse(std::size_t size) {
    auto best = free.end();
    for (auto block = free.begin(); block != free.end(); ++block)
      if (block->size >= size && block->size <= largest_for(size) && (best == free.end() || block->size < best->size))
        best = block;
    if (best == free.end()) return nullptr;
    const Block block = *best;
    free.erase(best);
    freed -= block.size;
    return lend(block);
  }

  void* lend(const Block& block) {
    in_use.emplace(block.memory, block.size);
    used += block.size;
    most_used = std::max(most_used, used);
    return block.memory;
  }

  /// Returns the oldest free blocks to the system until a new one keeps the bound.
  void make_room(std::size_t size) {
    const std::size_t bound = bound_for(std::max(most_used, used + size));
    while (!free.empty() && used + freed + size > bound) {
      ::munmap(free.front().memory, free.front().size);
      freed -= free.front().size;
      free.erase(free.begin());
    }
  }
};

BlockCache::BlockCache() : state_(std::make_unique<State>()) {}

BlockCache::~BlockCache() {
  for (const State::Block& block : state_->free) ::munmap(block.memory, block.size);
}

void* BlockCache::take(std::size_t size) {
  size = (std::max<std::size_t>(size, 1) + kPage - 1) / kPage * kPage;
  const std::lock_guard lock(state_->mutex);
  if (void* memory = state_->reuse(size)) return memory;
  state_->make_room(size);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return state_->lend({memory, size});
}

bool BlockCache::give_back(void* memory) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->in_use.find(memory);
  if (found == state_->in_use.end()) return false;
  state_->free.push_back({memory, found->second});
  state_->used -= found->second;
  state_->freed += found->second;
  state_->in_use.erase(found);
  return true;
}

std::size_t BlockCache::used() const {
  const std::lock_guard lock(state_->mutex);
  return state_->used;
}

std::size_t BlockCache::held() const {
  const std::lock_guard lock(state_->mutex);
  return state_->used + state_->freed;
}

namespace {

/// Never destroyed: tensors may outlive every static object.
BlockCache& tensor_blocks() {
  static BlockCache& cache = *new BlockCache;
  return cache;
}

void free_tensor(void* memory) {
  // Only our blocks begin a page (and, rarely, one of the system's).
  const bool maybe_ours = reinterpret_cast<std::uintptr_t>(memory) % kPage == 0;
  if (memory != nullptr && (!maybe_ours || !tensor_blocks().give_back(memory))) c10::free_cpu(memory);
}

/// torch's interface to it.
class TensorAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    void* memory = size < kSmallest ? c10::alloc_cpu(size) : tensor_blocks().take(size);
    return {memory, memory, &free_tensor, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free_tensor; }
  void copy_data(void* to, const void* from, std::size_t count) const override { default_copy_data(to, from, count); }
};

}  // namespace

void keep_tensor_memory() {
#ifndef __SANITIZE_ADDRESS__  // which watches the bounds of the system's blocks only
  static const bool done = [] {
    static TensorAllocator allocator;
    c10::SetAllocator(c10::DeviceType::CPU, &allocator, 1);
    return true;
  }();
  static_cast<void>(done);
#endif
}

}  // namespace nnunet
