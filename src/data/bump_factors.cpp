#include "bump_factors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace nnunet {
namespace {

/// The share of a Gaussian that falls into each voxel of an axis.
std::vector<float> shares(std::int64_t size, double centre, double deviation) {
  if (size == 1) return {1.0F};
  const auto below = [&](double x) { return 0.5 * std::erfc((centre - x) / (deviation * std::numbers::sqrt2)); };
  std::vector<float> result;
  for (std::int64_t i = 0; i < size; ++i)
    result.push_back(static_cast<float>(below(static_cast<double>(i) + 0.5) - below(static_cast<double>(i) - 0.5)));
  return result;
}

}  // namespace

BumpFactors::BumpFactors(const GaussianBump& bump, const Shape3& size) {
  float most = 1;
  least = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    axis[a] = shares(size[a], bump.centre[a], bump.deviation[a]);
    const auto [low, high] = std::ranges::minmax_element(axis[a]);
    least *= *low;
    most *= *high;
  }
  scale = most - least > std::numeric_limits<float>::min() ? 1.0F / (most - least) : 0.0F;
}

}  // namespace nnunet
