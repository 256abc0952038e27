#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/io/config.h"

namespace nnunet {

/// What an image is cropped to before anything else: the whole of it; the bounding box of the voxels > 0 in any channel
/// (the reference system); the bounding box of the voxels that are not 0 in any channel and of the holes between them
/// (nnU-Net v2, whose labels are -1 outside of these voxels).
enum class CropRule { none, positive, nonzero_filled };

/// How a channel's intensities become the network's input.
enum class NormalizationScheme {
  z_score,      ///< (x - mean) / std of the cropped channel
  ct,           ///< clipped to [min, max], then (x - mean) / std, all from the dataset's statistics
  none,         ///< as they are
  rescale_0_1,  ///< (x - min) / (max - min) of the cropped channel
  rgb_to_0_1,   ///< x / 255; other values than 0 to 255 are an error
};

struct ChannelNormalization {
  NormalizationScheme scheme = NormalizationScheme::z_score;
  /// For the scheme ct. Where they are not known, images cannot be preprocessed, but preprocessed ones can be used.
  std::optional<CtStats> statistics = {};
  bool use_mask = false;  ///< z_score: only voxels inside the crop's mask count and change
  double least_std = 0;   ///< the divisor is no smaller; with 0 a constant channel is only centred

  bool operator==(const ChannelNormalization&) const = default;
};

enum class NormalizationPlace { before_resampling, after_resampling };

/// Size after resampling: spacing / target * size, rounded towards zero but at least 1 (the reference system), or to
/// the nearest whole number, halves to the even one (nnU-Net v2).
enum class SizeRounding { truncate, nearest_even };

/// When a case is resampled at all: its spacing differs from the target (the reference system), or its size would
/// change (nnU-Net v2).
enum class ResamplingCondition { spacing_differs, size_differs };

/// What interpolates: nothing (the grid stays as it is), splines on the half-pixel grid as scikit-image's resize, or
/// torch's interpolate.
enum class Resampler { none, spline, torch };

/// Whether one axis is resampled apart from the other two: never, always, or where the spacing is anisotropic.
enum class SeparateAxis { never, always, anisotropic };

/// Which axis that is: the first (the reference system), or the one of the largest spacing, and none where two share it
/// (nnU-Net v2).
enum class AcrossAxis { first, coarsest };

/// How one kind of volume is brought to another grid.
struct ResamplingRule {
  Resampler method = Resampler::spline;
  int order = 3;         ///< of the spline: 0 nearest neighbour, 1 linear, 3 cubic; in-plane where an axis is separate
  int order_across = 0;  ///< the same along a separate axis
  SeparateAxis separate_axis = SeparateAxis::anisotropic;
  AcrossAxis across = AcrossAxis::first;
  /// A spacing is anisotropic when its largest value is this many times the smallest; the image's spacing is looked at
  /// first, then the target's.
  double anisotropy = 3;
  bool above_anisotropy = false;  ///< exactly that ratio is not enough

  bool operator==(const ResamplingRule&) const = default;
};

/// Which label a voxel has after each label's mask was resampled: the last one of at least a half (else 0; nnU-Net v2
/// until batchgenerators 0.25.3, too); the one of the largest value (of equal ones the nearest neighbour's label, else
/// the smallest; with the method torch the smallest); the last one of more than a half (else 0; the method torch that
/// saves memory).
enum class LabelVote { last_half, largest, majority };

/// What is done to a case for training once it is normalised: nothing, or zeros are added around it up to the patch,
/// and in 2D each slice is cropped to the patch, too.
enum class TrainingFit { none, to_patch };

/// How an image, and its label, become the network's input (contract, section 2; contract-v2-plan, section 6), in this
/// order: reorient, transpose, crop, normalise and resample. The defaults are the reference system's.
struct PreprocessPlan {
  bool reorient = false;                  ///< first to the closest canonical axes (RAS+), by permuting and flipping
  std::array<int, 3> transpose{0, 1, 2};  ///< the network's axis i is the image's axis transpose[i] of (z,y,x)
  CropRule crop = CropRule::positive;
  std::vector<ChannelNormalization> channels = {};  ///< one a channel of the image
  NormalizationPlace normalization = NormalizationPlace::after_resampling;
  std::vector<double>
      spacing;  ///< target, mm, transposed: (z,y,x), or (y,x) for 2D networks, which keep the first axis
  SizeRounding size_rounding = SizeRounding::truncate;
  ResamplingCondition resample_when = ResamplingCondition::spacing_differs;
  ResamplingRule image{.order = 3}, label{.order = 1};
  ResamplingRule logits{.order = 1};  ///< back to the crop's grid
  LabelVote label_vote = LabelVote::last_half;
  TrainingFit training_fit = TrainingFit::to_patch;

  bool operator==(const PreprocessPlan&) const = default;
};

/// Throws Error (subject: name) that says which field holds what cannot be.
void check_preprocess_plan(const PreprocessPlan& plan, const std::string& name);

}  // namespace nnunet
