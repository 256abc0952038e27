#include "torch_axis.h"

#include <cmath>

namespace nnunet::grid {

namespace {

// Rounded once, as with the fused multiply-add that torch is built with.
float position_of(Index i, Index from, Index to) {
  const float zoom = static_cast<float>(from) / static_cast<float>(to);
  const double position = static_cast<double>(zoom) * (static_cast<double>(i) + 0.5) - 0.5;
  return std::max(static_cast<float>(position), 0.0F);
}

}  // namespace

TorchAxis::TorchAxis(Index from, Index to) : low(at(to)), high(at(to)), low_weight(at(to)), high_weight(at(to)) {
  for (Index i = 0; i < to; ++i) {
    const float position = from == to ? static_cast<float>(i) : position_of(i, from, to);
    const Index below = std::min(static_cast<Index>(position), from - 1);
    low[at(i)] = static_cast<std::int32_t>(below);
    high[at(i)] = static_cast<std::int32_t>(std::min(below + 1, from - 1));
    high_weight[at(i)] = std::clamp(position - static_cast<float>(below), 0.0F, 1.0F);
    low_weight[at(i)] = 1.0F - high_weight[at(i)];
  }
}

std::vector<Index> torch_nearest_samples(Index from, Index to) {
  std::vector<Index> samples(at(to));
  for (Index i = 0; i < to; ++i)
    samples[at(i)] = std::min(static_cast<Index>(std::floor(position_of(i, from, to) + 0.5F)), from - 1);
  return samples;
}

}  // namespace nnunet::grid
