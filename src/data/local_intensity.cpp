#include <algorithm>
#include <span>

#include "bump_factors.h"
#include "moments.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/patch_intensity.h"
#include "nnunet/data/patch_math.h"
#include "nnunet/data/power.h"

namespace nnunet {
namespace {

/// row(values, factors of the width, product of the other axes' factors, n) for every row of a channel.
template <class Row>
void for_each_row(std::span<float> values, const BumpFactors& factors, const Row& row) {
  const auto width = static_cast<std::int64_t>(factors.axis[2].size());
  float* x = values.data();
  for (const float depth : factors.axis[0])
    for (const float height : factors.axis[1]) {
      row(x, factors.axis[2].data(), depth * height, width);
      x += width;
    }
}

constexpr Vectorized add_row = [](float* x, const float* across, float along, std::int64_t n, float least, float scale)
                                   NNUNET_INLINED {
                                     for (std::int64_t i = 0; i < n; ++i)
                                       x[i] += augmenting::bump_weight(along, across[i], least, scale);
                                   };

constexpr Vectorized blend_row = [](float* x, const float* across, float along, std::int64_t n, float least,
                                    float scale, float origin, float range, const Exponent& gamma) NNUNET_INLINED {
  for (std::int64_t i = 0; i < n; ++i) {
    const float weight = augmenting::bump_weight(along, across[i], least, scale);
    const float t = (x[i] - origin) / range;
    x[i] = (t * (1.0F - weight) + power(t, gamma) * weight) * range + origin;
  }
};

}  // namespace

void add_gradient(TrainingPatch& patch, std::int64_t channel, const GaussianBump& bump, float strength) {
  const BumpFactors factors(bump, patch.image.spatial());
  for_each_row(patch.image.slab(channel), factors, [&](float* x, const float* across, float along, std::int64_t n) {
    add_row(x, across, along, n, factors.least, strength * factors.scale);
  });
}

void change_gamma_locally(TrainingPatch& patch, std::int64_t channel, const GaussianBump& bump, float gamma) {
  const BumpFactors factors(bump, patch.image.spatial());
  const std::span<float> values = patch.image.slab(channel);
  const Moments before(values.data(), static_cast<std::int64_t>(values.size()));
  const float origin = before.least(), range = std::max(before.most() - origin, 1e-8F);
  const Exponent exponent(gamma);
  for_each_row(values, factors, [&](float* x, const float* across, float along, std::int64_t n) {
    blend_row(x, across, along, n, factors.least, factors.scale, origin, range, exponent);
  });
}

}  // namespace nnunet
