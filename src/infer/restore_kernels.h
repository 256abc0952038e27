#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace nnunet {

/// How an axis is made from one of another size. Half-pixel grid, edge values repeated: voxel i is low_weight * voxel
/// low + high_weight * voxel high; nearest: low and high are the same, the weights 1 and 0.
struct RestoreAxis {
  RestoreAxis() = default;
  RestoreAxis(std::int64_t from, std::int64_t to, bool nearest);

  /// Voxels whose high lies in [begin, end): they can be made once those before end are there.
  std::pair<std::int64_t, std::int64_t> made_from(std::int64_t begin, std::int64_t end) const;

  bool same = false;                    ///< every voxel is its own
  std::vector<std::int32_t> low, high;  ///< ascending; high is low or low + 1
  std::vector<double> low_weight, high_weight;
};

/// A line of logits (classes, width) as the weighted sum of 1 (weight 1), 2 or 4 others.
struct LineMix {
  const float* line[4] = {};
  float weight[4] = {};
  int count = 0;
  std::int64_t classes = 0, class_stride = 0, width = 0;
};

/// Stretches lines along x. Holds room to work in: one for each thread.
class LineStretch {
 public:
  LineStretch(const RestoreAxis& x, std::int64_t width);

  /// The largest class of each voxel; the first one wins a tie.
  void labels(const LineMix& mix, std::uint8_t* to);
  /// Class k's logits from to + k * class_stride on.
  void logits(const LineMix& mix, float* to, std::int64_t class_stride);

 private:
  const RestoreAxis& x_;
  std::vector<float> low_weight_, high_weight_, mixed_, best_;
  std::vector<std::int32_t> label_;
};

}  // namespace nnunet
