// The training behind nnUNetv2_train, in nnunet-engine alone.
#include <fmt/format.h>
#include <torch/torch.h>

#include "nnunet/core/interrupt.h"
#include "nnunet/core/log.h"
#include "nnunet/train/v2_trainer.h"
#include "nnunet/v2/nnunet_cases.h"
#include "processes.h"
#include "torch_door.h"
#include "v2/exit_code.h"

namespace nnunet::app {
namespace {

/// nnU-Net trains in fp16 on GPUs, in fp32 on CPUs.
ComputeOptions compute_options(const V2TrainFlags& f) {
  ComputeOptions compute;
  const bool on_gpu = f.device == "cuda" && torch::cuda::is_available();
  compute.engine = f.engine;
  compute.gpus = !on_gpu ? 0 : f.num_gpus > 1 ? f.num_gpus : -1;
  compute.amp = f.amp || (on_gpu && !f.fp32);
  if (compute.amp && on_gpu) compute.precision = "fp16";
  if (f.device == "cuda" && !on_gpu) log::info("-device cuda: there is no GPU that can be used, the CPU computes");
  return compute;
}

V2TrainOptions train_options(const V2TrainFlags& f) {
  V2TrainOptions o;
  o.names = {f.dataset, f.configuration, f.fold, f.trainer, f.plans};
  o.pretrained_weights = f.pretrained_weights.value_or("");
  o.save_probabilities = f.npz;
  o.resume = f.resume;
  o.only_validate = f.val;
  o.validate_best = f.val_best;
  o.checkpoints = !f.disable_checkpointing;
  o.compute = compute_options(f);
  o.seed = f.seed;
  o.num_workers = f.workers;
  return o;
}

/// What starting and placing of processes ask of options.
TrainOptions process_options(const V2TrainOptions& o) {
  TrainOptions shared;
  shared.compute = o.compute;
  shared.affinity = o.affinity;
  shared.dist_timeout = o.dist_timeout;
  return shared;
}

/// Training of cases that nnU-Net preprocessed begins with them, before there are several processes.
void take_over_cases(const V2TrainOptions& options) {
  const v2::TrainingSetup setup = v2::training_setup(options.names);
  v2::take_over_nnunet_cases(setup.folders.cases, {setup.model, setup.description}, v2::case_threads(0));
}

}  // namespace

int train_v2_fold(const V2TrainFlags& flags) {
  const V2TrainOptions options = train_options(flags);
  take_over_cases(options);
  const TrainOptions shared = process_options(options);
  const int procs = options.compute.gpus == 0 ? flags.num_gpus : 1;
  if (const auto code = run_as_processes(shared, procs)) return *code;
  bind_to_cores(shared);
  const V2TrainResult result = train_v2(options);
  if (!result.interrupted_by.empty()) return kInterruptedExitCode;
  if (!result.leads) return 0;
  if (result.mean_dice) fmt::print("mean validation Dice: {:.4f}\n", *result.mean_dice);
  fmt::print("{}\n", result.fold.string());
  return exit_code(result.failed_cases);
}

}  // namespace nnunet::app
