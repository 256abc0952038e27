#pragma once
#include <optional>

#include "nnunet/core/array.h"
#include "nnunet/io/config.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

/// One preprocessed image and what is needed to undo it.
struct PreprocessedCase {
  Array<float> x;                        ///< (C,D,H,W), normalised
  std::optional<Array<std::uint8_t>> y;  ///< (D,H,W), when a label was given
  Shape3 crop_start{}, crop_end{};       ///< bounding box of voxels > 0 in the original grid, end exclusive (D,H,W)
  Shape3 original{};                     ///< (D,H,W) of the original
  Spacing3 spacing{};                    ///< of the original, mm
};

/// Steps 2-4 of contract section 2 (crop, resample when config.dim() == 3, normalise) on one image: what training,
/// `preprocess`, `predict` and the server all run. No padding, no 2D centre crop. Throws Error (name, problem, remedy):
/// wrong channel count, no voxel > 0, constant in all channels, label of another shape, label class >= n_class.
/// threads: how many may work on this case (0: all cores).
/// A moved image's memory is used again.
PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap* label, const DataConfig& config,
                                 int threads = 1);

/// Max/min spacing >= 3 of the image or of the target: such cases are resampled in-plane and by nearest neighbour along
/// z.
bool is_anisotropic(const Spacing3& image, const Spacing3& target);

}  // namespace nnunet
