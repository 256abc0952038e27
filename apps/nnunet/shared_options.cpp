#include "shared_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "nnunet/infer/engine.h"
#include "nnunet/io/names.h"
#include "number_checks.h"
#include "torch_door.h"

namespace nnunet::app {

void add_network_options(CLI::App& command, NetworkOptions& network, const std::string& group) {
  command
      .add_option_function<std::string>(
          "--norm", [&network](const std::string& name) { network.norm = norm_from_name(name); },
          "Normalisation layer: instance, batch or group (32 groups)")
      ->check(CLI::IsMember({"instance", "batch", "group"}))
      ->default_str("instance")
      ->group(group);
  command.add_flag("--residual", network.residual, "Residual blocks in the encoder")->group(group);
  command.add_option("--negative_slope", network.negative_slope, "Negative slope of LeakyReLU")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--filters", network.filters,
                  "Filters of each level (default: 32 doubled each level, at most 320 in 3D, 512 in 2D)")
      ->group(group);
  command.add_option("--min_fmap", network.min_fmap, "The smallest size, in voxels, that halving an axis may leave")
      ->capture_default_str()
      ->check(between(1, 1 << 20))
      ->group(group);
  command.add_option("--depth", network.depth, "Number of downsampling levels at most")
      ->capture_default_str()
      ->check(between(1, 10))
      ->group(group);
}

void add_place_options(CLI::App& c, RunOptions& o, const std::string& results_help) {
  const std::string group = "Data and results";
  c.add_option("--data", o.data,
               "Folder that holds <task>_<dim>d as `nnunet preprocess` made it, or that folder itself")
      ->capture_default_str()
      ->group(group);
  c.add_option("--results", o.results, results_help)
      ->check([](const std::string& folder) { return require_folder_name(folder, "--results"), std::string(); })
      ->capture_default_str()
      ->group(group);
  c.add_option("--task", o.task, "Task number, MSD uses 01 to 10 (not needed when --data is the preprocessed folder)")
      ->group(group);
  c.add_option("--dim", o.dim, "Dimension of the U-Net")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--nfolds", o.nfolds, "Number of cross-validation folds")->capture_default_str()->group(group);
  c.add_option("--fold", o.fold, "Fold whose validation cases are used, from 0")->capture_default_str()->group(group);
  c.add_option("--gpus", o.gpus, "Number of GPUs; 0: the CPU (default: one GPU where there is one, else the CPU)")
      ->group(group);
}

void add_engine_option(CLI::App& c, std::string& engine, const std::string& group) {
  c.add_option("--engine", engine,
               fmt::format("What computes the network; auto: native on CPUs, libtorch on GPUs. This build has {}",
                           fmt::join(all_engines(), ", ")))
      ->check(CLI::IsMember(engine_names()))
      ->capture_default_str()
      ->group(group);
}

void add_precision_options(CLI::App& c, RunOptions& o, const std::string& group) {
  c.add_flag("--amp", o.amp, "Mixed precision")->group(group);
  c.add_option(
       "--precision", o.precision,
       "With --amp: bf16 or fp16 (default: fp16 on GPUs, with loss scaling in training; on CPUs bf16, or fp32 where "
       "the processor has no bf16 arithmetic)")
      ->check(CLI::IsMember({"bf16", "fp16"}))
      ->group(group);
}

void add_window_options(CLI::App& c, RunOptions& o, const std::string& group) {
  c.add_option("--val_batch_size", o.val_batch_size,
               "Windows (3D) or slices (2D) a forward pass (default: 4 in 3D, 64 in 2D)")
      ->check(positive())
      ->group(group);
  c.add_option("--overlap", o.overlap, "Overlap of the sliding windows")
      ->check(between(0.0, 0.99))
      ->capture_default_str()
      ->group(group);
  c.add_option_function<std::string>(
       "--blend", [&o](const std::string& name) { o.blend = blend_from_name(name); }, "Weights of overlapping windows")
      ->check(CLI::IsMember({"gaussian", "constant"}))
      ->default_str("gaussian")
      ->group(group);
  c.add_flag("--tta", o.tta, "Test-time augmentation: mean over all flips")->group(group);
  c.add_option("--test_batches", o.test_batches, "Validation volumes at most; 0: all")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
}

}  // namespace nnunet::app
