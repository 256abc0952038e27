#include <algorithm>
#include <cmath>

#include "half_lanes.h"
#include "nnunet/infer/sliding_window.h"

namespace nnunet {
namespace {

/// The weights along one axis (n values, in float or double) multiplied onto those of the axes before.
template <class T>
std::vector<T> widened_by(const std::vector<T>& weights, const std::vector<T>& axis) {
  std::vector<T> wider;
  wider.reserve(weights.size() * axis.size());
  for (const T w : weights)
    for (const T a : axis) wider.push_back(w * a);
  return wider;
}

std::vector<float> bell(std::int64_t n, double share) {
  const double sigma = share * static_cast<double>(n);
  const auto factor = static_cast<float>(-2.0 * sigma * sigma);
  const float middle = static_cast<float>(n - 1) / 2.0F;
  std::vector<float> axis;
  for (std::int64_t i = 0; i < n; ++i) {
    const float x = static_cast<float>(i) - middle;
    // Rounded once, so that the weights do not hang on a vector library.
    axis.push_back(static_cast<float>(std::exp(static_cast<double>(x * x / factor))));
  }
  return axis;
}

Array<float> gaussian(const SlidingWindowPlan& plan) {
  Array<float> weights;
  weights.shape = plan.patch;
  weights.values = {1.0F};
  for (const std::int64_t n : plan.patch) weights.values = widened_by(weights.values, bell(n, plan.sigma));
  const float least = std::max(std::ranges::min(weights.values), 1e-3F);
  for (float& w : weights.values) w = std::max(w, least);
  return weights;
}

/// A Gaussian filter's answer along an axis of n voxels to an impulse at n / 2: its kernel, cut at 4 sigma.
std::vector<double> impulse_answer(std::int64_t n, double share) {
  const double sigma = share * static_cast<double>(n);
  const auto radius = static_cast<std::int64_t>(4.0 * sigma + 0.5);
  const auto kernel = [&](std::int64_t x) { return std::exp(-0.5 / (sigma * sigma) * static_cast<double>(x * x)); };
  double sum = 0;
  for (std::int64_t x = -radius; x <= radius; ++x) sum += kernel(x);
  std::vector<double> axis;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t x = i - n / 2;
    axis.push_back(std::abs(x) <= radius ? kernel(x) / sum : 0.0);
  }
  return axis;
}

Array<float> filtered_impulse(const SlidingWindowPlan& plan) {
  constexpr double kLargest = 10;
  std::vector<double> values{1.0};
  for (const std::int64_t n : plan.patch) values = widened_by(values, impulse_answer(n, plan.sigma));
  const double unit = std::ranges::max(values) / kLargest;
  Array<float> weights;
  weights.shape = plan.patch;
  float least = static_cast<float>(kLargest);
  for (const double v : values) {
    const float w = half_to_float(float_to_half(static_cast<float>(v / unit)));
    if (w > 0) least = std::min(least, w);
    weights.values.push_back(w);
  }
  std::ranges::replace(weights.values, 0.0F, least);
  return weights;
}

}  // namespace

Array<float> window_weights(const SlidingWindowPlan& plan) {
  switch (plan.weights) {
    case WindowWeights::constant:
      return Array<float>(plan.patch, 1.0F);
    case WindowWeights::gaussian:
      return gaussian(plan);
    default:
      return filtered_impulse(plan);
  }
}

}  // namespace nnunet
