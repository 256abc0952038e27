#include "softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace nnunet {

void softmax_classes(float* values, std::int64_t classes, std::int64_t count) {
  const auto places = static_cast<std::size_t>(count);
  std::vector<float> most(values, values + count), sum(places, 0.0F);
  for (std::int64_t k = 1; k < classes; ++k)
    for (std::size_t i = 0; i < places; ++i)
      most[i] = std::max(most[i], values[k * count + static_cast<std::int64_t>(i)]);
  for (std::int64_t k = 0; k < classes; ++k) {
    float* v = values + k * count;
    for (std::size_t i = 0; i < places; ++i) {
      v[i] = std::exp(v[i] - most[i]);
      sum[i] += v[i];
    }
  }
  for (std::int64_t k = 0; k < classes; ++k) {
    float* v = values + k * count;
    for (std::size_t i = 0; i < places; ++i) v[i] /= sum[i];
  }
}

namespace {

float sigmoid_of(float value) {
  return 1.0F / (1.0F + std::exp(-value));
}

}  // namespace

void sigmoid(float* values, std::int64_t count) {
  std::transform(values, values + count, values, sigmoid_of);
}

float least_likely_logit() {
  // Not the smallest number above 0: 1 + exp(-x) rounds to 2 first.
  auto below = std::bit_cast<std::uint32_t>(0.0F), above = std::bit_cast<std::uint32_t>(1.0F);
  while (above - below > 1) {
    const std::uint32_t middle = below + (above - below) / 2;
    (sigmoid_of(std::bit_cast<float>(middle)) > 0.5F ? above : below) = middle;
  }
  return std::bit_cast<float>(above);
}

}  // namespace nnunet
