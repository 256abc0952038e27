#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "nnunet/data/augment.h"

// The operators on one plane at a time: augment() applies them in turn while the plane is in the cache.
namespace nnunet {

/// Adds noise to plane number `plane` (channel * depth + its depth) of a patch, n values.
void add_noise_to_plane(float* values, std::int64_t n, std::int64_t plane, float std, const NoiseKey& key);

/// Brightness and contrast. Contrast keeps to the sample's range, so that it has to wait until all planes were seen.
class Intensity {
 public:
  Intensity(float brightness, float contrast) : brightness_(brightness), contrast_(contrast) {}
  /// Applies the brightness to these values or, before a contrast, looks at their range.
  void see(float* values, std::int64_t n);
  /// Call when all values of the sample were seen.
  void finish(const PatchView& patch) const;

 private:
  float brightness_, contrast_;
  float low_ = std::numeric_limits<float>::infinity(), high_ = -std::numeric_limits<float>::infinity();
};

/// The mirrored half of a normalised Gaussian's window: weights[k] for the distance k up to the radius.
std::vector<float> gaussian_weights(float sigma, std::int64_t radius);
/// Up to ceil(3 sigma), as the reference system's.
std::vector<float> gaussian_weights(float sigma);

/// Those of blur_channel for each axis; one weight where an axis is left alone.
std::array<std::vector<float>, 3> channel_blur_weights(const std::array<float, 3>& sigmas, const Shape3& size);

/// A separable Gaussian filter.
class Blur {
 public:
  /// The same on all axes.
  explicit Blur(float sigma);
  /// By the weights of the axes D, H, W for the distances 0 to radius.
  explicit Blur(std::array<std::vector<float>, 3> weights) : weights_(std::move(weights)) {}
  /// Width, then height of one plane.
  void plane(float* values, std::int64_t height, std::int64_t width, AugmentScratch& scratch) const;
  /// Depth of a channel. seen: what looks at the values when they are ready.
  void depth(const PatchView& patch, std::int64_t channel, Intensity& seen, AugmentScratch& scratch) const;

 private:
  std::int64_t radius(std::size_t axis) const { return static_cast<std::int64_t>(weights_[axis].size()) - 1; }
  std::array<std::vector<float>, 3> weights_;
};

}  // namespace nnunet
