#pragma once
#include <variant>
#include <vector>

#include "nnunet/core/random.h"
#include "nnunet/data/patch_intensity.h"
#include "nnunet/data/patch_scratch.h"
#include "nnunet/data/training_patch.h"

/// Which intensity operators of nnU-Net v2's augmentation a patch meets, how often and how strongly, as data
/// (contract-v2-run, section 5; what that leaves out is taken from batchgeneratorsv2 0.3.6 and nnU-Net 2.8.1's
/// nnUNetTrainerDA5).
namespace nnunet {

/// Drawn evenly from [low, high).
struct Range {
  float low = 0, high = 1;
  bool operator==(const Range&) const = default;
};

/// How often: probability for a patch, and then for each of its channels by itself.
struct Often {
  float probability = 0, per_channel = 1;
  bool operator==(const Often&) const = default;
};

namespace intensity {

/// Standard deviation, the same for all channels.
struct Noise {
  float probability = 0;
  Range std;
  bool operator==(const Noise&) const = default;
};
/// Sigma in voxels, drawn for each axis or once.
struct Blur {
  Often often;
  Range sigma;
  bool same_on_all_axes = false;
  bool operator==(const Blur&) const = default;
};
/// Factor: with probability 1/2 from [low, 1), else from [1, high).
struct Brightness {
  Often often;
  Range factor;
  bool operator==(const Brightness&) const = default;
};
/// Shift, normal with mean 0.
struct AdditiveBrightness {
  Often often;
  float std = 0;
  bool operator==(const AdditiveBrightness&) const = default;
};
/// Factor as of Brightness.
struct Contrast {
  Often often;
  Range factor;
  bool keep_range = true;
  bool operator==(const Contrast&) const = default;
};
/// Factor of all axes; keep_depth: not of the depth.
struct LowResolution {
  Often often;
  Range factor;
  bool keep_depth = false;
  bool operator==(const LowResolution&) const = default;
};
/// Exponent, drawn as the factor of Brightness; mean and standard deviation stay.
struct Gamma {
  Often often;
  Range exponent;
  bool inverted = false;
  bool operator==(const Gamma&) const = default;
};
/// Voxels of an edge of the window: least to most.
struct MedianFilter {
  Often often;
  int least = 2, most = 7;
  bool operator==(const MedianFilter&) const = default;
};
/// least to most boxes, which may overlap, each edge n / 10 (at least 1) to n / 3 - 1 voxels of n, anywhere inside.
struct BlankBoxes {
  Often often;
  int least = 1, most = 4;
  bool operator==(const BlankBoxes&) const = default;
};
/// A Gaussian bump is added: its centre on each axis in [-n / 2, 3 n / 2), its deviation log-uniform in [n / 6, n), its
/// strength drawn with either sign.
struct BrightnessGradient {
  Often often;
  Range strength;
  bool operator==(const BrightnessGradient&) const = default;
};
/// Gamma without moments within such a bump; exponent with probability 1/2 from `weaker`, else from `stronger`.
struct LocalGamma {
  Often often;
  Range weaker, stronger;
  bool operator==(const LocalGamma&) const = default;
};
struct Sharpening {
  Often often;
  Range strength;
  bool operator==(const Sharpening&) const = default;
};

using Single = std::variant<Noise, Blur, Brightness, AdditiveBrightness, Contrast, LowResolution, Gamma, MedianFilter,
                            BlankBoxes, BrightnessGradient, LocalGamma, Sharpening>;
/// One of these, all equally likely, which then throws its own coins.
struct OneOf {
  std::vector<Single> operators;
  bool operator==(const OneOf&) const = default;
};

}  // namespace intensity

using IntensityOperator = std::variant<intensity::Single, intensity::OneOf>;
/// In the order in which they are applied.
using IntensityList = std::vector<IntensityOperator>;

/// The default trainer's steps 2 to 8. dummy_2d: 3D patches whose depth is left alone by low resolution.
IntensityList v2_default_intensities(bool dummy_2d);
/// nnUNetTrainerDA5's, from the median filter to sharpening. There mirroring stands before the blank boxes; since what
/// comes after it is as likely as its mirror image, it may follow the whole list.
IntensityList da5_intensities(bool dummy_2d);

/// Throws the coins of one patch, draws strengths and applies them.
void apply_intensities(const IntensityList& list, TrainingPatch& patch, CounterRng& rng, PatchScratch& scratch);

/// With probability 1/2 from [range.low, 1), else from [1, range.high).
float draw_factor(const Range& range, CounterRng& rng);

}  // namespace nnunet
