#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"

namespace nnunet::kernels {

/// Gradient descent with momentum on one tensor, in one pass: with g' = g + weight_decay p,
///   buffer = momentum buffer + g',  p = p - rate (nesterov ? g' + momentum buffer : buffer).
struct SgdRule {
  double momentum = 0.99, weight_decay = 0;
  bool nesterov = false;
};

/// An element's step.
struct SgdStep {
  float momentum, weight_decay, rate;
  bool nesterov;

  NNUNET_HOST_DEVICE SgdStep(const SgdRule& rule, double learning_rate)
      : momentum(static_cast<float>(rule.momentum)),
        weight_decay(static_cast<float>(rule.weight_decay)),
        rate(static_cast<float>(learning_rate)),
        nesterov(rule.nesterov) {}
  NNUNET_HOST_DEVICE void operator()(float& p, float g, float& buffer) const {
    g += weight_decay * p;
    buffer = momentum * buffer + g;
    p -= rate * (nesterov ? g + momentum * buffer : buffer);
  }
};

/// `count` elements, float32, on the CPU.
void sgd_step(float* p, const float* g, float* buffer, std::int64_t count, const SgdRule& rule, double learning_rate);

}  // namespace nnunet::kernels
