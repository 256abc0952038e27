#include "nnunet/kernels/adam.h"

#include <algorithm>
#include <cmath>

#include "nnunet/core/vectorized.h"

namespace nnunet::kernels {
namespace {

constexpr Vectorized update = [](float* __restrict p, const float* __restrict g, float* __restrict mean,
                                 float* __restrict square, float* __restrict largest, std::int64_t count,
                                 const AdamStep& step) NNUNET_INLINED {
  const auto beta1 = static_cast<float>(step.beta1), beta2 = static_cast<float>(step.beta2);
  // From double: 1 - 0.999f would be off by 5e-5 of itself.
  const auto rest1 = static_cast<float>(1 - step.beta1), rest2 = static_cast<float>(1 - step.beta2);
  const auto epsilon = static_cast<float>(step.epsilon), decay = static_cast<float>(step.decay);
  const auto rate = static_cast<float>(step.rate), root = static_cast<float>(step.root);
  const auto l2 = static_cast<float>(step.l2);
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + l2 * p[i];
    mean[i] = beta1 * mean[i] + rest1 * gradient;
    square[i] = beta2 * square[i] + rest2 * gradient * gradient;
  }
  if (largest != nullptr) {
    for (std::int64_t i = 0; i < count; ++i) {
      largest[i] = square[i] > largest[i] ? square[i] : largest[i];
      p[i] = p[i] * decay - rate * (mean[i] / (std::sqrt(largest[i]) / root + epsilon));
    }
  } else if (step.adaptive) {
    for (std::int64_t i = 0; i < count; ++i)
      p[i] = p[i] * decay - rate * (mean[i] / (std::sqrt(square[i]) / root + epsilon));
  } else {
    for (std::int64_t i = 0; i < count; ++i) p[i] = p[i] * decay - rate * mean[i];
  }
};

}  // namespace

void adam_step(float* p, const float* g, float* mean, float* square, std::int64_t count, const AdamStep& step,
               float* largest) {
  constexpr std::int64_t kPiece = 4096;  // its arrays stay in the cache between the two loops
#pragma omp parallel for schedule(static) if (count > 4 * kPiece)
  for (std::int64_t begin = 0; begin < count; begin += kPiece)
    update(p + begin, g + begin, mean + begin, square + begin, largest == nullptr ? nullptr : largest + begin,
           std::min(kPiece, count - begin), step);
}

}  // namespace nnunet::kernels
