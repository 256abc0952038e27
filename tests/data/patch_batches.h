#pragma once
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "data/training_cases.h"
#include "nnunet/data/patch_loader.h"

namespace nnunet::test {

/// A number in [-1/2, 1/2) that looks random and is the same everywhere.
inline double scattered_number(std::int64_t i) {
  const auto mixed = static_cast<std::uint32_t>(i) * 2654435761U;
  return static_cast<double>(mixed >> 16) / 65536.0 - 0.5;
}

/// Three cases of different sizes, whose images are noise on waves, with labels 0 to 3 in blocks and a border of -1.
inline std::shared_ptr<CasesInMemory> cases_of_blocks(std::int64_t channels, const Shape3& size) {
  auto cases = std::make_shared<CasesInMemory>();
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto image = [k](auto c, auto z, auto y, auto x) {
      const std::int64_t i = ((c * 31 + z) * 37 + y) * 41 + x + 1000 * k;
      return std::sin(0.3 * static_cast<double>(z + 2 * y + c)) + std::cos(0.2 * static_cast<double>(x)) +
             scattered_number(i);
    };
    const auto label = [k](auto z, auto y, auto x) { return y == 0 || x == 0 ? -1 : (z / 3 + y / 4 + x / 5 + k) % 4; };
    cases->add("case_" + std::to_string(k), channels, {size[0] + (size[0] > 1 ? k : 0), size[1] - k, size[2] + 2 * k},
               image, label, plain_labels(3));
  }
  return cases;
}

inline ModelPlan plan_of_patches(std::vector<std::int64_t> patch, std::int64_t channels) {
  ModelPlan plan;
  plan.window.patch = std::move(patch);
  plan.labels = plain_labels(3);
  for (std::int64_t c = 0; c < channels; ++c) plan.preprocess.channels.push_back({.use_mask = c == 1});
  return plan;
}

/// Batches of three patches of these cases, two an epoch.
inline PatchLoaderOptions patches_of_blocks(const ModelPlan& plan, PatchAugmentation how) {
  PatchLoaderOptions options = patch_loader_options(plan, std::move(how));
  options.batch_size = 3;
  options.steps = 2;
  options.num_workers = 0;
  return options;
}

/// Rotated and scaled, whatever the coins.
inline PatchAugmentation always_transformed(PatchAugmentation how) {
  how.spatial.rotation.probability = how.spatial.scale.probability = 1;
  return how;
}

/// No operator but this one, on every patch.
inline PatchAugmentation with_intensity(const ModelPlan& plan, const IntensityOperator& one) {
  PatchAugmentation how = validation_augmentation(plan);
  how.intensities = {one};
  return how;
}

/// Every operator of the trainers' lists by itself, always met by some channels.
inline std::vector<intensity::Single> every_intensity() {
  using namespace intensity;
  return {Noise{1, {0.05F, 0.1F}},
          Blur{{1, 0.7F}, {0.5F, 1.0F}},
          Blur{{1}, {0.3F, 1.5F}, true},
          Brightness{{1, 0.7F}, {0.75F, 1.25F}},
          AdditiveBrightness{{1, 0.7F}, 0.5F},
          Contrast{{1, 0.7F}, {0.5F, 2.0F}, true},
          Contrast{{1, 0.7F}, {0.5F, 2.0F}, false},
          LowResolution{{1, 0.7F}, {0.25F, 1.0F}},
          LowResolution{{1}, {0.5F, 1.0F}, true},
          Gamma{{1, 0.7F}, {0.7F, 1.5F}},
          Gamma{{1}, {0.7F, 1.5F}, true},
          MedianFilter{{1, 0.7F}, 2, 7},
          BlankBoxes{{1, 0.7F}, 1, 4},
          BrightnessGradient{{1, 0.7F}, {1.0F, 5.0F}},
          LocalGamma{{1, 0.7F}, {0.01F, 0.8F}, {1.5F, 4.0F}},
          Sharpening{{1, 0.7F}, {0.1F, 1.0F}}};
}

/// How two pipelines make the same patches.
struct PatchSetting {
  std::string name;
  ModelPlan plan;
  PatchAugmentation how;
  Shape3 cases;  ///< size of the smallest
};

/// Each operator by itself, each way to read, and the trainers' lists, in 3D and 2D.
inline std::vector<PatchSetting> patch_settings(std::int64_t channels) {
  std::vector<PatchSetting> all;
  const std::vector<std::vector<std::int64_t>> patches{{9, 10, 12}, {12, 11, 12}, {3, 17, 13}, {21, 19}, {2, 8, 40}};
  for (const auto& patch : patches) {
    const ModelPlan plan = plan_of_patches(patch, channels);
    const Shape3 cases{patch.size() == 2 ? 5 : patch[0] + 2, 24, 19};
    const auto add = [&](const std::string& name, PatchAugmentation how) {
      all.push_back({name + " of " + shape_text(patch), plan, std::move(how), cases});
    };
    for (const intensity::Single& one : every_intensity())
      add("operator " + std::to_string(one.index()), with_intensity(plan, one));
    add("no augmentation", validation_augmentation(plan));
    const PatchAugmentation standard = default_augmentation(plan), da5 = da5_augmentation(plan);
    for (const PatchAugmentation& list : {standard, da5}) {
      add("list", list);
      add("transformed list", always_transformed(list));
    }
    PatchAugmentation nearest = always_transformed(da5);
    nearest.intensities.clear();
    nearest.spatial.reading.labels = PatchInterpolation::nearest;
    add("nearest labels", nearest);
    nearest.spatial.reading.image = PatchInterpolation::nearest;
    add("nearest", nearest);
  }
  return all;
}

/// batch, expected: of the same setting, with recipes and without.
template <class Compare>
void for_each_batch(const PatchSetting& setting, std::int64_t channels, std::int64_t epochs, const Compare& compare) {
  const auto cases = cases_of_blocks(channels, setting.cases);
  PatchLoaderOptions options = patches_of_blocks(setting.plan, setting.how);
  const auto made = load_patches(cases, cases->names(), options);
  options.recipes = true;
  const auto plain = load_patches(cases, cases->names(), options);
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    made->start_epoch(epoch);
    plain->start_epoch(epoch);
    for (Batch expected, batch; made->next(expected) && plain->next(batch);) compare(batch, expected);
  }
}

/// Largest difference of the images, as a share of the largest value: rounding of up to a dozen operators in a row.
inline constexpr double kPatchRounding = 2e-5;

}  // namespace nnunet::test
