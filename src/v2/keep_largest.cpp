#include <algorithm>

#include "nnunet/core/connected_components.h"
#include "nnunet/v2/postprocessing.h"

namespace nnunet::v2 {

std::vector<int> KeepLargest::labels() const {
  std::vector<int> all;
  for (const LabelOrRegion& each : of) all.insert(all.end(), each.values.begin(), each.values.end());
  return all;
}

void keep_largest(Array<std::uint16_t>& map, const KeepLargest& step) {
  std::vector<std::uint8_t> wanted(65536, 0);
  for (const int label : step.labels())
    if (label >= 0 && label < 65536) wanted[static_cast<std::size_t>(label)] = 1;
  const ConnectedComponents components(
      map.spatial(), [&](std::int64_t i) { return wanted[map.values[static_cast<std::size_t>(i)]] != 0; });
  const std::vector<std::int64_t>& sizes = components.sizes();
  const std::int64_t largest = sizes.empty() ? 0 : *std::ranges::max_element(sizes);
  const auto width = static_cast<std::size_t>(map.spatial()[2]);
  components.visit([&](std::size_t component, std::size_t line, const ConnectedComponents::Run& run) {
    if (sizes[component] == largest) return;
    const auto start = map.values.begin() + static_cast<std::ptrdiff_t>(line * width);
    std::fill(start + run.begin, start + run.end, static_cast<std::uint16_t>(step.background));
  });
}

void postprocess(Array<std::uint16_t>& map, const std::vector<KeepLargest>& steps) {
  for (const KeepLargest& step : steps) keep_largest(map, step);
}

}  // namespace nnunet::v2
