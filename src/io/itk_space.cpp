#include "itk_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

constexpr const char* kRepair = "repair the file's header";
/// Left and posterior count up in ITK, right and anterior in Geometry.
constexpr double kTowardsRas[3] = {-1, -1, 1};

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

/// Positive spacings, the sign moved to the axis' direction.
void straighten(ItkSpace& space, const std::string& name) {
  const std::size_t n = space.axes();
  for (std::size_t j = 0; j < n; ++j) {
    if (space.spacing[j] == 0) throw Error(name, fmt::format("its spacing along axis {} is 0", j + 1), kRepair);
    if (space.spacing[j] > 0) continue;
    space.spacing[j] = -space.spacing[j];
    for (std::size_t i = 0; i < n; ++i) space.direction[i * n + j] *= -1;
  }
}

}  // namespace

ItkSpace plain_space(std::size_t axes) {
  ItkSpace space{std::vector<double>(axes, 1), std::vector<double>(axes, 0), std::vector<double>(axes * axes, 0)};
  for (std::size_t i = 0; i < axes; ++i) space.direction[i * axes + i] = 1;
  return space;
}

Geometry geometry_in(ItkSpace space, const Shape3& shape, const std::string& name) {
  if (!all_finite(space.spacing) || !all_finite(space.origin) || !all_finite(space.direction))
    throw Error(name, "its header has a spacing, origin or direction that is not finite", kRepair);
  straighten(space, name);
  const std::size_t n = space.axes();
  Geometry geometry;
  geometry.shape = shape;
  geometry.plane = n == 2;
  for (std::size_t j = 0; j < n; ++j) geometry.spacing[2 - j] = space.spacing[j];
  if (geometry.plane) geometry.spacing[0] = std::max(space.spacing[0], space.spacing[1]) * 999;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      geometry.affine[i][j] = kTowardsRas[i] * space.direction[i * n + j] * space.spacing[j];
    geometry.affine[i][3] = kTowardsRas[i] * space.origin[i];
  }
  if (geometry.plane) geometry.affine[2][2] = geometry.spacing[0];
  geometry.affine[3][3] = 1;
  return geometry;
}

ItkSpace itk_space(const Geometry& geometry) {
  const std::size_t n = geometry.plane ? 2 : 3;
  ItkSpace space = plain_space(n);
  for (std::size_t j = 0; j < n; ++j) {
    const double length = std::hypot(geometry.affine[0][j], geometry.affine[1][j], n > 2 ? geometry.affine[2][j] : 0.0);
    space.spacing[j] = geometry.spacing[2 - j];
    for (std::size_t i = 0; i < n && length > 0; ++i)
      space.direction[i * n + j] = kTowardsRas[i] * geometry.affine[i][j] / length;
    space.origin[j] = kTowardsRas[j] * geometry.affine[j][3];
  }
  // No minus before a zero: it would be written.
  for (std::vector<double>* values : {&space.origin, &space.direction})
    for (double& value : *values) value += 0.0;
  return space;
}

}  // namespace nnunet
