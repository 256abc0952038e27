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

SliceGroups::SliceGroups(Index from, Index to) {
  const double zoom = zoom_of(from, to);
  for (Index z = 0; z < to; ++z) {
    const auto nearest = static_cast<Index>(std::floor(source_position(z, zoom) + 0.5));
    const Index slice = std::clamp<Index>(nearest, 0, from - 1);
    if (source.empty() || source.back() != slice) {
      source.push_back(slice);
      first.push_back(z);
      count.push_back(0);
    }
    ++count.back();
  }
}

}  // namespace nnunet::grid
