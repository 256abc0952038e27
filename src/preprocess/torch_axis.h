#pragma once
#include "grid.h"

// Where torch's interpolate(align_corners=False) takes its samples from: positions and weights in float32.
namespace nnunet::grid {

struct TorchAxis {
  std::vector<std::int32_t> low, high;
  std::vector<float> low_weight, high_weight;

  TorchAxis(Index from, Index to);
  Index size() const { return static_cast<Index>(low.size()); }
};

/// Of the mode "nearest-exact".
std::vector<Index> torch_nearest_samples(Index from, Index to);

}  // namespace nnunet::grid
