#include "inference_options.h"

#include <fmt/format.h>

#include "network_options.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet::app {
namespace {

void add_place_options(CLI::App& c, InferenceOptions& o) {
  const std::string group = "Data and results";
  c.add_option("--data", o.data, "Folder that holds <task>_<dim>d as `nnunet preprocess` made it, or that folder itself (or its val or test folder)")
      ->capture_default_str()->group(group);
  c.add_option("--results", o.results, "Folder for what is written")->capture_default_str()->group(group);
  c.add_option("--task", o.task, "Task number, MSD uses 01 to 10 (not needed when --data is the preprocessed folder)")->group(group);
  c.add_option("--dim", o.dim, "Dimension of the U-Net")->check(CLI::IsMember({2, 3}))->capture_default_str()->group(group);
  c.add_option("--nfolds", o.nfolds, "Number of cross-validation folds")->capture_default_str()->group(group);
  c.add_option("--fold", o.fold, "Fold whose validation cases are used, from 0")->capture_default_str()->group(group);
}

void add_run_options(CLI::App& c, InferenceOptions& o) {
  const std::string group = "Inference";
  c.add_option("--ckpt_path", o.ckpt_path, "Checkpoint; several (the folds of a task) are averaged")->group(group);
  c.add_option("--gpus", o.gpus, "Number of GPUs; 0: the CPU (default: one GPU where there is one, else the CPU)")->group(group);
  c.add_flag("--amp", o.amp, "Mixed precision")->group(group);
  c.add_option("--precision", o.precision, "With --amp: bf16 or fp16 (default: bf16 on CPUs, fp16 on GPUs)")
      ->check(CLI::IsMember({"bf16", "fp16"}))->group(group);
  c.add_flag("--tta", o.tta, "Test-time augmentation: mean over all flips")->group(group);
  c.add_option("--overlap", o.overlap, "Overlap of the sliding windows")->check(CLI::Range(0.0, 0.99))->capture_default_str()->group(group);
  c.add_option_function<std::string>("--blend", [&o](const std::string& name) { o.blend = blend_from_name(name); },
                                     "Weights of overlapping windows: gaussian or constant")
      ->check(CLI::IsMember({"gaussian", "constant"}))->default_str("gaussian")->group(group);
  c.add_option("--val_batch_size", o.val_batch_size, "Windows (3D) or slices (2D) a forward pass (default: 4 in 3D, 64 in 2D)")
      ->check(CLI::PositiveNumber)->group(group);
  c.add_option("--test_batches", o.test_batches, "Cases at most; 0: all")->check(CLI::NonNegativeNumber)->capture_default_str()->group(group);
}

}  // namespace

void add_inference_options(CLI::App& c, InferenceOptions& o) {
  add_place_options(c, o);
  add_run_options(c, o);
  add_network_options(c, o.network, "Network of a checkpoint that does not describe itself");
}

void accept_training_options(CLI::App& c) {
  const auto ignored = [](const std::string& name) { log::info(name + " has no effect on this command"); };
  for (const std::string name : {"--benchmark", "--focal", "--sync_batchnorm", "--save_ckpt", "--profile", "--resume_training"})
    c.add_flag_callback(name, [=] { ignored(name); })->group("");
  for (const std::string name :
       {"--learning_rate", "--gradient_clip_val", "--seed", "--skip_first_n_eval", "--patience", "--lr_patience", "--batch_size",
        "--momentum", "--weight_decay", "--factor", "--num_workers", "--min_epochs", "--max_epochs", "--warmup", "--nvol",
        "--data2d_dim", "--oversampling", "--affinity", "--scheduler", "--optimizer", "--train_batches"})
    c.add_option_function<std::string>(name, [=](const std::string&) { ignored(name); })->group("");
  c.add_option_function<std::vector<std::string>>("--steps", [=](const std::vector<std::string>&) { ignored("--steps"); })->group("");
  c.add_option("--exec_mode", "Kept from the reference's main.py: here each mode is a command of its own")
      ->check(CLI::IsMember({c.get_name()}))->group("");
}

void check_inference_options(const InferenceOptions& o) {
  if (o.ckpt_path.empty())
    throw Error("--ckpt_path", "no checkpoint is given", "name the checkpoint of a trained network, such as RESULTS/checkpoints/best.ckpt");
  if (o.gpus > 1) throw Error("--gpus", "one GPU is used at most", "use --gpus 1");
}

Predictor make_predictor(const InferenceOptions& o, const DataConfig* config) {
  const torch::Device device = choose_device(o.gpus);
  const PredictorOptions options{o.overlap, o.blend, o.val_batch_size, o.tta};
  return Predictor(o.ckpt_path, {config, o.network}, options, device, choose_precision(o.amp, o.precision, device));
}

std::string score_line(const std::vector<double>& dice, double mean) {
  std::string line = fmt::format("mean dice: {:.2f} -", mean);
  for (std::size_t k = 0; k < dice.size(); ++k) line += fmt::format(" L{} {:.2f}", k + 1, dice[k]);
  return line;
}

}  // namespace nnunet::app
