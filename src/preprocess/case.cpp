#include "nnunet/preprocess/case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/preprocess/crop.h"
#include "nnunet/preprocess/mask.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/preprocess/transpose.h"

namespace nnunet {

namespace {

bool varies(const ImageView& image, std::int64_t channel) {
  const auto [depth, height, width] = image.spatial();
  std::vector<float> room;
  const float first = *image.line(channel, 0, 0, 0, 1, room);
  for (std::int64_t z = 0; z < depth; ++z)
    for (std::int64_t y = 0; y < height; ++y) {
      const float* const line = image.line(channel, z, y, 0, width, room);
      if (std::any_of(line, line + width, [&](float v) { return v != first; })) return true;
    }
  return false;
}

void check_varies(const std::string& name, const ImageView& image) {
  for (std::int64_t c = 0; c < image.shape[0]; ++c)
    if (varies(image, c)) return;
  throw Error(name, "the image is constant in all channels", "check whether the file was exported correctly");
}

void check_image(const std::string& name, const ImageView& image, const PreprocessPlan& plan, int threads) {
  const auto channels = static_cast<std::int64_t>(plan.channels.size());
  if (image.shape[0] * volume(image.spatial()) == 0) throw Error(name, "the image has no voxels", "check the file");
  if (image.shape[0] != channels)
    throw Error(name, fmt::format("the image has {} channels, expected {}", image.shape[0], channels),
                "give one channel for each that dataset.json names");
  if (has_non_finite(image, threads))
    throw Error(name, "the image holds NaN or infinite voxels", "replace them by finite values");
  if (plan.crop == CropRule::positive) check_varies(name, image);
}

/// An Image as what is checked and looked at.
ImageView view_of(const std::string& name, const Image& image) {
  if (image.voxels.shape.size() != 4) throw Error(name, "the image has no voxels", "check the file");
  return {image.voxels, image.geometry.spacing};
}

void check_grid(const std::string& name, const ImageView& image, const std::vector<std::int64_t>& shape) {
  const Shape3 expected = image.spatial();
  if (!std::equal(shape.begin(), shape.end(), expected.begin(), expected.end()))
    throw Error(
        name, fmt::format("the label's shape {} differs from the image's {}", shape_text(shape), shape_text(expected)),
        "label and image must have the same grid");
}

void check_label(const std::string& name, const ImageView& image, const LabelMap& label, const LabelSpec& labels) {
  check_grid(name, image, label.voxels.shape);
  const auto& values = label.voxels.values;
  std::uint8_t highest = 0;
  for (const std::uint8_t v : values) highest = std::max(highest, v);
  if (highest >= labels.heads())
    throw Error(
        name, fmt::format("the label holds class {}, but there are only classes 0 to {}", highest, labels.heads() - 1),
        "correct the label or list the class under `labels` in dataset.json");
}

Box box_of(const std::string& name, const ImageView& image, CropRule rule, int threads) {
  const Box whole{{0, 0, 0}, image.spatial()};
  if (rule == CropRule::none) return whole;
  if (rule == CropRule::nonzero_filled) return nonzero_box(image, threads).value_or(whole);
  const std::optional<Box> box = foreground_box(image);
  if (!box)
    throw Error(name, "the image has no voxel above 0",
                "the crop to the voxels > 0 would be empty; check the image's intensities");
  return *box;
}

// Without its voxels.
PreprocessedCase case_of(const ImageView& image, const Box& box, const PreprocessPlan& plan) {
  PreprocessedCase item;
  item.transpose = plan.transpose;
  item.crop_start = in_order(box.start, plan.transpose);
  item.crop_end = in_order(box.end, plan.transpose);
  item.original = in_order(image.spatial(), plan.transpose);
  item.spacing = in_order(image.spacing, plan.transpose);
  return item;
}

// Cropped and transposed. Cropping comes first here, which is the same and moves less.
PreprocessedCase cropped(const std::string& name, const ImageView& image, const PreprocessPlan& plan, int threads) {
  const Box box = box_of(name, image, plan.crop, threads);
  PreprocessedCase item = case_of(image, box, plan);
  item.x = transposed(crop(image, box, threads), plan.transpose, threads);
  return item;
}

// The same in the image's own memory.
PreprocessedCase cropped(const std::string& name, Image&& image, const PreprocessPlan& plan, int threads) {
  const ImageView view = view_of(name, image);
  const Box box = box_of(name, view, plan.crop, threads);
  PreprocessedCase item = case_of(view, box, plan);
  item.x = transposed(crop(std::move(image.voxels), box), plan.transpose, threads);
  return item;
}

// The same part of a label map.
template <class T>
Array<T> cropped_like(const PreprocessedCase& item, Array<T> label, int threads) {
  const std::array<int, 3> back = inverse_order(item.transpose);
  const Box box{in_order(item.crop_start, back), in_order(item.crop_end, back)};
  return transposed(crop(std::move(label), box), item.transpose, threads);
}

Array<std::int16_t> as_signed(const std::string& name, const Array<std::uint16_t>& label) {
  Array<std::int16_t> result;
  result.shape = label.shape;
  result.values.resize(label.values.size());
  std::uint16_t highest = 0;
  std::transform(label.values.begin(), label.values.end(), result.values.begin(), [&](std::uint16_t v) {
    highest = std::max(highest, v);
    return static_cast<std::int16_t>(v);
  });
  if (highest > std::numeric_limits<std::int16_t>::max())
    throw Error(name, fmt::format("the label holds the value {}; the highest allowed is 32767", highest),
                "check whether the file is a label map");
  return result;
}

bool uses_mask(const PreprocessPlan& plan) {
  return std::any_of(plan.channels.begin(), plan.channels.end(), [](const auto& c) { return c.use_mask; });
}

// The crop's voxels that are not 0, holes filled: background outside becomes -1. Returns the voxels that count where a
// normalisation uses the mask; nothing where none does.
std::vector<std::uint8_t> mark_outside(PreprocessedCase& item, const PreprocessPlan& plan, int threads) {
  if (plan.crop != CropRule::nonzero_filled || (!item.label && !uses_mask(plan))) return {};
  std::vector<std::uint8_t> mask = nonzero_filled_mask(item.x, threads);
  if (!item.label) return mask;
  std::vector<std::int16_t>& label = item.label->values;
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (label[i] == 0 && mask[i] == 0) label[i] = -1;
    mask[i] = label[i] >= 0;
  }
  if (!uses_mask(plan)) return {};
  return mask;
}

void normalize(const std::string& name, PreprocessedCase& item, const PreprocessPlan& plan,
               std::span<const std::uint8_t> mask, int threads) {
  for (std::size_t c = 0; c < plan.channels.size(); ++c)
    normalize_channel(name, item.x.slab(static_cast<std::int64_t>(c)), plan.channels[c], mask, threads);
}

// The reference system's label maps have a path of their own, which is faster.
bool is_reference_rule(const PreprocessPlan& plan) {
  ResamplingRule rule = plan.label;
  rule.separate_axis = {};
  rule.anisotropy = {};
  rule.above_anisotropy = {};
  return rule == ResamplingRule{.order = 1, .separate_axis = {}, .anisotropy = {}} &&
         plan.label_vote == LabelVote::last_half;
}

Array<std::uint8_t> resampled_bytes(const Array<std::uint8_t>& label, const Shape3& to, const PreprocessPlan& plan,
                                    std::optional<int> across, int threads) {
  const Shape3 from = label.spatial();
  if (is_reference_rule(plan)) return resample_label(label.values, from, to, across.has_value(), threads);
  const std::vector<std::int16_t> wide(label.values.begin(), label.values.end());
  const auto made = resample_label(wide, from, to, plan.label, plan.label_vote, across, threads);
  Array<std::uint8_t> result({to[0], to[1], to[2]});
  std::transform(made.values.begin(), made.values.end(), result.values.begin(),
                 [](std::int16_t v) { return static_cast<std::uint8_t>(v); });
  return result;
}

void check_size(const std::string& name, const PreprocessedCase& item, const Spacing3& target, const Shape3& to) {
  const auto message = [&](const std::string& what) {
    return fmt::format("resampling the crop {} from voxels of {:.4g} mm to {:.4g} mm {}", shape_text(item.cropped()),
                       fmt::join(item.spacing, " x "), fmt::join(target, " x "), what);
  };
  if (volume(to) > limits::image_voxels)
    throw Error(name, message(fmt::format("makes {} voxels", shape_text(to))),
                "check the voxel size in the image's header (pixdim and xyzt_units); training data can be preprocessed "
                "to a coarser spacing");
  if (volume(to) == 0)
    throw Error(name, message(fmt::format("leaves no voxel ({})", shape_text(to))),
                "the image is thinner than half a voxel of the network; check the voxel size in its header");
}

// Image and label of the crop to the target spacing.
void resample(const std::string& name, PreprocessedCase& item, const PreprocessPlan& plan, int threads) {
  if (plan.image.method == Resampler::none) return;
  const Spacing3 target = target_spacing(plan, item.spacing);
  const Shape3 from = item.x.spatial(), to = target_shape(plan, from, item.spacing);
  const bool differs = plan.resample_when == ResamplingCondition::spacing_differs ? item.spacing != target : from != to;
  if (!differs) return;
  check_size(name, item, target, to);
  std::optional<int> across = separate_axis(plan.image, item.spacing, target);
  Array<float> x({item.x.size(0), to[0], to[1], to[2]});
  for (std::int64_t c = 0; c < x.size(0); ++c)
    resample_volume(std::as_const(item.x).slab(c), from, x.slab(c), to, plan.image, across, threads);
  item.x = std::move(x);
  across = separate_axis(plan.label, item.spacing, target);
  if (item.y) item.y = resampled_bytes(*item.y, to, plan, across, threads);
  if (item.label)
    item.label = resample_label(item.label->values, from, to, plan.label, plan.label_vote, across, threads);
}

// What follows the crop.
void finish(const std::string& name, PreprocessedCase& item, const PreprocessPlan& plan, int threads) {
  const std::vector<std::uint8_t> mask = mark_outside(item, plan, threads);
  if (plan.normalization == NormalizationPlace::before_resampling) normalize(name, item, plan, mask, threads);
  resample(name, item, plan, threads);
  if (plan.normalization == NormalizationPlace::after_resampling) normalize(name, item, plan, mask, threads);
}

}  // namespace

