#include "nnunet/preprocess/case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/preprocess/crop.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {

namespace {

void check_image(const std::string& name, const Image& image, std::size_t channels) {
  const Array<float>& voxels = image.voxels;
  if (voxels.shape.size() != 4 || voxels.values.empty()) throw Error(name, "the image has no voxels", "check the file");
  if (voxels.size(0) != static_cast<std::int64_t>(channels))
    throw Error(name, fmt::format("the image has {} channels, expected {}", voxels.size(0), channels),
                "give one channel for each entry of `modality` in dataset.json");
  if (has_non_finite(voxels.values))
    throw Error(name, "the image holds NaN or infinite voxels", "replace them by finite values");
  bool constant = true;
  for (std::int64_t c = 0; constant && c < voxels.size(0); ++c) {
    const auto channel = voxels.slab(c);
    constant = std::all_of(channel.begin(), channel.end(), [&](float v) { return v == channel[0]; });
  }
  if (constant)
    throw Error(name, "the image is constant in all channels", "check whether the file was exported correctly");
}

void check_label(const std::string& name, const Image& image, const LabelMap& label, const LabelSpec& labels) {
  const Shape3 expected = image.voxels.spatial();
  if (label.voxels.shape.size() != 3 || label.voxels.spatial() != expected)
    throw Error(name,
                fmt::format("the label's shape {} differs from the image's {}", shape_text(label.voxels.shape),
                            shape_text(expected)),
                "label and image must have the same grid");
  const auto& values = label.voxels.values;
  std::uint8_t highest = 0;
  for (const std::uint8_t v : values) highest = std::max(highest, v);
  if (highest >= labels.heads())
    throw Error(
        name, fmt::format("the label holds class {}, but there are only classes 0 to {}", highest, labels.heads() - 1),
        "correct the label or list the class under `labels` in dataset.json");
}

// Image and label of the crop to the target spacing.
void resample(const std::string& name, PreprocessedCase& item, const Spacing3& target, const PreprocessPlan& plan,
              int threads) {
  const Shape3 from = item.x.spatial();
  const Shape3 to = resampled_shape(from, item.spacing, target);
  if (volume(to) > limits::image_voxels)
    throw Error(
        name,
        fmt::format("resampling the crop {} from voxels of {:.4g} mm to {:.4g} mm makes {} voxels", shape_text(from),
                    fmt::join(item.spacing, " x "), fmt::join(target, " x "), shape_text(to)),
        "check the voxel size in the image's header (pixdim and xyzt_units); preprocess takes a coarser --spacing");
  bool anisotropic = is_anisotropic(item.spacing, target, plan.image);
  Array<float> x({item.x.size(0), to[0], to[1], to[2]});
  for (std::int64_t c = 0; c < x.size(0); ++c)
    resample_image(std::as_const(item.x).slab(c), from, x.slab(c), to, anisotropic, threads);
  item.x = std::move(x);
  anisotropic = is_anisotropic(item.spacing, target, plan.label);
  if (item.y) item.y = resample_label(item.y->values, from, to, anisotropic, threads);
}

void normalize(const std::string& name, std::span<float> values, const ChannelNormalization& channel, int threads) {
  if (channel.scheme != NormalizationScheme::ct) return normalize_z_score(values, threads);
  if (!channel.statistics)
    throw Error(name, "the intensity statistics of this CT task are not known",
                "give --ct_stats MIN MAX MEAN STD or `ct` in config.json");
  normalize_ct(values, *channel.statistics, threads);
}

PreprocessedCase cropped(const std::string& name, Image&& image) {
  const std::optional<Box> box = foreground_box(image.voxels);
  if (!box)
    throw Error(name, "the image has no voxel above 0",
                "the crop to the voxels > 0 would be empty; check the image's intensities");
  PreprocessedCase item;
  item.crop_start = box->start;
  item.crop_end = box->end;
  item.original = image.voxels.spatial();
  item.spacing = image.geometry.spacing;
  item.x = crop(std::move(image.voxels), *box);
  return item;
}

// What follows the crop.
void finish(const std::string& name, PreprocessedCase& item, const PreprocessPlan& plan, int threads) {
  if (plan.image.method != Resampler::none) {
    const Spacing3 target{plan.spacing.at(0), plan.spacing.at(1), plan.spacing.at(2)};
    if (item.spacing != target) resample(name, item, target, plan, threads);
  }
  for (std::size_t c = 0; c < plan.channels.size(); ++c)
    normalize(name, item.x.slab(static_cast<std::int64_t>(c)), plan.channels[c], threads);
}

}  // namespace

bool is_anisotropic(const Spacing3& image, const Spacing3& target, const ResamplingRule& rule) {
  return separate_axis(rule, image, target).has_value();
}

PreprocessedCase preprocess_case(const std::string& name, Image image, const PreprocessPlan& plan, int threads) {
  check_supported(plan, name);
  check_image(name, image, plan.channels.size());
  PreprocessedCase item = cropped(name, std::move(image));
  finish(name, item, plan, threads);
  return item;
}

PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap& label,
                                 const PreprocessPlan& plan, const LabelSpec& labels, int threads) {
  check_supported(plan, name);
  check_image(name, image, plan.channels.size());
  check_label(name, image, label, labels);
  PreprocessedCase item = cropped(name, std::move(image));
  item.y = crop(label.voxels, Box{item.crop_start, item.crop_end});
  finish(name, item, plan, threads);
  return item;
}

}  // namespace nnunet
