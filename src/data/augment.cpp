#include "nnunet/data/augment.h"

#include <algorithm>
#include <limits>

namespace nnunet {

Augmentation draw_augmentation(CounterRng& rng, Axes axes) {
  // Value and coin are always both drawn: a coin never shifts the numbers of the operators after it.
  const auto drawn = [&rng](float probability, float low, float high, float otherwise) {
    const float value = rng.uniform(low, high);
    return rng.coin(probability) ? value : otherwise;
  };
  Augmentation how;
  how.zoom = drawn(0.15F, 0.7F, 1.0F, 1.0F);
  for (bool& flip : how.flip) flip = rng.coin(0.33F);
  if (axes == Axes::InPlane) how.flip[0] = false;
  how.noise_std = drawn(0.15F, 0.0F, 0.33F, 0.0F);
  how.blur_sigma = drawn(0.15F, 0.5F, 1.5F, 0.0F);
  how.brightness = drawn(0.15F, 0.7F, 1.3F, 1.0F);
  how.contrast = drawn(0.15F, 0.65F, 1.5F, 1.0F);
  return how;
}

namespace {

struct Range {
  float low = std::numeric_limits<float>::infinity(), high = -std::numeric_limits<float>::infinity();
};

// Several running extremes side by side, for the vector unit.
void extend(Range& range, const float* values, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  float low[kLanes], high[kLanes];
  std::fill_n(low, kLanes, range.low);
  std::fill_n(high, kLanes, range.high);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const float v = values[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  }
  for (; i < count; ++i) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
  }
  range.low = *std::min_element(low, low + kLanes);
  range.high = *std::max_element(high, high + kLanes);
}

template <class Body>
void for_each_plane(const PatchView& patch, const Body& body) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) body(patch.plane(c, d));
  }
}

}  // namespace

void scale_intensity(const PatchView& patch, float brightness, float contrast) {
  const std::int64_t n = patch.plane_size();
  if (contrast == 1.0F) {
    if (brightness == 1.0F) return;
    for_each_plane(patch, [=](float* x) {
      for (std::int64_t i = 0; i < n; ++i) x[i] *= brightness;
    });
    return;
  }
  Range range;
  for_each_plane(patch, [&](const float* x) { extend(range, x, n); });
  const float low = range.low * brightness, high = range.high * brightness;
  for_each_plane(patch, [=](float* x) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float v = x[i] * brightness * contrast;
      const float above = v < low ? low : v;
      x[i] = above > high ? high : above;
    }
  });
}

void augment(const CaseView& from, const Shape3& start, const Augmentation& how, Axes axes, const NoiseKey& noise,
             const PatchView& to, AugmentScratch& scratch) {
  const ZoomBox box = zoom_box(to.size, how.zoom, axes);
  const Shape3 box_start = {start[0] + box.offset[0], start[1] + box.offset[1], start[2] + box.offset[2]};
  read_box(from, box_start, box.size, how.flip, to, scratch);
  if (how.noise_std > 0) add_noise(to, how.noise_std, noise);
  if (how.blur_sigma > 0) blur(to, how.blur_sigma, axes, scratch);
  scale_intensity(to, how.brightness, how.contrast);
}

}  // namespace nnunet
