#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace nnunet {

/// Spatial sizes of a volume: depth, height, width (z, y, x); a single image has depth 1.
using Shape3 = std::array<std::int64_t, 3>;
/// Voxel spacing in mm: z, y, x.
using Spacing3 = std::array<double, 3>;

inline std::int64_t volume(const Shape3& s) {
  return s[0] * s[1] * s[2];
}

/// Dense row-major array that owns its values: a shape and a vector. Volumes are (C,D,H,W), label maps (D,H,W).
template <class T>
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<T> values;

  Array() = default;
  explicit Array(std::vector<std::int64_t> shape_, T fill = T{})
      : shape(std::move(shape_)), values(static_cast<std::size_t>(count(shape)), fill) {}

  static std::int64_t count(const std::vector<std::int64_t>& s) {
    return std::accumulate(s.begin(), s.end(), std::int64_t{1}, std::multiplies<>());
  }
  std::int64_t numel() const { return static_cast<std::int64_t>(values.size()); }
  std::int64_t size(std::size_t axis) const { return shape[axis]; }
  /// The last three axes.
  Shape3 spatial() const {
    const std::size_t n = shape.size();
    return {shape[n - 3], shape[n - 2], shape[n - 1]};
  }
  T* data() { return values.data(); }
  const T* data() const { return values.data(); }
  /// Values of entry i of the first axis, for instance one channel of (C,D,H,W).
  std::span<T> slab(std::int64_t i) {
    const std::size_t n = values.size() / static_cast<std::size_t>(shape[0]);
    return std::span<T>(values).subspan(static_cast<std::size_t>(i) * n, n);
  }
  std::span<const T> slab(std::int64_t i) const {
    const std::size_t n = values.size() / static_cast<std::size_t>(shape[0]);
    return std::span<const T>(values).subspan(static_cast<std::size_t>(i) * n, n);
  }
};

/// "1x40x56x40".
template <class Range>
std::string shape_text(const Range& shape) {
  std::string text;
  for (const auto n : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(n);
  }
  return text;
}

}  // namespace nnunet
