#include <new>

#include "nnunet/kernels/direct.h"

namespace nnunet::kernels {

void ConvWorkspace::Free::operator()(void* p) const {
  ::operator delete(p, std::align_val_t(64));
}

void ConvWorkspace::prepare(int threads) {
  if (pieces_.size() < static_cast<std::size_t>(threads)) pieces_.resize(static_cast<std::size_t>(threads));
}

void* ConvWorkspace::get(int thread, std::int64_t bytes) {
  Piece& piece = pieces_.at(static_cast<std::size_t>(thread));
  if (piece.bytes < bytes) {
    piece.memory.reset();
    piece.memory.reset(::operator new(static_cast<std::size_t>(bytes), std::align_val_t(64)));
    piece.bytes = bytes;
  }
  return piece.memory.get();
}

std::int64_t ConvWorkspace::bytes() const {
  std::int64_t sum = 0;
  for (const Piece& piece : pieces_) sum += piece.bytes;
  return sum;
}

}  // namespace nnunet::kernels
