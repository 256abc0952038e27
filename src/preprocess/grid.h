#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/core/parallel.h"

// Where the samples of a resized axis lie: the half-pixel grid.
namespace nnunet::grid {

using Index = std::int64_t;

inline std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// in/out of one axis
inline double zoom_of(Index from, Index to) {
  return static_cast<double>(from) / static_cast<double>(to);
}

/// Centre of output sample i on the input's grid.
double source_position(Index i, double zoom);

/// The input sample nearest to each output sample, the upper one of two.
std::vector<Index> nearest_samples(Index from, Index to);

/// Two neighbours and weights for each output sample; beyond the ends both neighbours are the edge sample.
struct LinearAxis {
  std::vector<std::int32_t> low, high;
  std::vector<double> low_weight, high_weight;

  LinearAxis(Index from, Index to);
  Index size() const { return static_cast<Index>(low.size()); }
};

/// Output slices that show the same input slice: one is computed, the others copy it.
struct SliceGroups {
  std::vector<Index> source, first, count;  // input slice, first output slice, how many

  SliceGroups(Index from, Index to) : SliceGroups(nearest_samples(from, to)) {}
  /// slices: the input slice of each output slice.
  explicit SliceGroups(const std::vector<Index>& slices);

  /// slice(input slice, output slice) makes one output slice of `area` values.
  template <class T, class Slice>
  void run(T* out, Index area, int threads, const Slice& slice) const {
    parallel_for(static_cast<Index>(source.size()), threads, [&](Index g) {
      T* made = out + first[at(g)] * area;
      slice(source[at(g)], made);
      for (Index k = 1; k < count[at(g)]; ++k) std::copy_n(made, area, made + k * area);
    });
  }
};

}  // namespace nnunet::grid
