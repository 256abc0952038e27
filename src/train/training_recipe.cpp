#include "nnunet/train/training_recipe.h"

#include <algorithm>

#include "augment_cuda.h"
#include "nnunet/train/placement.h"

namespace nnunet {

TrainingState first_state(const TrainingRecipe& recipe, UNet network, Precision precision, torch::Device device) {
  auto optimizer = make_optimizer(recipe.optimizer, network->parameters());
  auto scheduler = make_scheduler(recipe.scheduler, recipe.optimizer.learning_rate);
  optimizer->set_learning_rate(scheduler->learning_rate());  // a warm-up starts lower
  return {.network = std::move(network),
          .optimizer = std::move(optimizer),
          .scheduler = std::move(scheduler),
          .scaler = GradScaler(precision == Precision::fp16, device),
          .progress = {},
          .history = {}};
}

StepOptions step_options(const TrainingRecipe& recipe, const TrainOptions& o, Precision precision, torch::Device device,
                         const ProcessGroup& group) {
  return {.precision = precision,
          .native = trains_natively(o, precision, device, group),
          .activation_checkpointing = o.activation_checkpointing,
          .sync_batchnorm = o.sync_batchnorm,
          .local_loss = o.local_dice,
          .gradient_clip_val = recipe.gradient_clip_val,
          .cuda_graphs = o.cuda_graphs};
}

LoaderOptions loader_options(const AugmentationList& augmentation, const TrainOptions& o, const DataConfig& config,
                             torch::Device device, const ProcessGroup& group) {
  LoaderOptions l;
  l.patch_size = config.patch_size;
  l.batch_size = o.batch_size;
  l.nvol = o.nvol;
  l.data2d_dim = o.data2d_dim;
  l.augmentation = augmentation;
  l.recipes = augments_on(device) && fits_recipe(augmentation);
  l.num_workers = o.num_workers;
  l.seed = o.seed;
  l.rank = group.rank();
  l.processes = group.size();
  l.bad_cases = std::make_shared<BadCases>(o.max_bad_cases);
  if (device.is_cuda())
    l.allocate = [](std::size_t bytes) {
      auto block = torch::empty({static_cast<std::int64_t>(bytes)},
                                torch::TensorOptions().dtype(torch::kUInt8).pinned_memory(true));
      return std::shared_ptr<void>(block.data_ptr(), [block](void*) {});
    };
  return l;
}

TrainOptions with_defaults(TrainOptions o) {
  if (o.logname.empty()) o.logname = "logs.json";
  if (o.batch_size == 0) o.batch_size = o.cases.dim == 3 ? 2 : 64;
  if (o.windows.val_batch_size == 0) o.windows.val_batch_size = o.cases.dim == 3 ? 4 : 64;
  o.scheduler.max_epochs = std::max<std::int64_t>(1, o.max_epochs);
  return o;
}

}  // namespace nnunet
