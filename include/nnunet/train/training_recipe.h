#pragma once
#include <torch/torch.h>

#include <cstddef>
#include <functional>
#include <memory>

#include "nnunet/data/loader.h"
#include "nnunet/infer/sliding_window.h"
#include "nnunet/train/epoch_loop.h"
#include "nnunet/train/loss.h"
#include "nnunet/train/options.h"
#include "nnunet/train/step.h"

namespace nnunet {

/// A training as the list of its parts. Each system that is trained here is a function that makes one
/// (reference_recipe.h); what runs it (EpochLoop, TrainStep, Loader) knows none of them.
struct TrainingRecipe {
  std::shared_ptr<const Sampler> sampler;
  AugmentationList augmentation;
  LossOptions loss;
  OptimizerOptions optimizer;
  SchedulerOptions scheduler;
  double gradient_clip_val = 0;  ///< global L2 norm; 0: no clipping
  WindowOptions evaluation;      ///< windows over the validation cases
  LoopOptions length;
};

/// Before the first step. The network must be on the device already.
TrainingState first_state(const TrainingRecipe& recipe, UNet network, Precision precision, torch::Device device);

/// How the steps of that recipe are computed where and as the options say.
StepOptions step_options(const TrainingRecipe& recipe, const TrainOptions& options, Precision precision,
                         torch::Device device, const ProcessGroup& group);

/// The loader's options for that list of operators. On a GPU batches lie in pinned memory, so that copies run beside
/// the computation; they are plain crops where the step can augment them there (builds with NNUNET_CUDA; fits_recipe).
LoaderOptions loader_options(const AugmentationList& augmentation, const TrainOptions& options,
                             const DataConfig& config, torch::Device device,
                             const ProcessGroup& group = ProcessGroup());

/// Where batches for that device live (LoaderOptions::allocate).
std::function<std::shared_ptr<void>(std::size_t)> batch_memory(torch::Device device);

/// Fills in what was left open: batch sizes, the log's name.
TrainOptions with_defaults(TrainOptions options);

}  // namespace nnunet
