#include "nnunet/train/v2_recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

using v2::AugmentationKind;
using v2::LossKind;
using v2::TrainerRecipe;

/// [region][label] of dataset.json's regions, in its order.
std::vector<std::vector<bool>> region_table(const v2::DatasetLabels& labels) {
  std::vector<std::vector<bool>> table;
  if (!labels.has_regions) return table;
  for (const v2::LabelOrRegion& region : labels.foreground) {
    auto& row = table.emplace_back(labels.all_labels.size());
    for (const int value : region.values) row.at(static_cast<std::size_t>(value)) = true;
  }
  return table;
}

LossOptions loss(const v2::TrainingSetup& setup) {
  const TrainerRecipe& r = setup.recipe;
  const bool has_dice = r.loss != LossKind::ce && r.loss != LossKind::topk;
  const bool has_topk = r.loss == LossKind::topk || r.loss == LossKind::dice_topk;
  if (setup.labels.has_regions && (has_topk || !has_dice))
    throw Error("-tr", fmt::format("{} trains no regions, which this dataset has", r.name), "choose another trainer");
  V2LossOptions v2;
  v2.dice_weight = has_dice ? 1 : 0;
  v2.voxel_weight = r.loss == LossKind::dice ? 0 : 1;
  v2.batch_dice = setup.batch_dice;
  v2.smooth = r.dice_smooth;
  v2.top_k = has_topk ? 100 * r.topk_share : 0;
  v2.label_smoothing = r.label_smoothing;
  v2.ignore_label = setup.labels.ignore;
  v2.regions = region_table(setup.labels);
  LossOptions options;
  const std::size_t heads = setup.model.network->strides.size() - 1;
  if (r.deep_supervision) options.head_weights = deep_supervision_weights(heads);
  options.v2 = std::move(v2);
  return options;
}

OptimizerOptions optimizer(const TrainerRecipe& r) {
  const char* const name = r.optimizer == v2::OptimizerKind::sgd     ? "nesterov"
                           : r.optimizer == v2::OptimizerKind::adamw ? "adamw_amsgrad"
                                                                     : "adam_l2";
  return {.name = name, .learning_rate = r.learning_rate, .momentum = r.momentum, .weight_decay = r.weight_decay};
}

SchedulerOptions schedule(const TrainerRecipe& r) {
  SchedulerOptions options;
  options.name = r.schedule == v2::ScheduleKind::poly     ? "poly"
                 : r.schedule == v2::ScheduleKind::cosine ? "cosine"
                                                          : "warmup_poly";
  options.max_epochs = r.epochs;
  options.warmup_epochs = r.warmup_epochs;
  return options;
}

/// All epochs, whatever they give.
LoopOptions length(const TrainerRecipe& r, Precision precision) {
  constexpr std::int64_t kMostSkipped = 99;  // fp16 loses steps until its scale fits
  LoopOptions options;
  options.max_epochs = options.min_epochs = r.epochs;
  options.most_skipped = precision == Precision::fp32 ? 0 : kMostSkipped;
  options.remedy =
      "check the images for extreme values, or train with a lower learning_rate (-tr RECIPE.json, docs/trainers.md); "
      "checkpoints of earlier epochs are kept";
  return options;
}

PatchAugmentation augmentation(const v2::TrainingSetup& setup) {
  const TrainerRecipe& r = setup.recipe;
  if (r.augmentation == AugmentationKind::none) return validation_augmentation(setup.model);
  PatchAugmentation how = r.augmentation == AugmentationKind::da5
                              ? da5_augmentation(setup.model)
                              : default_augmentation(setup.model, r.may_be_dummy_2d);
  if (r.image_order == 0) how.spatial.reading.image = PatchInterpolation::nearest;
  if (r.label_order == 0) how.spatial.reading.labels = PatchInterpolation::nearest;
  // The model's axes are those of its patch, which in 2D are the last two of a volume.
  const std::size_t first = setup.model.dim() == 2 ? 1 : 0;
  how.mirrored = {};
  for (const int axis : setup.model.window.mirror_axes) how.mirrored[first + static_cast<std::size_t>(axis)] = true;
  if (how.cascade)
    how.cascade->morphology_per_channel = how.cascade->removal_per_channel = static_cast<float>(r.cascade_share);
  return how;
}

/// What the elements of a whole batch come to, for trainers that draw each by itself.
double forced_share(const TrainerRecipe& r, std::int64_t batch) {
  if (!r.realised_share) return r.forced_share;
  std::int64_t forced = 0;
  for (std::int64_t i = 0; i < batch; ++i) forced += is_forced(i, batch, r.forced_share) ? 1 : 0;
  return static_cast<double>(forced) / static_cast<double>(batch);
}

PatchLoaderOptions batches(const v2::TrainingSetup& setup, PatchAugmentation how, std::int64_t steps) {
  PatchLoaderOptions options = patch_loader_options(setup.model, std::move(how));
  options.batch_size = setup.batch_size;
  options.steps = steps;
  options.forced_share = forced_share(setup.recipe, setup.batch_size);
  options.probabilistic = setup.recipe.probabilistic_oversampling;
  return options;
}

}  // namespace

TrainingRecipe v2_recipe(const v2::TrainingSetup& setup, Precision precision) {
  return {.sampler = nullptr,
          .augmentation = {},
          .loss = loss(setup),
          .optimizer = optimizer(setup.recipe),
          .scheduler = schedule(setup.recipe),
          .gradient_clip_val = setup.recipe.gradient_clip,
          .evaluation = {},
          .length = length(setup.recipe, precision)};
}

PatchLoaderOptions v2_training_batches(const v2::TrainingSetup& setup) {
  return batches(setup, augmentation(setup), setup.recipe.iterations);
}

PatchLoaderOptions v2_validation_batches(const v2::TrainingSetup& setup) {
  PatchLoaderOptions options = batches(setup, validation_augmentation(setup.model), setup.recipe.validation_iterations);
  options.validation = true;
  return options;
}

}  // namespace nnunet
