#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace nnunet {

/// How voxels of an axis of another size are found, on the half-pixel grid. linear: edge values are repeated;
/// linear_inside: positions beyond the edge are moved onto it, which differs in rounding; torch's rules do so, too, and
/// compute positions in float.
enum class AxisRule { linear, linear_inside, nearest, torch_linear, torch_nearest };

/// How an axis is made from one of another size: voxel i is low_weight * voxel low + high_weight * voxel high; nearest:
/// low and high are the same, the weights 1 and 0.
struct RestoreAxis {
  RestoreAxis() = default;
  RestoreAxis(std::int64_t from, std::int64_t to, AxisRule rule);

  /// Voxels whose high lies in [begin, end): they can be made once those before end are there.
  std::pair<std::int64_t, std::int64_t> made_from(std::int64_t begin, std::int64_t end) const;

  bool same = false;                    ///< every voxel is its own
  std::vector<std::int32_t> low, high;  ///< ascending; high is low or low + 1
  std::vector<double> low_weight, high_weight;
};

/// In which type lines come, and how they are mixed: float32 in float32; float16 in double and rounded to float16
/// again; float16 in float32, not rounded.
enum class LineKind { floats, halves, widened_halves };

/// A line of logits (classes, width) as the weighted sum of 1 (weight 1), 2 or 4 others.
struct LineMix {
  const void* line[4] = {};  ///< float, or float16 as its bits
  double weight[4] = {};     ///< the product of those along z and y
  double z_weight[4] = {}, y_weight[4] = {};
  int count = 0;
  std::int64_t classes = 0, class_stride = 0, width = 0;
};

/// Part of a line: made voxels [begin, end), from voxels [from, from + width) of the lines that it is made of.
struct LinePart {
  std::int64_t begin = 0, end = 0, from = 0, width = 0;
};

/// Stretches lines along x. Holds room to work in: one for each thread.
class LineStretch {
 public:
  LineStretch(const RestoreAxis& x, std::int64_t width, LineKind kind);

  /// The largest class of each voxel, in memory of its own; the first one wins a tie.
  const std::int32_t* labels(const LineMix& mix);
  /// Class k's logits from to + k * class_stride on.
  void logits(const LineMix& mix, float* to, std::int64_t class_stride);

 private:
  /// Class k of float16 lines.
  void half_class(const LineMix& mix, std::int64_t k, float* to);
  void half_labels(const LineMix& mix, std::size_t part);
  void rounded_labels(const LineMix& mix, const LinePart& part, std::span<const std::int32_t> classes);
  void choose_possible(const LineMix& mix);
  void make_parts(std::int64_t width);

  const RestoreAxis& x_;
  LineKind kind_;
  std::vector<float> low_weight_, high_weight_, mixed_, best_, line_;
  std::vector<double> wide_;
  std::vector<std::int32_t> label_;
  // Of float16:
  std::vector<LinePart> parts_;                ///< of the line
  std::vector<std::int16_t> bounds_;           ///< room for possible_classes
  std::vector<std::int32_t> possible_;         ///< by part: classes that can be the largest
  std::vector<std::int64_t> possible_counts_;  ///< by part: how many of them
  std::vector<float> magnitudes_;              ///< by part: their largest absolute value
  std::vector<std::int64_t> close_;            ///< voxels of a part where rounding may decide
  std::array<const void*, 4> possible_for_{};  ///< the lines of that mix
};

/// Class numbers of the largest of values (K, count); class k's lie from k * class_stride on. The first one wins a tie.
void largest_classes(const float* values, std::int64_t classes, std::int64_t class_stride, std::int64_t count,
                     std::int32_t* label);
/// label = value where values[i] >= least.
void mark_region(const float* values, float least, std::int32_t value, std::int64_t count, std::int32_t* label);

}  // namespace nnunet
