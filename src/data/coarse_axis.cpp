#include "coarse_axis.h"

#include <algorithm>
#include <cmath>

namespace nnunet {
namespace {

/// Where voxel i of `to` lies among those of `from`; rounded once, as by a fused multiply-add.
float position(std::int64_t i, std::int64_t from, std::int64_t to) {
  const float zoom = static_cast<float>(from) / static_cast<float>(to);
  const double at = static_cast<double>(zoom) * (static_cast<double>(i) + 0.5) - 0.5;
  return std::max(static_cast<float>(at), 0.0F);
}

}  // namespace

CoarseAxis::CoarseAxis(std::int64_t size, float factor) {
  const double wanted = static_cast<double>(size) * static_cast<double>(factor);
  const auto coarse = std::max<std::int64_t>(static_cast<std::int64_t>(std::nearbyint(wanted)), 1);
  for (std::int64_t i = 0; i < coarse; ++i) {
    const auto nearest = static_cast<std::int64_t>(std::floor(position(i, size, coarse) + 0.5F));
    kept.push_back(std::min(nearest, size - 1));
  }
  for (std::int64_t i = 0; i < size; ++i) {
    const float at = position(i, coarse, size);
    const std::int64_t below = std::min(static_cast<std::int64_t>(at), coarse - 1);
    low.push_back(static_cast<std::int32_t>(below));
    high.push_back(static_cast<std::int32_t>(std::min(below + 1, coarse - 1)));
    high_weight.push_back(std::clamp(at - static_cast<float>(below), 0.0F, 1.0F));
    low_weight.push_back(1.0F - high_weight.back());
  }
}

void CoarseAxis::to_fine() {
  for (std::vector<std::int32_t>* side : {&low, &high})
    for (std::int32_t& index : *side) index = static_cast<std::int32_t>(kept[static_cast<std::size_t>(index)]);
}

}  // namespace nnunet
