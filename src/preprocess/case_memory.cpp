#include "nnunet/preprocess/case_memory.h"

#include <algorithm>

#include "nnunet/core/limits.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {

namespace {

constexpr std::int64_t float_bytes = 4;  // the label's values have one

Shape3 padded_shape(Shape3 shape, const std::vector<std::int64_t>& patch) {
  for (std::size_t a = 3 - patch.size(), i = 0; a < 3; ++a, ++i) shape[a] = std::max(shape[a], patch[i]);
  return shape;
}

}  // namespace

std::int64_t case_memory(const NiftiInfo& image, const std::optional<NiftiInfo>& label, const PreprocessPlan& plan,
                         const std::vector<std::int64_t>& patch) {
  const std::int64_t image_bytes = float_bytes * image.channels, label_bytes = label ? 1 : 0;  // a voxel
  const Shape3 from = image.geometry.shape;
  const std::int64_t voxels = volume(from);
  std::int64_t most = image.reading_bytes(float_bytes);
  if (label) most = std::max(most, voxels * image_bytes + label->reading_bytes(1));

  // The image, the label and its crop.
  const std::int64_t held = voxels * (image_bytes + 2 * label_bytes);
  most = std::max(most, held);
  Shape3 to = from;
  if (plan.image.method != Resampler::none) {
    const Spacing3 target{plan.spacing.at(0), plan.spacing.at(1), plan.spacing.at(2)};
    to = resampled_shape(from, image.geometry.spacing, target);
    if (volume(to) > limits::image_voxels) return most;  // it will be refused
    if (to != from)
      most = std::max(most, held + resample_image_memory(from, to) + volume(to) * (image_bytes + label_bytes));
  }
  if (!patch.empty()) {
    const std::int64_t both = volume(to) + volume(padded_shape(to, patch));
    most = std::max(most, both * (image_bytes + label_bytes) + voxels * label_bytes);
  }
  return most;
}

}  // namespace nnunet
