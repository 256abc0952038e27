#pragma once
#include "nnunet/data/spatial_transform.h"

namespace nnunet {

/// read_patch with a transform; the arrays of `to` have their shapes.
void read_transformed(const PatchSource& source, const SpatialTransform& how, const PatchReading& reading,
                      const Shape3& patch, TrainingPatch& to, SpatialScratch& scratch);

}  // namespace nnunet
