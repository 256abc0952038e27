#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/core/host_device.h"

namespace nnunet::kernels {

/// One tensor's step of an optimizer with two moments, (RAdam, AdamW), in one pass:
///   mean = beta1 mean + (1 - beta1) g,  square = beta2 square + (1 - beta2) g^2,
///   p = p decay - rate mean / (sqrt(square) / root + epsilon), or without the denominator p decay - rate mean,
/// where g is the gradient + l2 p.
struct AdamStep {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double decay = 1, rate = 0, root = 1, l2 = 0;
  bool adaptive = true;  ///< with the denominator
};

/// What does not change from step to step.
struct AdamRule {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  bool coupled = false;    ///< weight decay is a part of the gradient (l2), else of the parameter
  bool rectified = false;  ///< RAdam (Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR
                           ///< 2020); else AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019)
};

/// The step number `step` (from 1).
NNUNET_HOST_DEVICE inline AdamStep adam_step_of(const AdamRule& rule, std::int64_t step, double learning_rate) {
  const auto number = static_cast<double>(step);
  const double power = std::pow(rule.beta2, number);
  AdamStep s;
  s.beta1 = rule.beta1;
  s.beta2 = rule.beta2;
  s.epsilon = rule.epsilon;
  s.decay = rule.coupled ? 1 : 1 - learning_rate * rule.weight_decay;
  s.l2 = rule.coupled ? rule.weight_decay : 0;
  s.rate = learning_rate / (1 - std::pow(rule.beta1, number));
  if (!rule.rectified) {
    s.root = std::sqrt(1 - power);
    return s;
  }
  const double n_max = 2 / (1 - rule.beta2) - 1, n = n_max - 2 * number * power / (1 - power);
  s.adaptive = n >= 5;  // else the variance is not yet known well enough
  if (s.adaptive) s.rate *= std::sqrt((1 - power) * (n - 4) / (n_max - 4) * (n - 2) / n * n_max / (n_max - 2));
  return s;
}

/// `count` elements, float32, on the CPU. largest, where given, becomes the largest `square` so far and stands in its
/// place below (AMSGrad: Reddi et al., "On the convergence of Adam and beyond", ICLR 2018).
void adam_step(float* p, const float* g, float* mean, float* square, std::int64_t count, const AdamStep& step,
               float* largest = nullptr);

}  // namespace nnunet::kernels
