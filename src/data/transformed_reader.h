#pragma once
#include <array>

#include "nnunet/data/spatial_transform.h"

namespace nnunet {

/// M of a SpatialTransform, as positions are computed with it.
using TransformMatrix = std::array<std::array<float, 3>, 3>;
TransformMatrix transform_matrix(const SpatialTransform& how, Axes axes);

/// read_patch with a transform; the arrays of `to` have their shapes.
void read_transformed(const PatchSource& source, const SpatialTransform& how, const PatchReading& reading,
                      const Shape3& patch, TrainingPatch& to, SpatialScratch& scratch);

}  // namespace nnunet
