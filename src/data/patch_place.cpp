#include "nnunet/data/patch_place.h"

#include <algorithm>
#include <utility>

namespace nnunet {
namespace {

std::int64_t count_foreground(std::span<const std::uint8_t> values) {
  // Short runs, so that the inner sum fits a byte a lane and the loop becomes vector code.
  std::int64_t total = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += 255) {
    const std::size_t end = std::min(values.size(), begin + 255);
    std::uint8_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum = static_cast<std::uint8_t>(sum + (values[i] != 0 ? 1 : 0));
    total += sum;
  }
  return total;
}

}  // namespace

ForegroundIndex::ForegroundIndex(std::span<const std::uint8_t> label, const Shape3& size) : label_(label), size_(size) {
  const auto plane = static_cast<std::size_t>(size[1] * size[2]);
  up_to_.push_back(0);
  for (std::size_t d = 0; d < static_cast<std::size_t>(size[0]); ++d) {
    up_to_.push_back(up_to_.back() + count_foreground(label.subspan(d * plane, plane)));
  }
}

Shape3 ForegroundIndex::voxel(std::int64_t rank) const {
  const auto after = std::upper_bound(up_to_.begin(), up_to_.end(), rank);
  const std::int64_t depth = after - up_to_.begin() - 1;
  rank -= *std::prev(after);
  const auto width = static_cast<std::size_t>(size_[2]);
  for (std::int64_t h = 0; h < size_[1]; ++h) {
    const auto row = label_.subspan(static_cast<std::size_t>(depth * size_[1] + h) * width, width);
    const std::int64_t here = count_foreground(row);
    if (rank >= here) {
      rank -= here;
      continue;
    }
    std::int64_t w = 0;
    while (row[static_cast<std::size_t>(w)] == 0 || rank-- > 0) ++w;
    return {depth, h, w};
  }
  return {};  // not reached for a rank below count()
}

Shape3 draw_centre(const ForegroundIndex& foreground, const Shape3& size, double oversampling, CounterRng& rng) {
  const bool on_foreground = rng.coin(static_cast<float>(oversampling));
  if (on_foreground && foreground.count() > 0) return foreground.voxel(rng.integer(foreground.count()));
  const std::int64_t voxel = rng.integer(volume(size));
  return {voxel / (size[1] * size[2]), voxel / size[2] % size[1], voxel % size[2]};
}

Shape3 crop_start(const Shape3& centre, const Shape3& patch, const Shape3& size) {
  Shape3 start = centre_start(patch, size);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (size[axis] <= patch[axis]) continue;
    start[axis] = std::clamp<std::int64_t>(centre[axis] - patch[axis] / 2, 0, size[axis] - patch[axis]);
  }
  return start;
}

Shape3 centre_start(const Shape3& patch, const Shape3& size) {
  Shape3 start{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t room = size[axis] - patch[axis];
    start[axis] = room >= 0 ? room / 2 : -(-room / 2);
  }
  return start;
}

}  // namespace nnunet
