#include "nnunet/train/reference_recipe.h"

namespace nnunet {

namespace {

/// Each case once an epoch; a patch is centred on foreground with the probability `oversampling`.
std::shared_ptr<const Sampler> sampler(const TrainOptions& o, std::vector<std::int64_t> cases) {
  return sample_epochs(std::move(cases),
                       {.seed = o.seed, .oversampling = o.oversampling, .limit_steps = o.train_batches});
}

/// Sliding window over whole volumes after each epoch.
WindowOptions evaluation(const TrainOptions& o, const DataConfig& config) {
  return reference_windows(config.patch_size, o.windows.overlap, o.windows.blend, o.windows.val_batch_size,
                           o.windows.tta);
}

/// Until the Dice sum has not become better for `patience` evaluated epochs.
LoopOptions length(const TrainOptions& o, Precision precision) {
  constexpr std::int64_t kMostSkipped = 99;  // fp16 loses steps until its scale fits
  return {.max_epochs = o.max_epochs,
          .min_epochs = o.min_epochs,
          .patience = o.patience,
          .skip_first_n_eval = o.skip_first_n_eval,
          .save_every_n_steps = o.save_every_n_steps,
          .most_skipped = precision == Precision::fp32 ? 0 : kMostSkipped};
}

}  // namespace

TrainingRecipe reference_recipe(const TrainOptions& o, std::vector<std::int64_t> train_cases, const DataConfig& config,
                                Precision precision) {
  return {.sampler = sampler(o, std::move(train_cases)),
          .augmentation = reference_augmentation(),         // zoom, flips, noise, blur, brightness, contrast
          .loss = {.focal = o.focal, .head_weights = {1}},  // Dice + cross entropy, or + focal
          .optimizer = o.optimizer,                         // RAdam, AdamW, SGD with momentum
          .scheduler = o.scheduler,                         // none, multistep, cosine, plateau
          .gradient_clip_val = o.gradient_clip_val,
          .evaluation = evaluation(o, config),
          .length = length(o, precision)};
}

}  // namespace nnunet
