#include "nnunet/eval/distance_transform.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace nnunet {
namespace {

constexpr float infinite = std::numeric_limits<float>::infinity();

/// Distance along one row of a mask: a sweep to the right, then one back.
void row_distance(const std::uint8_t* mask, float* out, std::int64_t n, double spacing) {
  double distance = infinite;
  for (std::int64_t i = 0; i < n; ++i) {
    distance = mask[i] != 0 ? 0 : distance + spacing;
    out[i] = static_cast<float>(distance);
  }
  distance = infinite;
  for (std::int64_t i = n - 1; i >= 0; --i) {
    distance = mask[i] != 0 ? 0 : distance + spacing;
    const float nearest = std::min(out[i], static_cast<float>(distance));
    out[i] = nearest * nearest;
  }
}

/// min over j of f(j) + (spacing (i - j))^2 along a line, in place: the lower envelope of parabolas.
class LineTransform {
 public:
  LineTransform(std::int64_t length, double spacing)
      : n_(length),
        square_(spacing * spacing),
        site_(static_cast<std::size_t>(length)),
        height_(site_.size()),
        start_(site_.size()) {}

  void operator()(float* line) {
    const std::int64_t count = build(line);
    if (count == 0) return;  // infinite before and after
    std::size_t k = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      while (k + 1 < static_cast<std::size_t>(count) && start_[k + 1] < static_cast<double>(i)) ++k;
      const auto step = static_cast<double>(i - site_[k]);
      line[i] = static_cast<float>(height_[k] + square_ * step * step);
    }
  }

 private:
  /// Parabolas of the envelope from left to right: site, height there, and where each starts to be the lowest.
  std::int64_t build(const float* line) {
    std::int64_t count = 0;
    for (std::int64_t q = 0; q < n_; ++q) {
      if (line[q] == infinite) continue;
      double from = -std::numeric_limits<double>::infinity();
      for (; count > 0; --count) {
        const auto k = static_cast<std::size_t>(count - 1);
        const std::int64_t p = site_[k];
        const double rise = (static_cast<double>(line[q]) - height_[k]) / square_;
        from = (rise / static_cast<double>(q - p) + static_cast<double>(q + p)) / 2;
        if (from > start_[k]) break;
      }
      const auto k = static_cast<std::size_t>(count++);
      site_[k] = q;
      height_[k] = line[q];
      start_[k] = k == 0 ? -std::numeric_limits<double>::infinity() : from;
    }
    return count;
  }

  std::int64_t n_;
  double square_;
  std::vector<std::int64_t> site_;
  std::vector<double> height_, start_;
};

/// Transforms `width` neighbouring lines whose values lie `stride` apart. They are gathered a cache line at a time,
/// since strides of large volumes often are powers of two, which would fight for the same cache sets.
void transform_lines(float* values, std::int64_t width, std::int64_t stride, std::int64_t n, LineTransform& transform,
                     std::vector<float>& tile) {
  constexpr std::int64_t block = 16;
  tile.resize(static_cast<std::size_t>(block * n));
  for (std::int64_t x0 = 0; x0 < width; x0 += block) {
    const std::int64_t columns = std::min(block, width - x0);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t x = 0; x < columns; ++x)
        tile[static_cast<std::size_t>(x * n + i)] = values[i * stride + x0 + x];
    for (std::int64_t x = 0; x < columns; ++x) transform(tile.data() + x * n);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t x = 0; x < columns; ++x)
        values[i * stride + x0 + x] = tile[static_cast<std::size_t>(x * n + i)];
  }
}

}  // namespace

std::vector<float> squared_distance(std::span<const std::uint8_t> mask, const Shape3& shape, const Spacing3& spacing) {
  const auto [depth, height, width] = shape;
  if (static_cast<std::int64_t>(mask.size()) != volume(shape))
    throw std::invalid_argument("squared_distance: mask and shape differ in size");
  std::vector<float> out(mask.size());
  for (std::int64_t row = 0; row < depth * height; ++row)
    row_distance(mask.data() + row * width, out.data() + row * width, width, spacing[2]);
  std::vector<float> tile;
  LineTransform along_y(height, spacing[1]), along_z(depth, spacing[0]);
  for (std::int64_t z = 0; height > 1 && z < depth; ++z)
    transform_lines(out.data() + z * height * width, width, width, height, along_y, tile);
  for (std::int64_t y = 0; depth > 1 && y < height; ++y)
    transform_lines(out.data() + y * width, width, height * width, depth, along_z, tile);
  return out;
}

}  // namespace nnunet
