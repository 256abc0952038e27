#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet {

/// Squared Euclidean distance (mm^2) from each voxel's centre to that of the nearest voxel whose mask is not 0;
/// infinite everywhere when there is none. Exact, in time linear in the number of voxels, also for anisotropic spacing:
/// Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8 (2012).
/// mask: (D,H,W), row-major, volume(shape) values; spacing > 0, mm.
std::vector<float> squared_distance(std::span<const std::uint8_t> mask, const Shape3& shape, const Spacing3& spacing);

}  // namespace nnunet
