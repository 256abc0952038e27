#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "nnunet/data/spatial_transform.h"

namespace nnunet {

/// The part of the initial patch that lies in the volume, counted from the patch's start, and where its voxels lie.
struct ReadableBox {
  std::array<std::int32_t, 3> low{}, high{};  // [low, high)
  std::int64_t offset = 0;                    // of voxel `low` in the volume
  std::array<std::int64_t, 3> stride{};

  explicit ReadableBox(const PatchSource& source) {
    const Shape3& volume = source.from.size;
    stride = {volume[1] * volume[2], volume[2], 1};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t start = source.start[axis];
      low[axis] = static_cast<std::int32_t>(std::clamp<std::int64_t>(-start, 0, source.size[axis]));
      high[axis] = static_cast<std::int32_t>(std::clamp<std::int64_t>(volume[axis] - start, 0, source.size[axis]));
      offset += (start + low[axis]) * stride[axis];
    }
    if (empty()) offset = 0;
  }
  bool empty() const { return low[0] >= high[0] || low[1] >= high[1] || low[2] >= high[2]; }
  bool holds(std::size_t axis, std::int32_t i) const { return i >= low[axis] && i < high[axis]; }
  /// Relative to offset.
  std::int64_t index(std::int32_t z, std::int32_t y, std::int32_t x) const {
    return (z - low[0]) * stride[0] + (y - low[1]) * stride[1] + (x - low[2]);
  }
};

}  // namespace nnunet
