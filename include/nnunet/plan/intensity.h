#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "nnunet/io/config.h"

namespace nnunet {

/// numpy's percentile (linear interpolation) of sorted values, q in [0, 100].
double percentile(std::span<const double> sorted, double q);

/// Exact statistics of intensities in memory that depends neither on the number of voxels nor on that of cases. Whole
/// values that 16-bit images can hold are counted one by one, others by the upper half of their bits; where a
/// percentile falls among such others, their lower halves are counted in a second pass over the same voxels. No result
/// depends on the order in which parts are counted and merged.
class IntensityCounts {
 public:
  /// First pass: counts voxels of an image (D,H,W) whose label is > 0; both of the same length.
  void add(std::span<const float> image, std::span<const std::uint8_t> label);
  void merge(const IntensityCounts& other);
  std::int64_t count() const { return count_; }

  /// Ends the first pass; true: stats() needs a second one.
  bool needs_second_pass();
  /// For one part of the second pass, to be merged into this.
  IntensityCounts second_pass_part() const;
  /// Second pass: the voxels of the first one again.
  void add_again(std::span<const float> image, std::span<const std::uint8_t> label);

  /// 0.5 and 99.5 percentiles, mean and population std. Throws Error when nothing was counted, all values are the same,
  /// or a second pass was left out.
  CtStats stats() const;

 private:
  // Values with the same upper half of their bits: how many there are, and what their lower halves add up to, as
  // numbers that grow with the value.
  struct Bucket {
    std::int64_t count = 0;
    std::uint64_t sum = 0, squares = 0;
    std::uint32_t least = 0xffff, most = 0;

    void merge(const Bucket& other);
  };
  // A rank's place: its bucket and its rank within.
  struct Place {
    std::uint32_t bucket;
    std::int64_t rank;
  };
  bool is_constant() const;
  std::vector<Place> places() const;
  double value_at(const Place& place) const;

  std::vector<std::int64_t> whole_;
  std::vector<Bucket> others_;
  std::map<std::uint32_t, std::vector<std::int64_t>> lower_;  // by bucket: how often each lower half occurs
  std::int64_t count_ = 0;
};

}  // namespace nnunet
