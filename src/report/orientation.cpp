#include "orientation.h"

#include <algorithm>
#include <cmath>

namespace nnunet {

Orientation find_orientation(const Geometry& geometry) {
  // cosine[world][voxel axis x, y, z]
  std::array<std::array<double, 3>, 3> cosine{};
  for (std::size_t v = 0; v < 3; ++v) {
    const double length = std::hypot(geometry.affine[0][v], geometry.affine[1][v], geometry.affine[2][v]);
    if (!(length > 0) || !std::isfinite(length)) return {};
    for (std::size_t w = 0; w < 3; ++w) cosine[w][v] = geometry.affine[w][v] / length;
  }
  std::array<std::size_t, 3> order{0, 1, 2}, best = order;
  double most = -1;
  do {
    const double sum = std::abs(cosine[0][order[0]]) + std::abs(cosine[1][order[1]]) + std::abs(cosine[2][order[2]]);
    if (sum > most + 1e-9) {
      most = sum;
      best = order;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  Orientation orientation;
  for (std::size_t w = 0; w < 3; ++w) {
    orientation.axis[w] = 2 - best[w];
    orientation.positive[w] = cosine[w][best[w]] >= 0;
  }
  return orientation;
}

std::array<View, 3> radiological_views(const Orientation& o) {
  const auto [lr, pa, is] = o.axis;
  const auto [right, front, up] = o.positive;
  // A picture's x runs to the right and its y downwards: towards the patient's left, back and feet.
  return {View{"axial", lr, pa, is, right, front, "R", "L", "A", "P"},
          View{"coronal", lr, is, pa, right, up, "R", "L", "S", "I"},
          View{"sagittal", pa, is, lr, front, up, "A", "P", "S", "I"}};
}

}  // namespace nnunet
