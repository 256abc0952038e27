#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "nnunet/core/array.h"

/// The operators of the training augmentation on one sample at a time: a 3D patch, or in 2D a block of slices that
/// share one set of coins and are changed in the plane only. Which of them a sample meets: data/augmentation.h.
namespace nnunet {

/// One preprocessed case, read only: image (C,D,H,W), label (D,H,W), both contiguous.
struct CaseView {
  const float* image = nullptr;
  const std::uint8_t* label = nullptr;
  std::int64_t channels = 1;
  Shape3 size{};
};

/// One sample in a batch: planes of H x W contiguous values. Image planes lie at channel * channel_stride +
/// depth * plane_stride, so that a block of slices fits both (C,D,H,W) and (D,C,H,W); the label is (D,H,W), contiguous.
struct PatchView {
  float* image = nullptr;
  std::uint8_t* label = nullptr;
  std::int64_t channels = 1;
  Shape3 size{};
  std::int64_t channel_stride = 0, plane_stride = 0;

  std::int64_t plane_size() const { return size[1] * size[2]; }
  float* plane(std::int64_t channel, std::int64_t depth) const {
    return image + channel * channel_stride + depth * plane_stride;
  }
};

/// Operators of a 2D sample leave the depth axis alone.
enum class Axes { Volume, InPlane };

/// What happens to one sample. The defaults change nothing.
struct Augmentation {
  float zoom = 1;                      ///< edge of the part that is blown up to the patch, relative to the patch
  std::array<bool, 3> flip{};          ///< axes D, H, W
  float noise_std = 0;                 ///< additive Gaussian noise
  float blur_sigma = 0;                ///< voxels
  float brightness = 1, contrast = 1;  ///< factors; contrast keeps to the sample's own range
};

/// Buffers that operators reuse; one a thread.
struct AugmentScratch {
  std::vector<float> box, tile, rows, planes;  // of what is read
  std::vector<float> line, filtered;           // of the blur
  std::vector<const float*> taps;              // rows that a filter sums up
  std::vector<std::uint8_t> label_box;
  std::vector<float> image;  // the patch between two passes
  std::vector<std::uint8_t> label;
};

/// Fills `to` with the box of `from` that starts at `start` (may lie outside: zeros), resampled to the size of `to`
/// (image by cubic convolution with a = -0.5 (Keys 1981) on the half-pixel grid, edges of the box repeated; label
/// nearest), then flipped. A box of the size of `to` is copied. InPlane: box and patch have the same depth.
void read_box(const CaseView& from, const Shape3& start, const Shape3& box, const std::array<bool, 3>& flip,
              const PatchView& to, AugmentScratch& scratch);

/// The box within a patch that zoom blows up: trunc(patch * zoom), at least 1, and its offset from the patch's start.
struct ZoomBox {
  Shape3 offset{}, size{};
};
ZoomBox zoom_box(const Shape3& patch, float zoom, Axes axes);

/// Names the random numbers of one operator on one sample (the arguments of CounterRng).
struct NoiseKey {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0, sample = 0, stream = 0;
};

/// Adds normal noise of that standard deviation to every channel.
void add_noise(const PatchView& patch, float std, const NoiseKey& key);

/// Gaussian filter, window 2 ceil(3 sigma) + 1, mirrored at the borders without repeating the edge.
void blur(const PatchView& patch, float sigma, Axes axes, AugmentScratch& scratch);

/// x * brightness, then * contrast, clamped to the range before contrast (over all channels).
void scale_intensity(const PatchView& patch, float brightness, float contrast);

/// Crops the patch at `start` from the case and applies `how` in the reference's order: zoom, flips, noise, blur,
/// brightness, contrast. The same values as of the operators above one after the other, but plane by plane: memory is
/// passed once, again for a blur along the depth, and again for contrast.
void augment(const CaseView& from, const Shape3& start, const Augmentation& how, Axes axes, const NoiseKey& noise,
             const PatchView& to, AugmentScratch& scratch);

/// The same for several passes, one after another; none: the plain crop. The noise of a later pass comes from the
/// streams after noise.stream.
void augment_in_passes(const CaseView& from, const Shape3& start, std::span<const Augmentation> passes, Axes axes,
                       const NoiseKey& noise, const PatchView& to, AugmentScratch& scratch);

}  // namespace nnunet
