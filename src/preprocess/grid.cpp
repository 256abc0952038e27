#include "grid.h"

#include <cmath>

namespace nnunet::grid {

double source_position(Index i, double zoom) {
  return (static_cast<double>(i) + 0.5) * zoom - 0.5;  // in scipy's order (grid_mode=True)
}

LinearAxis::LinearAxis(Index from, Index to) : low(at(to)), high(at(to)), low_weight(at(to)), high_weight(at(to)) {
  const double zoom = zoom_of(from, to);
  for (Index i = 0; i < to; ++i) {
    const double position = source_position(i, zoom);
    const double whole = std::floor(position);
    low[at(i)] = static_cast<std::int32_t>(std::clamp<Index>(static_cast<Index>(whole), 0, from - 1));
    high[at(i)] = static_cast<std::int32_t>(std::clamp<Index>(static_cast<Index>(whole) + 1, 0, from - 1));
    low_weight[at(i)] = 1.0 - (position - whole);
    high_weight[at(i)] = 1.0 - low_weight[at(i)];
  }
}

std::vector<Index> nearest_samples(Index from, Index to) {
  const double zoom = zoom_of(from, to);
  std::vector<Index> samples(at(to));
  for (Index i = 0; i < to; ++i) {
    const auto nearest = static_cast<Index>(std::floor(source_position(i, zoom) + 0.5));
    samples[at(i)] = std::clamp<Index>(nearest, 0, from - 1);
  }
  return samples;
}

SliceGroups::SliceGroups(const std::vector<Index>& slices) {
  for (std::size_t z = 0; z < slices.size(); ++z) {
    if (source.empty() || source.back() != slices[z]) {
      source.push_back(slices[z]);
      first.push_back(static_cast<Index>(z));
      count.push_back(0);
    }
    ++count.back();
  }
}

}  // namespace nnunet::grid
