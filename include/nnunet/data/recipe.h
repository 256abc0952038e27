#pragma once
#include <cstdint>

#include "nnunet/data/augment.h"

namespace nnunet {

/// What is to be done to one image of a batch of plain crops: an Augmentation as the GPU's kernels read it.
struct Recipe {
  static constexpr int kMostBlurRadius = 5;  ///< of the sigmas that the reference draws

  std::int64_t first = 0, images = 1;        ///< the sample's images in the batch: in 2D a block of slices, in 3D one
  std::int64_t offset[3] = {}, box[3] = {};  ///< the part of the crop that becomes all of it (zoom_box)
  bool zoomed = false, flip[3] = {};
  float noise_std = 0;
  NoiseKey noise;
  int blur_radius = 0;  ///< 0: no blur
  float blur_weights[kMostBlurRadius + 1] = {};
  float brightness = 1, contrast = 1;
};

/// The same for each of the sample's images. size: of one of them; in 2D (InPlane) of depth 1. Throws Error for a
/// wider blur than recipes hold (fits_recipe in data/augmentation.h).
Recipe make_recipe(const Augmentation& how, const NoiseKey& noise, const Shape3& size, Axes axes, std::int64_t first,
                   std::int64_t images);

}  // namespace nnunet
