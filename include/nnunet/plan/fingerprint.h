#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/io/config.h"
#include "nnunet/io/dataset.h"

namespace nnunet {

/// Per-axis median over the images (mm; z,y,x); if its max/min is >= 3, the coarsest axis takes the 10th percentile of
/// its spacings instead. Throws Error for an empty list.
Spacing3 target_spacing(const std::vector<Spacing3>& spacings);

/// numpy's percentile (linear interpolation) of sorted values, q in [0, 100].
double percentile(std::span<const double> sorted, double q);

/// Exact distribution of intensities: how often each value occurs. Memory grows with the number of different values,
/// not of voxels.
class IntensityCounts {
 public:
  /// Counts voxels of image (D,H,W) whose label is > 0; both of the same length.
  void add(std::span<const float> image, std::span<const std::uint8_t> label);
  void merge(const IntensityCounts& other);
  std::int64_t count() const { return count_; }
  /// 0.5 and 99.5 percentiles, mean and population std. Throws Error when nothing was counted, or all values are the
  /// same.
  CtStats stats() const;

 private:
  using Entry = std::pair<float, std::int64_t>;
  std::vector<Entry> entries() const;  ///< sorted by value
  void merge_sorted(const std::vector<Entry>& other);

  // CT values are mostly whole Hounsfield units: those are counted in a table, the others in a sorted list.
  std::vector<std::int64_t> whole_;
  std::vector<Entry> fractional_;
  std::int64_t count_ = 0;
};

/// What the training cases say about a dataset.
struct Fingerprint {
  Spacing3 spacing{};         ///< target_spacing of the readable cases
  std::optional<CtStats> ct;  ///< when asked for
};

/// Reads the training cases on up to `threads` threads (0: all cores): headers only, or with_ct images and labels too.
/// Cases that cannot be read are left out with a warning; Throws Error when the dataset has no training list or no case
/// can be read. done: called after each case, from any thread (may be empty).
Fingerprint collect_fingerprint(const Dataset& dataset, bool with_ct, int threads,
                                const std::function<void()>& done = {});

}  // namespace nnunet
