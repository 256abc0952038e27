#include "nnunet/preprocess/case_memory.h"

#include <algorithm>

#include "nnunet/core/limits.h"
#include "nnunet/preprocess/case.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"

namespace nnunet {

namespace {

constexpr std::int64_t float_bytes = 4;

Shape3 padded_shape(Shape3 shape, const std::vector<std::int64_t>& patch) {
  for (std::size_t a = 3 - patch.size(), i = 0; a < 3; ++a, ++i) shape[a] = std::max(shape[a], patch[i]);
  return shape;
}

}  // namespace

std::int64_t case_memory(const NiftiInfo& image, const std::optional<NiftiInfo>& label, const PreprocessPlan& plan,
                         const std::vector<std::int64_t>& patch) {
  const bool by_mask = plan.crop == CropRule::nonzero_filled;
  const std::int64_t label_value = by_mask ? 2 : 1;  // int16 or uint8
  const std::int64_t image_bytes = float_bytes * image.channels, label_bytes = label ? label_value : 0;  // a voxel
  const Shape3 from = in_order(image.geometry.shape, plan.transpose);
  const std::int64_t voxels = volume(from);
  std::int64_t most = image.reading_bytes(float_bytes);
  if (label) most = std::max(most, voxels * image_bytes + label->reading_bytes(label_value));

  // The image, the label and its crop.
  const std::int64_t held = voxels * (image_bytes + 2 * label_bytes);
  const bool turns = plan.transpose != std::array<int, 3>{0, 1, 2};
  most = std::max(most, held + (turns ? voxels * std::max(image_bytes, label_bytes) : 0));
  const bool uses_mask = by_mask && (label || std::ranges::any_of(plan.channels, &ChannelNormalization::use_mask));
  const std::int64_t mask = uses_mask ? voxels : 0;
  most = std::max(most, held + mask + mask / 4);  // and two bits a voxel while holes are filled

  Shape3 to = from;
  if (plan.image.method != Resampler::none) {
    const Spacing3 spacing = in_order(image.geometry.spacing, plan.transpose);
    to = target_shape(plan, from, spacing);
    if (volume(to) > limits::image_voxels) return most;  // it will be refused
    if (to != from) {
      const Spacing3 target = target_spacing(plan, spacing);
      std::int64_t between = resample_volume_memory(from, to, plan.image, separate_axis(plan.image, spacing, target));
      // The reference system's labels need nothing more.
      if (label && by_mask)
        between =
            std::max(between, resample_label_memory(from, to, plan.label, separate_axis(plan.label, spacing, target)));
      most = std::max(most, held + mask + between + volume(to) * (image_bytes + label_bytes));
    }
  }
  if (!patch.empty()) {
    const std::int64_t both = volume(to) + volume(padded_shape(to, patch));
    most = std::max(most, both * (image_bytes + label_bytes) + voxels * label_bytes);
  }
  return most;
}

}  // namespace nnunet
