#include "buffer_pool.h"

namespace nnunet::native {

void* BufferPool::take(std::int64_t bytes) {
  Piece* best = nullptr;
  for (Piece& piece : pieces_)
    // Not one several times larger: the large activations that come later need it.
    if (!piece.taken && piece.memory.size() >= bytes && piece.memory.size() <= 2 * bytes + 4096 &&
        (best == nullptr || piece.memory.size() < best->memory.size()))
      best = &piece;
  if (best == nullptr) {
    best = &pieces_.emplace_back();
    best->memory = kernels::AlignedBytes(bytes);
  }
  best->taken = true;
  return best->memory.data();
}

void BufferPool::give_back(const void* p) {
  for (Piece& piece : pieces_)
    if (piece.memory.data() == p) piece.taken = false;
}

std::int64_t BufferPool::bytes() const {
  std::int64_t sum = 0;
  for (const Piece& piece : pieces_) sum += piece.memory.size();
  return sum;
}

}  // namespace nnunet::native
