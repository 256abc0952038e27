#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "nnunet/core/array.h"

namespace nnunet {

/// Agreement of one class in one case.
struct ClassScore {
  double dice = 0;                  ///< 0-1; 1 when absent from both, 0 when absent from the label only
  std::optional<double> hd95;       ///< 95th percentile Hausdorff distance, mm; none unless both have the class
  std::optional<double> precision;  ///< TP / (TP + FP); none when absent from the prediction
  std::optional<double> recall;     ///< TP / (TP + FN); none when absent from the label
  double volume_pred = 0, volume_label = 0;  ///< mL
};

/// Scores classes 1 .. n_class-1 of a prediction against a label map (both (D,H,W), same shape) with voxel spacing in
/// mm.
///
/// HD95, as MONAI 1.5's HausdorffDistanceMetric(percentile=95) defines it: a mask's surface is its voxels with a face
/// neighbour that is background or outside the volume (axes of size 1 do not count: a single slice has outlines); both
/// directed sets of distances between surface voxels' centres give their 95th percentile (linear interpolation, as
/// numpy's default); the larger one is the result.
///
/// Throws Error when the shapes differ, a value is not below n_class or the spacing is not positive.
std::vector<ClassScore> score_case(const Array<std::uint8_t>& prediction, const Array<std::uint8_t>& label,
                                   const Spacing3& spacing, int n_class);

}  // namespace nnunet
