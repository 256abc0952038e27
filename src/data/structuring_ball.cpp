#include <cmath>
#include <vector>

#include "nnunet/data/cascade_operators.h"

namespace nnunet {
namespace {

// The points' positions as scikit-image's ball and disk have them, rounding by rounding: whether a point on the sphere
// is inside hangs on the last bit.
std::vector<double> even_points(double radius) {
  const auto count = static_cast<std::int64_t>(2 * radius + 1);
  const double step = count > 1 ? (radius + radius) / static_cast<double>(count - 1) : 1.0;
  std::vector<double> points;
  for (std::int64_t i = 0; i < count; ++i) points.push_back(static_cast<double>(i) * step - radius);
  return points;
}

std::vector<double> unit_points(double radius) {
  const auto count = static_cast<std::int64_t>(std::ceil(radius + 1 + radius));
  const double step = (1 - radius) + radius;
  std::vector<double> points;
  for (std::int64_t i = 0; i < count; ++i) points.push_back(static_cast<double>(i) * step - radius);
  return points;
}

}  // namespace

Array<std::uint8_t> structuring_ball(double radius, bool in_plane) {
  const std::vector<double> points = in_plane ? unit_points(radius) : even_points(radius);
  const std::vector<double> depths = in_plane ? std::vector<double>{0.0} : points;
  const auto n = static_cast<std::int64_t>(points.size());
  Array<std::uint8_t> ball({in_plane ? 1 : n, n, n});
  std::uint8_t* to = ball.data();
  for (const double z : depths)
    for (const double y : points)
      for (const double x : points) *to++ = x * x + y * y + z * z <= radius * radius ? 1 : 0;
  return ball;
}

}  // namespace nnunet
