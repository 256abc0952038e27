#pragma once
#include <cstdint>
#include <vector>

#include "nnunet/kernels/aligned.h"

namespace nnunet::native {

/// Memory for activations and gradients that is given back and taken again within a pass, so that a pass holds no more
/// than what lives at once, and the next one takes nothing from the system.
class BufferPool {
 public:
  /// 64-byte aligned; the smallest free piece that is large enough, or a new one.
  void* take(std::int64_t bytes);
  void give_back(const void* p);
  std::int64_t bytes() const;

 private:
  struct Piece {
    kernels::AlignedBytes memory;
    bool taken = false;
  };
  std::vector<Piece> pieces_;
};

}  // namespace nnunet::native
