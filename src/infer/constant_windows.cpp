#include "constant_windows.h"

#include <algorithm>
#include <bit>
#include <map>

#include "nnunet/core/parallel.h"

namespace nnunet {
namespace {

using Bits = std::uint32_t;  // numbers are compared as bits: 0 and -0 differ, a NaN equals itself

/// Whether the window at `start` has one value in the channel, which then is `value`.
bool holds_one_value(const float* channel, const WindowPlan& plan, const Shape3& start, Bits& value) {
  std::array<std::int64_t, 3> begin{}, end{};
  bool padded = false;
  for (std::size_t a = 0; a < 3; ++a) {
    begin[a] = std::max<std::int64_t>(0, start[a]);
    end[a] = std::min(plan.size[a], start[a] + plan.patch[a]);
    padded |= end[a] - begin[a] < plan.patch[a];
  }
  const auto line = [&](std::int64_t z, std::int64_t y) {
    return channel + (z * plan.size[1] + y) * plan.size[2] + begin[2];
  };
  value = padded ? 0 : std::bit_cast<Bits>(*line(begin[0], begin[1]));
  const std::int64_t width = end[2] - begin[2];
  for (std::int64_t z = begin[0]; z < end[0]; ++z)
    for (std::int64_t y = begin[1]; y < end[1]; ++y) {
      const float* from = line(z, y);
      Bits differing = 0;
      for (std::int64_t x = 0; x < width; ++x) differing |= std::bit_cast<Bits>(from[x]) ^ value;
      if (differing != 0) return false;
    }
  return true;
}

/// A value for each channel; none where one of them varies.
std::vector<Bits> constant_values(const VolumeView& volume, const WindowPlan& plan, const Shape3& start) {
  std::vector<Bits> values(static_cast<std::size_t>(volume.shape[0]));
  for (std::size_t c = 0; c < values.size(); ++c)
    if (!holds_one_value(volume.values + static_cast<std::int64_t>(c) * nnunet::volume(plan.size), plan, start,
                         values[c]))
      return {};
  return values;
}

}  // namespace

ConstantWindows find_constant_windows(const VolumeView& volume, const WindowPlan& plan) {
  std::vector<std::size_t> places;  // the first job at each place: mirror images share it
  for (std::size_t i = 0; i < plan.jobs.size(); ++i)
    if (i == 0 || plan.jobs[i].start != plan.jobs[i - 1].start) places.push_back(i);
  std::vector<std::vector<Bits>> values(places.size());
  parallel_ranges(static_cast<std::int64_t>(places.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = static_cast<std::size_t>(begin); p < static_cast<std::size_t>(end); ++p)
      values[p] = constant_values(volume, plan, plan.jobs[places[p]].start);
  });

  ConstantWindows result;
  std::map<std::vector<Bits>, std::size_t> numbers;
  for (std::size_t p = 0; p < places.size(); ++p) {
    const std::size_t end = p + 1 < places.size() ? places[p + 1] : plan.jobs.size();
    std::optional<std::size_t> number;
    if (!values[p].empty()) number = numbers.try_emplace(values[p], numbers.size()).first->second;
    result.of_job.resize(end, number);
    result.left.resize(numbers.size());
    if (number) result.left[*number] += static_cast<std::int64_t>(end - places[p]);
  }
  return result;
}

}  // namespace nnunet
