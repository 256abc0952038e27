#pragma once
#include <cstdint>
#include <vector>

namespace nnunet {

/// One axis to a coarse grid and back: which voxels the coarse grid keeps, and the two of that grid between which each
/// voxel lies. Positions in float32, as torch's interpolate has them.
struct CoarseAxis {
  std::vector<std::int64_t> kept;
  std::vector<std::int32_t> low, high;
  std::vector<float> low_weight, high_weight;

  CoarseAxis(std::int64_t size, float factor);
  /// The same neighbours as indices on the fine grid.
  void to_fine();
};

}  // namespace nnunet
