#include "nnunet/kernels/direct.h"

namespace nnunet::kernels {

void ConvWorkspace::prepare(int threads) {
  if (pieces_.size() < static_cast<std::size_t>(threads)) pieces_.resize(static_cast<std::size_t>(threads));
}

void* ConvWorkspace::get(int thread, std::int64_t bytes) {
  AlignedBytes& piece = pieces_.at(static_cast<std::size_t>(thread));
  if (piece.size() < bytes) {
    piece = {};  // first: never both
    piece = AlignedBytes(bytes);
  }
  return piece.data();
}

std::int64_t ConvWorkspace::bytes() const {
  std::int64_t sum = 0;
  for (const AlignedBytes& piece : pieces_) sum += piece.size();
  return sum;
}

}  // namespace nnunet::kernels
