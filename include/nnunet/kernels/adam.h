#pragma once
#include <cstdint>

namespace nnunet::kernels {

/// One tensor's step of an optimizer with two moments, (RAdam, AdamW), in one pass:
///   mean = beta1 mean + (1 - beta1) g,  square = beta2 square + (1 - beta2) g^2,
///   p = p decay - rate mean / (sqrt(square) / root + epsilon), or without the denominator p decay - rate mean.
struct AdamStep {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 1, rate = 0, root = 1;
  bool adaptive = true;  ///< with the denominator
};

/// `count` elements, float32, on the CPU.
void adam_step(float* p, const float* g, float* mean, float* square, std::int64_t count, const AdamStep& step);

}  // namespace nnunet::kernels
