#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "nnunet/io/config.h"

namespace nnunet {

/// numpy's percentile (linear interpolation) of sorted values, q in [0, 100].
double percentile(std::span<const double> sorted, double q);

/// What a set of intensities is told by.
struct IntensitySummary {
  double mean = 0, std = 0, min = 0, max = 0;  ///< std: of the population
  std::vector<double> percentiles;             ///< those asked for, in their order
};

/// Exact statistics of intensities in memory that depends neither on the number of voxels nor on that of cases. Whole
/// values that 16-bit images can hold are counted one by one, others by the upper half of their bits; where a
/// percentile falls among such others, their lower halves are counted in a second pass over the same voxels. No result
/// depends on the order in which parts are counted and merged.
class IntensityCounts {
 public:
  /// percentiles: in [0, 100], ascending.
  explicit IntensityCounts(std::vector<double> percentiles = {0.5, 99.5}) : percentiles_(std::move(percentiles)) {}

  /// First pass: counts voxels of an image (D,H,W) whose label is > 0; both of the same length.
  void add(std::span<const float> image, std::span<const std::uint8_t> label);
  /// The same for values[i] that counts times[i] times.
  void add(std::span<const float> values, std::span<const std::uint32_t> times);
  void merge(const IntensityCounts& other);
  std::int64_t count() const { return count_; }

  /// Ends the first pass; true: stats() needs a second one.
  bool needs_second_pass();
  /// For one part of the second pass, to be merged into this.
  IntensityCounts second_pass_part() const;
  /// Second pass: the voxels of the first one again.
  void add_again(std::span<const float> image, std::span<const std::uint8_t> label);
  void add_again(std::span<const float> values, std::span<const std::uint32_t> times);

  /// Of all that was counted; percentiles as numpy's of float32 values. Throws Error when
  /// nothing was counted or a second pass was left out.
  IntensitySummary summary() const;
  /// The first two percentiles, mean and population std. Throws Error when nothing was counted, all values are the
  /// same, or a second pass was left out.
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
  template <class Times>
  void count_values(std::span<const float> values, const Times& times);
  template <class Times>
  void count_values_again(std::span<const float> values, const Times& times);
  struct Moments {
    double mean, std;
  };
  bool is_constant() const;
  Moments moments() const;
  std::pair<double, double> extremes() const;
  /// The percentiles by a rule between (a, b, fraction).
  template <class Between>
  std::vector<double> interpolated(const Between& between) const;
  std::vector<Place> places() const;
  double value_at(const Place& place) const;

  std::vector<double> percentiles_;
  std::vector<std::int64_t> whole_;
  std::vector<Bucket> others_;
  std::map<std::uint32_t, std::vector<std::int64_t>> lower_;  // by bucket: how often each lower half occurs
  std::int64_t count_ = 0;
};

}  // namespace nnunet
