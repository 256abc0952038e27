#include "nnunet/eval/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/eval/dice.h"
#include "nnunet/eval/distance_transform.h"

namespace nnunet {
namespace {

/// Half-open box of voxels; empty until something is added.
struct Box {
  Shape3 low{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max(),
             std::numeric_limits<std::int64_t>::max()};
  Shape3 high{0, 0, 0};

  void add_run(std::int64_t z, std::int64_t y, std::int64_t x_begin, std::int64_t x_end) {
    low = {std::min(low[0], z), std::min(low[1], y), std::min(low[2], x_begin)};
    high = {std::max(high[0], z + 1), std::max(high[1], y + 1), std::max(high[2], x_end)};
  }
};

/// What one pass over both maps tells of a class.
struct ClassCount {
  std::int64_t both = 0, prediction = 0, label = 0;  ///< voxels
  Box box;                                           ///< around the class in both maps
};

/// Counts by runs of equal pairs along x, since most voxels equal their neighbour.
std::vector<ClassCount> count_classes(const Array<std::uint8_t>& prediction, const Array<std::uint8_t>& label,
                                      int n_class) {
  std::vector<ClassCount> counts(256);
  const auto [depth, height, width] = label.spatial();
  const auto add_run = [&](std::size_t p, std::size_t l, std::int64_t z, std::int64_t y, std::int64_t begin,
                           std::int64_t end) {
    counts[p].prediction += end - begin;
    counts[l].label += end - begin;
    if (p == l) counts[p].both += end - begin;
    if (p != 0) counts[p].box.add_run(z, y, begin, end);
    if (l != 0) counts[l].box.add_run(z, y, begin, end);
  };
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y) {
      const std::uint8_t* p = prediction.data() + (z * height + y) * width;
      const std::uint8_t* l = label.data() + (z * height + y) * width;
      for (std::int64_t begin = 0, end = 0; begin < width; begin = end) {
        for (end = begin + 1; end < width && p[end] == p[begin] && l[end] == l[begin];) ++end;
        add_run(p[begin], l[begin], z, y, begin, end);
      }
    }
  for (std::size_t c = static_cast<std::size_t>(n_class); c < counts.size(); ++c)
    if (counts[c].prediction + counts[c].label > 0)
      throw Error(counts[c].label > 0 ? "label" : "prediction",
                  fmt::format("class {} is not below the class count {}", c, n_class));
  counts.resize(static_cast<std::size_t>(n_class));
  return counts;
}

/// The class's mask (0 or 1) inside a box, with a margin of one background voxel on all sides.
std::vector<std::uint8_t> cut_mask(const Array<std::uint8_t>& map, int value, const Box& box, const Shape3& size) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(volume(size)), 0);
  const auto [depth, height, width] = map.spatial();
  for (std::int64_t z = box.low[0]; z < box.high[0]; ++z)
    for (std::int64_t y = box.low[1]; y < box.high[1]; ++y) {
      const std::uint8_t* from = map.data() + (z * height + y) * width + box.low[2];
      std::uint8_t* to = mask.data() + ((z - box.low[0] + 1) * size[1] + y - box.low[1] + 1) * size[2] + 1;
      for (std::int64_t x = 0; x < box.high[2] - box.low[2]; ++x) to[x] = from[x] == value;
    }
  return mask;
}

/// The mask's voxels with a face neighbour outside it; axes that do not count have step 0. The mask has a margin.
std::vector<std::uint8_t> surface_of(const std::vector<std::uint8_t>& mask, const Shape3& size, const Shape3& counted) {
  std::vector<std::uint8_t> surface(mask.size(), 0);
  const std::int64_t dz = counted[0] * size[1] * size[2], dy = counted[1] * size[2], dx = counted[2];
  for (std::int64_t z = 1; z < size[0] - 1; ++z)
    for (std::int64_t y = 1; y < size[1] - 1; ++y) {
      const std::int64_t row = (z * size[1] + y) * size[2];
      const std::uint8_t* m = mask.data() + row;
      std::uint8_t* s = surface.data() + row;
      for (std::int64_t x = 1; x < size[2] - 1; ++x) {
        const int inside = m[x - dx] & m[x + dx] & m[x - dy] & m[x + dy] & m[x - dz] & m[x + dz];
        s[x] = static_cast<std::uint8_t>(m[x] & (inside ^ 1));
      }
    }
  return surface;
}

/// 95th percentile (numpy's linear interpolation) of the distances from one surface to the other.
double directed_hd95(const std::vector<std::uint8_t>& from, const std::vector<float>& squared_to) {
  std::vector<float> squares;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 0) squares.push_back(squared_to[i]);
  const double position = 0.95 * static_cast<double>(squares.size() - 1);
  const auto below = squares.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(squares.begin(), below, squares.end());
  const double low = std::sqrt(static_cast<double>(*below));
  if (below + 1 == squares.end()) return low;
  const double high = std::sqrt(static_cast<double>(*std::min_element(below + 1, squares.end())));
  return low + (position - std::floor(position)) * (high - low);
}

double hd95(const Array<std::uint8_t>& prediction, const Array<std::uint8_t>& label, int value, const Box& box,
            const Spacing3& spacing) {
  Shape3 size{}, counted{};
  for (std::size_t a = 0; a < 3; ++a) {
    size[a] = box.high[a] - box.low[a] + 2;
    counted[a] = label.shape[a] > 1 ? 1 : 0;
  }
  const auto surface_pred = surface_of(cut_mask(prediction, value, box, size), size, counted);
  const auto surface_label = surface_of(cut_mask(label, value, box, size), size, counted);
  const double forward = directed_hd95(surface_pred, squared_distance(surface_label, size, spacing));
  return std::max(forward, directed_hd95(surface_label, squared_distance(surface_pred, size, spacing)));
}

void check(const Array<std::uint8_t>& prediction, const Array<std::uint8_t>& label, const Spacing3& spacing) {
  if (prediction.shape.size() != 3 || prediction.shape != label.shape)
    throw Error(
        "prediction",
        fmt::format("its shape {} is not that of the label, {}", shape_text(prediction.shape), shape_text(label.shape)),
        "both must be (D,H,W) on the same grid");
  for (const double s : spacing)
    if (!(s > 0) || !std::isfinite(s)) throw Error("label", fmt::format("the voxel spacing {} mm is not positive", s));
}

}  // namespace

std::vector<ClassScore> score_case(const Array<std::uint8_t>& prediction, const Array<std::uint8_t>& label,
                                   const Spacing3& spacing, int n_class) {
  check(prediction, label, spacing);
  const auto counts = count_classes(prediction, label, n_class);
  const double millilitres = spacing[0] * spacing[1] * spacing[2] / 1000;
  std::vector<ClassScore> scores;
  for (int c = 1; c < n_class; ++c) {
    const ClassCount& n = counts[static_cast<std::size_t>(c)];
    const auto both = static_cast<double>(n.both), pred = static_cast<double>(n.prediction),
               truth = static_cast<double>(n.label);
    ClassScore score;
    score.dice = case_dice(n.both, n.prediction, n.label);
    if (n.prediction > 0) score.precision = both / pred;
    if (n.label > 0) score.recall = both / truth;
    if (n.prediction > 0 && n.label > 0) score.hd95 = hd95(prediction, label, c, n.box, spacing);
    score.volume_pred = pred * millilitres;
    score.volume_label = truth * millilitres;
    scores.push_back(score);
  }
  return scores;
}

}  // namespace nnunet
