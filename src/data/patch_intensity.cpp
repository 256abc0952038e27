#include "nnunet/data/patch_intensity.h"

#include <algorithm>
#include <limits>
#include <span>

#include "moments.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/power.h"
#include "operators.h"

namespace nnunet {
namespace {

constexpr Vectorized scale_and_shift = [](float* x, std::int64_t n, float factor, float shift) NNUNET_INLINED {
  for (std::int64_t i = 0; i < n; ++i) x[i] = x[i] * factor + shift;
};

constexpr Vectorized stretch = [](float* x, std::int64_t n, float mean, float factor, float least, float most)
                                   NNUNET_INLINED {
                                     for (std::int64_t i = 0; i < n; ++i) {
                                       const float v = (x[i] - mean) * factor + mean;
                                       const float above = v < least ? least : v;
                                       x[i] = above > most ? most : above;
                                     }
                                   };

constexpr Vectorized raise = [](float* x, std::int64_t n, float origin, float slope, const Exponent& gamma)
                                 NNUNET_INLINED {
                                   for (std::int64_t i = 0; i < n; ++i) x[i] = power((x[i] - origin) * slope, gamma);
                                 };

std::int64_t count_of(std::span<const float> values) {
  return static_cast<std::int64_t>(values.size());
}

}  // namespace

NoiseKey draw_noise_key(CounterRng& rng) {
  NoiseKey key;
  key.seed = rng.next();
  key.seed = key.seed << 32 | rng.next();
  key.epoch = rng.next();
  key.sample = rng.next();
  return key;
}

void add_gaussian_noise(TrainingPatch& patch, std::int64_t channel, float std, const NoiseKey& key) {
  const std::span<float> values = patch.image.slab(channel);
  add_noise_to_plane(values.data(), count_of(values), channel, std, key);
}

void scale_brightness(TrainingPatch& patch, std::int64_t channel, float factor) {
  const std::span<float> values = patch.image.slab(channel);
  scale_and_shift(values.data(), count_of(values), factor, 0.0F);
}

void shift_brightness(TrainingPatch& patch, std::int64_t channel, float shift) {
  const std::span<float> values = patch.image.slab(channel);
  scale_and_shift(values.data(), count_of(values), 1.0F, shift);
}

void change_contrast(TrainingPatch& patch, std::int64_t channel, float factor, bool keep_range) {
  const std::span<float> values = patch.image.slab(channel);
  const Moments before(values.data(), count_of(values));
  constexpr float kAny = std::numeric_limits<float>::infinity();
  stretch(values.data(), count_of(values), static_cast<float>(before.mean()), factor,
          keep_range ? before.least() : -kAny, keep_range ? before.most() : kAny);
}

// The powers p stand in place of the values, and their moments are taken, while a block is in the cache; what comes
// after them is one scale and one shift.
void change_gamma(TrainingPatch& patch, std::int64_t channel, float gamma, bool inverted, bool keep_moments) {
  constexpr float kLeastRange = 1e-7F;
  const std::span<float> values = patch.image.slab(channel);
  const std::int64_t n = count_of(values);
  const Moments before(values.data(), n);
  const float range = before.most() - before.least(), sign = inverted ? -1.0F : 1.0F;
  const float origin = inverted ? before.most() : before.least();
  const float slope = sign / std::max(range, kLeastRange);
  const Exponent exponent(gamma);
  Moments powers;
  for (std::int64_t i = 0; i < n; i += Moments::kBlock) {
    const std::int64_t count = std::min(Moments::kBlock, n - i);
    raise(values.data() + i, count, origin, slope, exponent);
    powers.see(values.data() + i, count);
  }
  const auto spread = static_cast<double>(range);
  double scale = spread * static_cast<double>(sign), shift = static_cast<double>(origin);
  if (keep_moments) {
    scale *= before.deviation() / std::max(powers.deviation() * spread, static_cast<double>(kLeastRange));
    shift = before.mean() - powers.mean() * scale;
  }
  scale_and_shift(values.data(), n, static_cast<float>(scale), static_cast<float>(shift));
}

void blank_box(TrainingPatch& patch, std::int64_t channel, const Shape3& start, const Shape3& size) {
  const Shape3 all = patch.image.spatial();
  float* const values = patch.image.slab(channel).data();
  const auto row = [&](std::int64_t d, std::int64_t h) {
    return values + ((start[0] + d) * all[1] + start[1] + h) * all[2] + start[2];
  };
  double sum = 0;
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h)
      for (std::int64_t w = 0; w < size[2]; ++w) sum += static_cast<double>(row(d, h)[w]);
  const auto mean = static_cast<float>(sum / static_cast<double>(volume(size)));
  for (std::int64_t d = 0; d < size[0]; ++d)
    for (std::int64_t h = 0; h < size[1]; ++h) std::fill_n(row(d, h), size[2], mean);
}

}  // namespace nnunet
