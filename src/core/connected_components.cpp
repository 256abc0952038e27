#include "nnunet/core/connected_components.h"

#include <algorithm>
#include <numeric>

namespace nnunet {

ConnectedComponents::Row ConnectedComponents::row(std::int64_t d, std::int64_t h) const {
  if (d < 0 || h < 0 || h >= size_[1]) return {};
  const auto line = static_cast<std::size_t>(d * size_[1] + h);
  return {first_[line], first_[line + 1]};
}

std::size_t ConnectedComponents::root(std::size_t run) {
  while (component_[run] != run) run = component_[run] = component_[component_[run]];
  return run;
}

// Runs touch when they overlap, or meet at a corner.
void ConnectedComponents::connect(Row a, Row b) {
  while (a.begin < a.end && b.begin < b.end) {
    const Run &one = runs_[a.begin], &other = runs_[b.begin];
    if (one.begin <= other.end && other.begin <= one.end) {
      const std::size_t x = root(a.begin), y = root(b.begin);
      component_[std::max(x, y)] = std::min(x, y);
    }
    one.end < other.end ? ++a.begin : ++b.begin;
  }
}

// A run hangs on itself or on an earlier one, so the first run of a component is numbered before the others look it up.
void ConnectedComponents::connect_all() {
  component_.resize(runs_.size());
  std::iota(component_.begin(), component_.end(), std::size_t{0});
  for (std::int64_t d = 0; d < size_[0]; ++d)
    for (std::int64_t h = 0; h < size_[1]; ++h) {
      connect(row(d, h), row(d, h - 1));
      for (const std::int64_t beside : {h - 1, h, h + 1}) connect(row(d, h), row(d - 1, beside));
    }
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (component_[i] == i) {
      component_[i] = sizes_.size();
      sizes_.push_back(0);
    } else {
      component_[i] = component_[component_[i]];
    }
    sizes_[component_[i]] += runs_[i].end - runs_[i].begin;
  }
}

}  // namespace nnunet