Spacing3 target_spacing(const PreprocessPlan& plan, const Spacing3& spacing) {
  if (plan.spacing.size() == 2) return {spacing[0], plan.spacing[0], plan.spacing[1]};
  return {plan.spacing.at(0), plan.spacing.at(1), plan.spacing.at(2)};
}

Shape3 target_shape(const PreprocessPlan& plan, const Shape3& shape, const Spacing3& spacing) {
  if (plan.image.method == Resampler::none) return shape;
  return resampled_shape(shape, spacing, target_spacing(plan, spacing), plan.size_rounding);
}

PreprocessedCase preprocess_case(const std::string& name, Image image, const PreprocessPlan& plan, int threads) {
  check_supported(plan, name);
  check_image(name, view_of(name, image), plan, threads);
  PreprocessedCase item = cropped(name, std::move(image), plan, threads);
  finish(name, item, plan, threads);
  return item;
}

PreprocessedCase preprocess_case(const std::string& name, const ImageView& image, const PreprocessPlan& plan,
                                 int threads) {
  check_supported(plan, name);
  check_image(name, image, plan, threads);
  PreprocessedCase item = cropped(name, image, plan, threads);
  finish(name, item, plan, threads);
  return item;
}

PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap& label,
                                 const PreprocessPlan& plan, const LabelSpec& labels, int threads) {
  check_supported(plan, name);
  if (plan.crop == CropRule::nonzero_filled) throw std::logic_error("labels of -1 need a label map of uint16");
  const ImageView view = view_of(name, image);
  check_image(name, view, plan, threads);
  check_label(name, view, label, labels);
  PreprocessedCase item = cropped(name, std::move(image), plan, threads);
  item.y = cropped_like(item, label.voxels, threads);
  finish(name, item, plan, threads);
  return item;
}

namespace {

// What follows the checks of the image.
PreprocessedCase with_label(const std::string& name, PreprocessedCase item, const Array<std::uint16_t>& label,
                            const PreprocessPlan& plan, int threads) {
  item.label = cropped_like(item, as_signed(name, label), threads);
  finish(name, item, plan, threads);
  return item;
}

}  // namespace

PreprocessedCase preprocess_case(const std::string& name, Image image, const Array<std::uint16_t>& label,
                                 const PreprocessPlan& plan, int threads) {
  check_supported(plan, name);
  const ImageView view = view_of(name, image);
  check_image(name, view, plan, threads);
  check_grid(name, view, label.shape);
  return with_label(name, cropped(name, std::move(image), plan, threads), label, plan, threads);
}

PreprocessedCase preprocess_case(const std::string& name, const ImageView& image, const Array<std::uint16_t>& label,
                                 const PreprocessPlan& plan, int threads) {
  check_supported(plan, name);
  check_image(name, image, plan, threads);
  check_grid(name, image, label.shape);
  return with_label(name, cropped(name, image, plan, threads), label, plan, threads);
}

}  // namespace nnunet
