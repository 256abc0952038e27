#pragma once
#include <vector>

#include "nnunet/data/patch_intensity.h"

namespace nnunet {

/// A bump's factors for the voxels of each axis, and what brings their product to [0, 1]: (product - least) * scale.
struct BumpFactors {
  std::vector<float> axis[3];
  float least = 0, scale = 0;

  BumpFactors(const GaussianBump& bump, const Shape3& size);
};

}  // namespace nnunet
