#include <cmath>
#include <utility>

#include "nnunet/data/patch_intensity.h"
#include "operators.h"

namespace nnunet {

std::int64_t gaussian_window(double sigma) {
  const double wanted = 6 * sigma + 0.5;
  const auto rounded = static_cast<std::int64_t>(std::nearbyint(wanted));
  if (rounded % 2 != 0) return rounded;
  return wanted >= static_cast<double>(rounded) ? rounded + 1 : rounded - 1;
}

std::array<std::vector<float>, 3> channel_blur_weights(const std::array<float, 3>& sigmas, const Shape3& size) {
  std::array<std::vector<float>, 3> weights;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const float sigma = sigmas[axis];
    weights[axis] = size[axis] > 1 && sigma > 0
                        ? gaussian_weights(sigma, gaussian_window(static_cast<double>(sigma)) / 2)
                        : std::vector<float>{1.0F};
  }
  return weights;
}

void blur_channel(TrainingPatch& patch, std::int64_t channel, const std::array<float, 3>& sigmas,
                  PatchScratch& scratch) {
  const Shape3 size = patch.image.spatial();
  std::array<std::vector<float>, 3> weights = channel_blur_weights(sigmas, size);
  const bool along_depth = weights[0].size() > 1;
  const Blur blur(std::move(weights));
  const std::int64_t plane = size[1] * size[2];
  float* const values = patch.image.slab(channel).data();
  for (std::int64_t d = 0; d < size[0]; ++d) blur.plane(values + d * plane, size[1], size[2], scratch.augment);
  if (!along_depth) return;
  Intensity unchanged(1, 1);
  blur.depth({values, nullptr, 1, size, size[0] * plane, plane}, 0, unchanged, scratch.augment);
}

}  // namespace nnunet
