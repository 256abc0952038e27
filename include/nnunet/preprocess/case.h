#pragma once
#include <optional>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/preprocess_plan.h"

namespace nnunet {

/// One preprocessed image and what is needed to undo it.
struct PreprocessedCase {
  Array<float> x;                        ///< (C,D,H,W), normalised
  std::optional<Array<std::uint8_t>> y;  ///< (D,H,W), when a label was given
  Shape3 crop_start{}, crop_end{};       ///< bounding box of voxels > 0 in the original grid, end exclusive (D,H,W)
  Shape3 original{};                     ///< (D,H,W) of the original
  Spacing3 spacing{};                    ///< of the original, mm
};

/// Does to one image what the plan says (the reference system: crop, resample in 3D, normalise): what training,
/// `preprocess`, `predict` and the server all run. No padding, no 2D centre crop. Throws Error (name, problem, remedy):
/// a plan that check_supported refuses, wrong channel count, no voxel > 0, constant in all channels.
/// threads: how many may work on this case (0: all cores).
/// A moved image's memory is used again.
PreprocessedCase preprocess_case(const std::string& name, Image image, const PreprocessPlan& plan, int threads = 1);
/// The same with the image's label. Throws Error for a label of another shape, or that holds what is not in labels,
/// too.
PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap& label,
                                 const PreprocessPlan& plan, const LabelSpec& labels, int threads = 1);

/// Whether the rule resamples axis z apart from the others: by nearest neighbour, and each (y,x) slice in-plane.
bool is_anisotropic(const Spacing3& image, const Spacing3& target, const ResamplingRule& rule = {});

}  // namespace nnunet
