#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "nnunet/core/array.h"
#include "nnunet/io/nifti.h"
#include "nnunet/plan/label_spec.h"
#include "nnunet/plan/preprocess_plan.h"
#include "nnunet/preprocess/image_view.h"

namespace nnunet {

/// One preprocessed image and what is needed to undo it. Axes are the network's: its axis i is the image's axis
/// transpose[i] of (z,y,x).
struct PreprocessedCase {
  Array<float> x;                        ///< (C,D,H,W), normalised
  std::optional<Array<std::uint8_t>> y;  ///< (D,H,W), when a label was given
  /// (D,H,W), when a label was given as uint16. Where the plan crops by the mask of voxels that are not 0, holes
  /// filled, background outside of the mask is -1.
  std::optional<Array<std::int16_t>> label = {};
  Shape3 crop_start{}, crop_end{};        ///< what the original grid was cropped to, end exclusive (D,H,W)
  Shape3 original{};                      ///< (D,H,W) of the original
  Spacing3 spacing{};                     ///< of the original, mm
  std::array<int, 3> transpose{0, 1, 2};  ///< as in the plan

  Shape3 cropped() const {
    return {crop_end[0] - crop_start[0], crop_end[1] - crop_start[1], crop_end[2] - crop_start[2]};
  }
};

/// Does to one image what the plan says (the reference system: crop, resample in 3D, normalise; nnU-Net v2: transpose,
/// crop, normalise, resample): what training, `preprocess`, `predict` and the server all run. The image's axes are
/// (z,y,x); who reads it has reoriented it where the plan asks for that. No padding, no 2D centre crop. Throws Error
/// (name, problem, remedy): a plan that check_supported refuses, wrong channel count, NaN or infinite voxels, no voxel
/// left after resampling, values that a normalisation does not take; where the plan crops to voxels > 0, none of them,
/// or an image that is constant in all channels.
/// threads: how many may work on this case (0: all cores); they change nothing.
/// A moved image's memory is used again; of a view the crop is copied.
PreprocessedCase preprocess_case(const std::string& name, Image image, const PreprocessPlan& plan, int threads = 1);
PreprocessedCase preprocess_case(const std::string& name, const ImageView& image, const PreprocessPlan& plan,
                                 int threads = 1);
/// The same with the image's label, which becomes y. Throws Error for a label of another shape, or that holds what is
/// not in labels, too. Not for plans that mark voxels by -1 (std::logic_error).
PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap& label,
                                 const PreprocessPlan& plan, const LabelSpec& labels, int threads = 1);
/// The same with any labels (D,H,W) on the image's grid, which become `label`: a case for nnU-Net v2's training, or a
/// cascade's previous stage. Labels > 0 outside of the mask stay, and count as inside where a channel's normalisation
/// uses the mask. Throws Error for another shape and values above 32767, too.
PreprocessedCase preprocess_case(const std::string& name, Image image, const Array<std::uint16_t>& label,
                                 const PreprocessPlan& plan, int threads = 1);
PreprocessedCase preprocess_case(const std::string& name, const ImageView& image, const Array<std::uint16_t>& label,
                                 const PreprocessPlan& plan, int threads = 1);

/// Spacing that an image of this spacing is resampled to, mm, both in the network's axes: 2D plans keep the first.
Spacing3 target_spacing(const PreprocessPlan& plan, const Spacing3& spacing);
/// Size that a crop of this shape and spacing (network's axes) is resampled to by the plan.
Shape3 target_shape(const PreprocessPlan& plan, const Shape3& shape, const Spacing3& spacing);

}  // namespace nnunet
