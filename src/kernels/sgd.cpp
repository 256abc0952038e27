#include "nnunet/kernels/sgd.h"

#include <algorithm>

#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

constexpr Vectorized update = [](float* __restrict p, const float* __restrict g, float* __restrict buffer,
                                 std::int64_t count, const SgdStep& rule) NNUNET_INLINED {
  const SgdStep step = rule;
  for (std::int64_t i = 0; i < count; ++i) step(p[i], g[i], buffer[i]);
};

}  // namespace

void sgd_step(float* p, const float* g, float* buffer, std::int64_t count, const SgdRule& rule, double learning_rate) {
  constexpr std::int64_t kPiece = 16384;
  const SgdStep step(rule, learning_rate);
#pragma omp parallel for schedule(static) if (count > 4 * kPiece)
  for (std::int64_t begin = 0; begin < count; begin += kPiece)
    update(p + begin, g + begin, buffer + begin, std::min(kPiece, count - begin), step);
}

}  // namespace nnunet::kernels
