#include "buffer_pool.h"

#include <new>

namespace nnunet::native {

void BufferPool::Free::operator()(void* p) const {
  ::operator delete(p, std::align_val_t(64));
}

void* BufferPool::take(std::int64_t bytes) {
  Piece* best = nullptr;
  for (Piece& piece : pieces_)
    // Not one several times larger: the large activations that come later need it.
    if (!piece.taken && piece.bytes >= bytes && piece.bytes <= 2 * bytes + 4096 &&
        (best == nullptr || piece.bytes < best->bytes))
      best = &piece;
  if (best == nullptr) {
    best = &pieces_.emplace_back();
    best->memory.reset(::operator new(static_cast<std::size_t>(bytes), std::align_val_t(64)));
    best->bytes = bytes;
  }
  best->taken = true;
  return best->memory.get();
}

void BufferPool::give_back(const void* p) {
  for (Piece& piece : pieces_)
    if (piece.memory.get() == p) piece.taken = false;
}

std::int64_t BufferPool::bytes() const {
  std::int64_t sum = 0;
  for (const Piece& piece : pieces_) sum += piece.bytes;
  return sum;
}

}  // namespace nnunet::native
