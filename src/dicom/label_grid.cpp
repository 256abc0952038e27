#include "nnunet/dicom/label_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet::dicom {
namespace {

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;  // [row][column]

constexpr double kTolerance = 0.1;  // of a voxel

double determinant(const Matrix& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

/// The solution of m x = v, by Cramer's rule.
Vector solve(const Matrix& m, const Vector& v) {
  Vector x{};
  for (std::size_t j = 0; j < 3; ++j) {
    Matrix replaced = m;
    for (std::size_t i = 0; i < 3; ++i) replaced[i][j] = v[i];
    x[j] = determinant(replaced) / determinant(m);
  }
  return x;
}

/// The series' voxel (x,y,z) in mm, on NIfTI's axes: to the right, anterior, superior instead of left, posterior,
/// superior.
Vector place(const Series& series, const std::array<std::int64_t, 3>& xyz) {
  const Frame& frame = series.frames[static_cast<std::size_t>(xyz[2])];
  Vector mm{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    mm[axis] = frame.position[axis] + series.row[axis] * series.spacing[2] * static_cast<double>(xyz[0]) +
               series.column[axis] * series.spacing[1] * static_cast<double>(xyz[1]);
    if (axis < 2) mm[axis] = -mm[axis];
  }
  return mm;
}

/// Where the label map has voxels of the series.
class LabelGrid {
 public:
  LabelGrid(const Geometry& geometry, const std::string& name) : origin_(), axes_(), name_(name) {
    for (std::size_t i = 0; i < 3; ++i) {
      origin_[i] = geometry.affine[i][3];
      for (std::size_t j = 0; j < 3; ++j) axes_[i][j] = geometry.affine[i][j];
    }
    if (determinant(axes_) == 0)
      throw Error(name, "has an affine that is singular", "write it again with its geometry");
  }

  /// The label map's voxel (x,y,z) at a place; throws Error where none is near enough.
  std::array<std::int64_t, 3> voxel(const Vector& mm) const {
    Vector relative{};
    for (std::size_t i = 0; i < 3; ++i) relative[i] = mm[i] - origin_[i];
    const Vector at = solve(axes_, relative);
    std::array<std::int64_t, 3> nearest{};
    for (std::size_t i = 0; i < 3; ++i) {
      nearest[i] = std::llround(at[i]);
      if (!(std::abs(at[i] - static_cast<double>(nearest[i])) <= kTolerance)) fail();
    }
    return nearest;
  }

  [[noreturn]] void fail() const {
    throw Error(name_, "lies on another grid than the DICOM series",
                "give the label map of this series, on the grid of its images");
  }

 private:
  Vector origin_;
  Matrix axes_;
  const std::string& name_;
};

}  // namespace

Array<std::uint16_t> labels_on_series(const WideLabelMap& map, const Series& series, const std::string& name) {
  const auto [depth, height, width] = series.shape;
  Shape3 given = map.voxels.spatial(), wanted = series.shape;
  std::ranges::sort(given);
  std::ranges::sort(wanted);
  if (given != wanted)
    throw Error(
        name, fmt::format("has {} voxels, the DICOM series {}", shape_text(map.voxels.shape), shape_text(series.shape)),
        "give the label map of this series");
  const LabelGrid grid(map.geometry, name);
  Array<std::uint16_t> labels({depth, height, width});
  std::uint16_t* to = labels.data();
  const auto inside = [&](const std::array<std::int64_t, 3>& v) {
    for (std::size_t i = 0; i < 3; ++i)
      if (v[i] < 0 || v[i] >= map.voxels.shape[2 - i]) grid.fail();
    return (v[2] * map.voxels.size(1) + v[1]) * map.voxels.size(2) + v[0];
  };
  // A line of voxels lies on a line of the label map: its ends say where the others are.
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t first = inside(grid.voxel(place(series, {0, y, z})));
      const std::int64_t last = inside(grid.voxel(place(series, {width - 1, y, z})));
      const std::int64_t step = width > 1 ? (last - first) / (width - 1) : 0;
      for (std::int64_t x = 0; x < width; ++x) *to++ = map.voxels.values[static_cast<std::size_t>(first + x * step)];
    }
  return labels;
}

}  // namespace nnunet::dicom
