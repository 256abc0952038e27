#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "nnunet/core/error.h"
#include "nnunet/core/rounding.h"
#include "nnunet/plan/intensity.h"
#include "nnunet/preprocess/resample.h"
#include "planner_parts.h"

namespace nnunet::v2 {
namespace {

constexpr double kAnisotropy = 3;
constexpr double kLowPercentile = 10;
/// A coarse axis stays coarser than the others.
constexpr double kJustCoarser = 1e-5;

template <class T>
std::vector<double> sorted_axis(const std::vector<std::array<T, 3>>& all, std::size_t axis) {
  std::vector<double> values;
  for (const auto& one : all) values.push_back(static_cast<double>(one[axis]));
  std::ranges::sort(values);
  return values;
}

/// numpy's median, whose last digit may differ from the 50th percentile's.
template <class T>
Spacing3 medians(const std::vector<std::array<T, 3>>& all) {
  Spacing3 result{};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto values = sorted_axis(all, a);
    const std::size_t half = values.size() / 2;
    result[a] = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  }
  return result;
}

template <class T>
Spacing3 fiftieth_percentiles(const std::vector<std::array<T, 3>>& all) {
  Spacing3 result{};
  for (std::size_t a = 0; a < 3; ++a) result[a] = percentile(sorted_axis(all, a), 50);
  return result;
}

std::size_t coarsest_axis(const Spacing3& spacing) {
  return static_cast<std::size_t>(std::ranges::max_element(spacing) - spacing.begin());
}

/// Slices that are thick and few are not all resampled to the median thickness.
Spacing3 target_spacing_of(const PlannedDataset& dataset) {
  Spacing3 target = fiftieth_percentiles(dataset.spacings);
  const Spacing3 size = fiftieth_percentiles(dataset.shapes);
  const std::size_t w = coarsest_axis(target), a = w == 0 ? 1 : 0, b = w == 2 ? 1 : 2;
  const double others = std::max(target[a], target[b]);
  if (target[w] > kAnisotropy * others && size[w] * kAnisotropy < std::min(size[a], size[b])) {
    const double low = percentile(sorted_axis(dataset.spacings, w), kLowPercentile);
    target[w] = low < others ? others + kJustCoarser : low;
  }
  return target;
}

std::vector<Shape3> resampled_shapes(const PlannedDataset& dataset, const Spacing3& target) {
  std::vector<Shape3> shapes;
  for (std::size_t i = 0; i < dataset.shapes.size(); ++i)
    shapes.push_back(resampled_shape(dataset.shapes[i], dataset.spacings[i], target, SizeRounding::nearest_even));
  return shapes;
}

}  // namespace

FullResolution full_resolution(const PlannedDataset& dataset, const std::optional<Spacing3>& target_spacing) {
  const Spacing3 target = target_spacing ? *target_spacing : target_spacing_of(dataset);
  const Spacing3 size = medians(resampled_shapes(dataset, target)), spacing = medians(dataset.spacings),
                 shape = medians(dataset.shapes);
  const std::size_t w = coarsest_axis(target);
  FullResolution full{};
  full.forward = {w, w == 0 ? std::size_t{1} : 0, w == 2 ? std::size_t{1} : 2};
  for (std::size_t a = 0; a < 3; ++a) {
    const std::size_t from = full.forward[a];
    full.backward[from] = a;
    if (size[from] < 1)
      throw Error("target spacing",
                  fmt::format("at {} mm the median image has no voxel along axis {}", target[from], from),
                  "give a finer -overwrite_target_spacing");
    full.spacing.push_back(target[from]);
    full.median_size.push_back(size[from]);
    full.original_spacing.push_back(spacing[from]);
    full.original_size.push_back(half_to_even(shape[from]));
  }
  return full;
}

}  // namespace nnunet::v2
