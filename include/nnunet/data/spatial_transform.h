#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/data/augment.h"
#include "nnunet/data/training_cases.h"
#include "nnunet/data/training_patch.h"

/// Step 1 of nnU-Net v2's augmentation (contract-v2-run, section 5): rotated and scaled patches.
namespace nnunet {

/// The initial patch: a box of a case that the transform reads from. Beyond the box, and where it reaches beyond the
/// volume, the image is 0 and labels are -1. Nothing is copied.
struct PatchSource {
  const TrainingCase& from;
  Shape3 start{}, size{};
};

/// Output voxel q, counted from the middle of the final patch, reads the initial patch at M q, counted from its middle:
/// M = Rz Ry Rx diag(scale) on column vectors (D,H,W), radians; a scale above 1 shows more of the case.
struct SpatialTransform {
  std::array<double, 3> angles{};
  std::array<double, 3> scale{1, 1, 1};
};

/// What a value between voxels is. Of labels, linear is a vote: the label whose mask has the largest linearly
/// interpolated value (rounded to float16; at ties the nearest neighbour's if it is one of them, else the lowest).
enum class PatchInterpolation { linear, nearest };

struct PatchReading {
  Axes axes = Axes::Volume;  ///< InPlane: planes (H,W), each transformed by angles[0] and scale[1], scale[2] alone
  PatchInterpolation image = PatchInterpolation::linear, labels = PatchInterpolation::linear;
};

/// Buffers for rows of the patch, one a thread.
struct SpatialScratch {
  std::array<std::vector<std::int32_t>, 3> corner;  // first neighbour
  std::array<std::vector<float>, 3> fraction;       // distance to it
  std::vector<std::int64_t> first;                  // index of the first neighbour
  std::vector<float> values;                        // neighbours, collected
  std::vector<std::int16_t> labels, differs;
};

/// Fills `to` (image (C,D,H,W), labels (L,D,H,W), whose memory is reused) with a patch of that size. Without a
/// transform it is a plain crop from floor(initial / 2) - floor(patch / 2). InPlane: initial and final patch have the
/// same depth.
void read_patch(const PatchSource& source, const std::optional<SpatialTransform>& how, const PatchReading& reading,
                const Shape3& patch, TrainingPatch& to, SpatialScratch& scratch);

/// A patch turned about right angles: axis i of the new patch is axis `from[i]` of the old, backwards where flipped.
struct Turn {
  std::array<std::size_t, 3> from{0, 1, 2};
  std::array<bool, 3> flipped{};
  bool operator==(const Turn&) const = default;
};
/// k quarter turns from axis a towards axis b, as torch.rot90(x, k, (a, b)).
Turn quarter_turns(int k, std::size_t a, std::size_t b);
/// Axes that change places must be of one size.
void turn_patch(const Turn& turn, TrainingPatch& patch, TrainingPatch& scratch);

}  // namespace nnunet
