#include <algorithm>

#include "nnunet/core/vectorized.h"
#include "nnunet/data/augment_math.h"
#include "operators.h"

namespace nnunet {
namespace {

constexpr Vectorized scale = [](float* x, std::int64_t n, float factor) NNUNET_INLINED {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
};

// Several running extremes side by side, for the vector unit.
constexpr Vectorized extend = [](const float* values, std::int64_t count, float& least, float& most) NNUNET_INLINED {
  constexpr std::int64_t kLanes = 32;
  float low[kLanes], high[kLanes];
  std::fill_n(low, kLanes, least);
  std::fill_n(high, kLanes, most);
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const float v = values[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
    }
  }
  for (std::int64_t k = 0; i < count; ++i, ++k) {
    low[k] = std::min(low[k], values[i]);
    high[k] = std::max(high[k], values[i]);
  }
  least = *std::min_element(low, low + kLanes);
  most = *std::max_element(high, high + kLanes);
};

constexpr Vectorized stretch = [](float* x, std::int64_t n, float brightness, float contrast, float low, float high)
                                   NNUNET_INLINED {
                                     for (std::int64_t i = 0; i < n; ++i)
                                       x[i] = augmenting::stretched(x[i], brightness, contrast, low, high);
                                   };

}  // namespace

void Intensity::see(float* values, std::int64_t n) {
  if (contrast_ != 1.0F) {
    extend(values, n, low_, high_);
  } else if (brightness_ != 1.0F) {
    scale(values, n, brightness_);
  }
}

void Intensity::finish(const PatchView& patch) const {
  if (contrast_ == 1.0F) return;
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) {
      stretch(patch.plane(c, d), patch.plane_size(), brightness_, contrast_, low_ * brightness_, high_ * brightness_);
    }
  }
}

void scale_intensity(const PatchView& patch, float brightness, float contrast) {
  Intensity intensity(brightness, contrast);
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) intensity.see(patch.plane(c, d), patch.plane_size());
  }
  intensity.finish(patch);
}

}  // namespace nnunet
