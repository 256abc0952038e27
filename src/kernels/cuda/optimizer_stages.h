#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/kernels/adam.h"
#include "nnunet/kernels/cuda.h"
#include "nnunet/kernels/sgd.h"
#include "stages.h"

/// Steps of the optimizers over many tensors at once.
namespace nnunet::kernels::cuda {

/// Cuts the tensors of a list into items.
struct OptimizerTiles {
  static constexpr std::int64_t kPiece = 64 * kThreads;
  std::int64_t first_item[kOptimizerTensors + 1];

  explicit OptimizerTiles(const OptimizerTensors& tensors) : first_item{} {
    for (int t = 0; t < kOptimizerTensors; ++t)
      first_item[t + 1] = first_item[t] + (t < tensors.size ? divide_up(tensors.count[t], kPiece) : 0);
  }
  NNUNET_HOST_DEVICE std::int64_t items() const { return first_item[kOptimizerTensors]; }

  /// body(tensor, element) for a thread's elements of an item.
  template <class Body>
  NNUNET_HOST_DEVICE void for_elements(const OptimizerTensors& tensors, std::int64_t item, int thread,
                                       const Body& body) const {
    int t = 0;
    while (item >= first_item[t + 1]) ++t;
    const std::int64_t begin = (item - first_item[t]) * kPiece, end = smaller(begin + kPiece, tensors.count[t]);
    for (std::int64_t i = begin + thread; i < end; i += kThreads) body(t, i);
  }
};

/// Decides on a step: counts it and computes its numbers, unless a gradient is not finite. One item.
struct AdamPlan {
  AdamRule rule;
  OptimizerState state;
  AdamStep* plan;

  NNUNET_HOST_DEVICE std::int64_t items() const { return 1; }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t, int thread, void*) const {
    if (thread == 0 && !state.skip()) *plan = adam_step_of(rule, ++*state.step, *state.learning_rate);
  }
};

struct AdamUpdate {
  OptimizerTiles tiles;
  OptimizerTensors tensors;
  OptimizerState state;
  const AdamStep* plan;

  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    if (state.skip()) return;
    const AdamStep& s = *plan;
    const auto beta1 = static_cast<float>(s.beta1), beta2 = static_cast<float>(s.beta2);
    const auto rest1 = static_cast<float>(1 - s.beta1), rest2 = static_cast<float>(1 - s.beta2);
    const auto epsilon = static_cast<float>(s.epsilon), decay = static_cast<float>(s.decay);
    const auto rate = static_cast<float>(s.rate), root = static_cast<float>(s.root);
    const auto l2 = static_cast<float>(s.l2);
    const bool adaptive = s.adaptive;
    tiles.for_elements(tensors, item, thread, [&](int t, std::int64_t i) {
      const float g = tensors.gradient[t][i] + l2 * tensors.parameter[t][i];
      const float mean = beta1 * tensors.first[t][i] + rest1 * g;
      const float square = beta2 * tensors.second[t][i] + rest2 * g * g;
      const float move = adaptive ? mean / (std::sqrt(square) / root + epsilon) : mean;
      tensors.first[t][i] = mean;
      tensors.second[t][i] = square;
      tensors.parameter[t][i] = tensors.parameter[t][i] * decay - rate * move;
    });
  }
};

struct SgdUpdate {
  OptimizerTiles tiles;
  OptimizerTensors tensors;
  OptimizerState state;
  SgdRule rule;

  NNUNET_HOST_DEVICE std::int64_t items() const { return tiles.items(); }
  NNUNET_HOST_DEVICE int steps() const { return 1; }
  NNUNET_HOST_DEVICE void step(int, std::int64_t item, int thread, void*) const {
    if (state.skip()) return;
    const SgdStep move(rule, *state.learning_rate);
    tiles.for_elements(tensors, item, thread, [&](int t, std::int64_t i) {
      move(tensors.parameter[t][i], tensors.gradient[t][i], tensors.first[t][i]);
    });
  }
};

}  // namespace nnunet::kernels::cuda
