#pragma once
#include <torch/torch.h>

#include <string>

#include "nnunet/core/array.h"

namespace nnunet {

/// What undoes preprocessing: where the crop box lies in the original grid, and how the case was resampled.
struct OriginalGrid {
  Shape3 crop_start{}, crop_end{};  ///< bounding box in the original grid, end exclusive (D,H,W)
  Shape3 shape{};                   ///< of the original image (D,H,W)
  bool anisotropic = false;         ///< resampled in-plane, z by nearest neighbour
};

/// Label map (D,H,W) in the original grid from logits (K,d,h,w) float32 on the preprocessed grid: logits are resampled
/// linearly on the half-pixel grid to the crop box, then each voxel takes its largest class; outside the box
/// background. Works class by class: beside the result only three volumes of the box's size are held. threads: 0 = all
/// cores. Throws Error (name) when the box does not lie within the original grid, or there are more than 256 classes.
Array<std::uint8_t> restore_labels(const std::string& name, const torch::Tensor& logits, const OriginalGrid& grid,
                                   int threads = 0);

/// Softmax probabilities (K,D,H,W) in the original grid, in the same way; outside the box background with
/// probability 1.
Array<float> restore_probabilities(const std::string& name, const torch::Tensor& logits, const OriginalGrid& grid,
                                   int threads = 0);

}  // namespace nnunet
