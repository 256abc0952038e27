#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet::v2 {

/// A label map as runs of equal voxels: a hundredth of its size, so that a whole dataset stays in memory.
class PackedLabels {
 public:
  PackedLabels() = default;
  explicit PackedLabels(const Array<std::uint16_t>& map) : shape_(map.shape) {
    for (const std::uint16_t label : map.values) {
      if (runs_.empty() || runs_.back().label != label || runs_.back().length == kMost) runs_.push_back({0, label});
      ++runs_.back().length;
    }
    runs_.shrink_to_fit();
  }

  Array<std::uint16_t> unpack() const {
    Array<std::uint16_t> map;
    map.shape = shape_;
    map.values.reserve(static_cast<std::size_t>(Array<std::uint16_t>::count(shape_)));
    for (const Run& run : runs_) map.values.insert(map.values.end(), run.length, run.label);
    return map;
  }

 private:
  static constexpr std::uint16_t kMost = std::numeric_limits<std::uint16_t>::max();
  struct Run {
    std::uint16_t length = 0, label = 0;
  };
  std::vector<std::int64_t> shape_;
  std::vector<Run> runs_;
};

}  // namespace nnunet::v2
