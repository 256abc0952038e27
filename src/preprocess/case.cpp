#include "nnunet/preprocess/case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/limits.h"
#include "nnunet/preprocess/crop.h"
#include "nnunet/preprocess/normalize.h"
#include "nnunet/preprocess/resample.h"

namespace nnunet {

namespace {

void check_image(const std::string& name, const Image& image, const DataConfig& config) {
  const Array<float>& voxels = image.voxels;
  if (voxels.shape.size() != 4 || voxels.values.empty()) throw Error(name, "the image has no voxels", "check the file");
  if (voxels.size(0) != config.in_channels)
    throw Error(name, fmt::format("the image has {} channels, expected {}", voxels.size(0), config.in_channels),
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

void check_label(const std::string& name, const Image& image, const LabelMap& label, const DataConfig& config) {
  const Shape3 expected = image.voxels.spatial();
  if (label.voxels.shape.size() != 3 || label.voxels.spatial() != expected)
    throw Error(name,
                fmt::format("the label's shape {} differs from the image's {}", shape_text(label.voxels.shape),
                            shape_text(expected)),
                "label and image must have the same grid");
  const auto& values = label.voxels.values;
  std::uint8_t highest = 0;
  for (const std::uint8_t v : values) highest = std::max(highest, v);
  if (highest >= config.n_class)
    throw Error(
        name, fmt::format("the label holds class {}, but there are only classes 0 to {}", highest, config.n_class - 1),
        "correct the label or list the class under `labels` in dataset.json");
}

// Steps 3: image and label of the crop to the target spacing.
void resample(const std::string& name, PreprocessedCase& item, const Spacing3& target, int threads) {
  const Shape3 from = item.x.spatial();
  const Shape3 to = resampled_shape(from, item.spacing, target);
  if (volume(to) > limits::image_voxels)
    throw Error(
        name,
        fmt::format("resampling the crop {} from voxels of {:.4g} mm to {:.4g} mm makes {} voxels", shape_text(from),
                    fmt::join(item.spacing, " x "), fmt::join(target, " x "), shape_text(to)),
        "check the voxel size in the image's header (pixdim and xyzt_units); preprocess takes a coarser --spacing");
  const bool anisotropic = is_anisotropic(item.spacing, target);
  Array<float> x({item.x.size(0), to[0], to[1], to[2]});
  for (std::int64_t c = 0; c < x.size(0); ++c)
    resample_image(std::as_const(item.x).slab(c), from, x.slab(c), to, anisotropic, threads);
  item.x = std::move(x);
  if (item.y) item.y = resample_label(item.y->values, from, to, anisotropic, threads);
}

void normalize(const std::string& name, Array<float>& x, const DataConfig& config, int threads) {
  if (config.modality == "CT" && !config.ct)
    throw Error(name, "the intensity statistics of this CT task are not known",
                "give --ct_stats MIN MAX MEAN STD or `ct` in config.json");
  for (std::int64_t c = 0; c < x.size(0); ++c) {
    if (config.ct)
      normalize_ct(x.slab(c), *config.ct, threads);
    else
      normalize_z_score(x.slab(c), threads);
  }
}

}  // namespace

bool is_anisotropic(const Spacing3& image, const Spacing3& target) {
  const auto ratio = [](const Spacing3& s) {
    return *std::max_element(s.begin(), s.end()) / *std::min_element(s.begin(), s.end());
  };
  return ratio(image) >= 3 || ratio(target) >= 3;  // nnU-Net's threshold (Isensee et al., Nature Methods 18, 2021)
}

PreprocessedCase preprocess_case(const std::string& name, Image image, const LabelMap* label, const DataConfig& config,
                                 int threads) {
  check_image(name, image, config);
  if (label != nullptr) check_label(name, image, *label, config);
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
  if (label != nullptr) item.y = crop(label->voxels, *box);
  if (config.dim() == 3) {
    const Spacing3 target{config.spacings.at(0), config.spacings.at(1), config.spacings.at(2)};
    if (item.spacing != target) resample(name, item, target, threads);
  }
  normalize(name, item.x, config, threads);
  return item;
}

}  // namespace nnunet
