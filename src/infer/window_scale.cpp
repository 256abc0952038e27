#include "nnunet/infer/window_scale.h"

#include <algorithm>

#include "nnunet/core/parallel.h"
#include "window_kernels.h"

namespace nnunet {

const std::shared_ptr<const Array<float>>& WindowScale::layer(std::size_t place) {
  const auto offsets = neighbours(place);
  if (layers_[latest_].offsets != offsets) {
    latest_ = 1 - latest_;
    if (layers_[latest_].offsets != offsets) {
      layers_[latest_] = {};  // its memory first
      layers_[latest_] = {offsets, compute(offsets)};
    }
  }
  return layers_[latest_].scale;
}

std::vector<std::int64_t> WindowScale::neighbours(std::size_t place) const {
  std::vector<std::int64_t> offsets;
  for (const std::int64_t start : plan_.grid[0]) {
    const std::int64_t offset = start - plan_.grid[0][place];
    if (std::abs(offset) < plan_.patch[0]) offsets.push_back(offset);
  }
  return offsets;
}

std::shared_ptr<const Array<float>> WindowScale::compute(const std::vector<std::int64_t>& offsets) const {
  const auto [depth, height, width] = plan_.patch;
  auto scale = std::make_shared<Array<float>>(std::vector{depth, plan_.padded[1], plan_.padded[2]});
  const std::int64_t area = plan_.padded[1] * plan_.padded[2];
  float* values = scale->data();
  const float* importance = importance_.data();
  parallel_ranges(depth, std::max<std::int64_t>(1, 32768 / area), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t z = begin; z < end; ++z) {
      float* slice = values + z * area;
      for (const std::int64_t offset : offsets) {
        if (z < offset || z >= offset + depth) continue;
        const float* weights = importance + (z - offset) * height * width;
        for (const std::int64_t y0 : plan_.grid[1])
          for (const std::int64_t x0 : plan_.grid[2])
            for (std::int64_t y = 0; y < height; ++y)
              add_values(weights + y * width, slice + (y0 + y) * plan_.padded[2] + x0, width);
      }
      invert_values(slice, static_cast<float>(plan_.flips), area);
    }
  });
  return scale;
}

}  // namespace nnunet
