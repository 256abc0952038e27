#pragma once
#include <array>
#include <cstdint>

#include "nnunet/core/array.h"
#include "nnunet/core/random.h"
#include "nnunet/data/patch_scratch.h"
#include "nnunet/data/training_patch.h"

/// What nnU-Net v2's augmentation does to intensities (contract-v2-run, section 5), with strengths that are given;
/// which a patch meets: data/intensity_operators.h. All change the image (C,D,H,W) in place, most of them one channel.
/// Patches of 2D networks have depth 1: an axis of one voxel is left alone. Lengths are in voxels.
namespace nnunet {

/// Names the noise of a patch: a stream of its own.
NoiseKey draw_noise_key(CounterRng& rng);
/// Adds normal noise; that of a patch's channels is independent under one key.
void add_gaussian_noise(TrainingPatch& patch, std::int64_t channel, float std, const NoiseKey& key);

/// Gaussian filter with a standard deviation for each axis (0: left alone), the window as many voxels as the odd number
/// nearest to 6 sigma + 0.5, the image mirrored at its borders without repeating the edge.
void blur_channel(TrainingPatch& patch, std::int64_t channel, const std::array<float, 3>& sigmas,
                  PatchScratch& scratch);
/// Voxels of that window.
std::int64_t gaussian_window(double sigma);

/// x * factor.
void scale_brightness(TrainingPatch& patch, std::int64_t channel, float factor);
/// x + shift.
void shift_brightness(TrainingPatch& patch, std::int64_t channel, float shift);

/// (x - mean) * factor + mean; keep_range: clamped to the range before.
void change_contrast(TrainingPatch& patch, std::int64_t channel, float factor, bool keep_range);

/// To round(size * factor) voxels (half to even, at least 1) by the nearest voxel, and back linearly, both on the
/// half-pixel grid. factors: above 0, at most 1.
void lower_resolution(TrainingPatch& patch, std::int64_t channel, const std::array<float, 3>& factors,
                      PatchScratch& scratch);

/// ((x - least) / range)^gamma * range + least, of -x where inverted. keep_moments: then shifted and scaled to mean and
/// standard deviation before. A constant channel stays as it is.
void change_gamma(TrainingPatch& patch, std::int64_t channel, float gamma, bool inverted, bool keep_moments = true);

/// Median of the size x size x size voxels around each (in a plane: size x size), from the offset -(size / 2) on, of an
/// even number the upper one; borders are mirrored with the edge repeated. size: at least 1.
void filter_median(TrainingPatch& patch, std::int64_t channel, int size, PatchScratch& scratch);

/// Sets a box, which lies inside of the patch, to the mean that it has.
void blank_box(TrainingPatch& patch, std::int64_t channel, const Shape3& start, const Shape3& size);

/// A weight for each voxel: the share of a Gaussian that falls into it, product over the axes, then shifted and scaled
/// to [0, 1] over the patch. Positions count from the first voxel's centre; deviations are above 0.
struct GaussianBump {
  std::array<double, 3> centre{}, deviation{};
};
/// x + strength * weight.
void add_gradient(TrainingPatch& patch, std::int64_t channel, const GaussianBump& bump, float strength);
/// change_gamma without moments, blended with x by the weight.
void change_gamma_locally(TrainingPatch& patch, std::int64_t channel, const GaussianBump& bump, float gamma);

/// x + strength * (2 axes * x - the neighbours along the axes), the edge repeated beyond the borders.
void sharpen(TrainingPatch& patch, std::int64_t channel, float strength, PatchScratch& scratch);

}  // namespace nnunet
