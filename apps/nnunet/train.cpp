#include <fmt/format.h>

#include "benchmark.h"
#include "commands.h"
#include "engine_commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/train/trainer.h"
#include "number_checks.h"
#include "processes.h"
#include "shared_options.h"

namespace nnunet::app {

namespace {

void add_optimisation_options(CLI::App& c, TrainOptions& o) {
  const std::string group = "Optimisation";
  c.add_option("--optimizer", o.optimizer.name, "radam, adam (AdamW) or sgd")
      ->check(CLI::IsMember({"sgd", "radam", "adam"}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--learning_rate", o.optimizer.learning_rate, "Learning rate")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_option("--momentum", o.optimizer.momentum, "Momentum of sgd")->capture_default_str()->group(group);
  c.add_option("--weight_decay", o.optimizer.weight_decay, "Weight decay of radam and adam")
      ->capture_default_str()
      ->group(group);
  c.add_option("--scheduler", o.scheduler.name, "Learning rate schedule")
      ->check(CLI::IsMember({"none", "multistep", "cosine", "plateau"}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--steps", o.scheduler.steps, "multistep: epochs after which the rate is multiplied by --factor")
      ->group(group);
  c.add_option("--factor", o.scheduler.factor, "multistep, plateau: factor")->capture_default_str()->group(group);
  c.add_option("--lr_patience", o.scheduler.lr_patience, "plateau: epochs to wait")
      ->capture_default_str()
      ->group(group);
  c.add_flag("--focal", o.focal, "Focal loss instead of cross entropy beside the Dice loss")->group(group);
  c.add_flag("--activation_checkpointing", o.activation_checkpointing,
             "Keep only the blocks' inputs and compute each block again in its backward: for patches that do not fit "
             "into memory, at a third more time")
      ->group(group);
  c.add_option("--gradient_clip_val", o.gradient_clip_val, "Largest global L2 norm of the gradients; 0: no clipping")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  add_precision_options(c, o, group);
  c.add_option("--engine", o.engine, "What computes forward and backward; auto: native on CPUs, libtorch on GPUs")
      ->check(CLI::IsMember({"auto", "native", "libtorch"}))
      ->capture_default_str()
      ->group(group);
  c.add_flag("--cuda_graphs", o.cuda_graphs, "Record the training step once and replay it (GPUs; experimental)")
      ->group(group);
  c.add_option("--seed", o.seed, "Random seed: weights, order and augmentation")->capture_default_str()->group(group);
}

void add_length_options(CLI::App& c, TrainOptions& o) {
  const std::string group = "Length";
  c.add_option("--min_epochs", o.min_epochs, "No early stop before this many epochs")
      ->capture_default_str()
      ->group(group);
  c.add_option("--max_epochs", o.max_epochs, "Epochs at most; 0 writes the untrained checkpoint")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  c.add_option("--patience", o.patience, "Early stop after this many evaluated epochs without a better Dice")
      ->capture_default_str()
      ->group(group);
  c.add_option("--skip_first_n_eval", o.skip_first_n_eval, "No evaluation in the first n epochs")
      ->capture_default_str()
      ->group(group);
  c.add_option("--train_batches", o.train_batches, "Steps an epoch at most; 0: all")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
}

void add_data_options(CLI::App& c, TrainOptions& o) {
  const std::string group = "Batches and augmentation";
  c.add_option("--batch_size", o.batch_size, "Patches (3D) or slices (2D) a batch (default: 2 in 3D, 64 in 2D)")
      ->check(positive())
      ->group(group);
  c.add_option("--nvol", o.nvol, "2D: volumes that share a batch")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_option("--data2d_dim", o.data2d_dim, "2D: 3 = slices of volumes, 2 = cases are single images")
      ->check(CLI::IsMember({2, 3}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--oversampling", o.oversampling, "Probability that a patch is centred on a foreground voxel")
      ->check(between(0.0, 1.0))
      ->capture_default_str()
      ->group(group);
  c.add_option("--num_workers", o.num_workers, "Threads that prepare batches; the results do not depend on it")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  c.add_option("--max_bad_cases", o.max_bad_cases,
               "Training goes on without cases that cannot be read, and fails when there are more than this")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
}

void add_checkpoint_options(CLI::App& c, TrainOptions& o) {
  const std::string group = "Checkpoints";
  c.add_flag("--save_ckpt,!--no-save_ckpt", o.save_ckpt,
             "Save checkpoints/last.ckpt after each epoch and the best one (default: on)")
      ->group(group);
  c.add_flag("--resume_training", o.resume_training,
             "Continue checkpoints/last.ckpt, else --ckpt_path, else start anew; refused where the cases, their "
             "labels or the loss are not those that it was trained with")
      ->group(group);
  c.add_flag("--force_resume", o.force_resume,
             "With --resume_training: also on other cases, labels or data, or with another loss, which is refused "
             "otherwise; the best epoch is then looked for anew")
      ->needs("--resume_training")
      ->group(group);
  c.add_option("--save_every_n_steps", o.save_every_n_steps,
               "Save checkpoints/last.ckpt also after so many steps; 0: after each epoch only")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  c.add_option("--ckpt_path", o.ckpt_path, "What to resume from, or without --resume_training the initial weights")
      ->group(group);
}

void add_other_options(CLI::App& c, TrainOptions& o) {
  const std::string group = "Benchmark and compatibility";
  c.add_flag("--benchmark", o.benchmark, "Measure training throughput and latency instead (perf.json)")->group(group);
  c.add_option("--warmup", o.warmup, "With --benchmark: steps before statistics are collected")
      ->capture_default_str()
      ->group(group);
  c.add_flag("--profile", o.profile,
             "With --benchmark: trace further steps into trace.json, for chrome://tracing or Perfetto")
      ->group(group);
  c.add_option_function<std::string>(
       "--exec_mode", [](const std::string&) {},
       "Kept from the reference's main.py: here each mode is a command of its own")
      ->check(CLI::IsMember({"train"}))
      ->default_str("train")
      ->group(group);
}

void run_training(const TrainOptions& o) {
  const TrainResult result = train(o);
  if (!result.leads) {
    if (!result.interrupted_by.empty()) throw CLI::RuntimeError(kInterruptedExitCode);
    return;
  }
  if (result.best_mean_dice)
    fmt::print("best mean dice: {:.2f} (epoch {})\n", *result.best_mean_dice, *result.best_epoch);
  if (!result.best_checkpoint.empty())
    fmt::print("best checkpoint: {}\n", result.best_checkpoint.string());
  else if (!result.last_checkpoint.empty())
    fmt::print("checkpoint: {}\n", result.last_checkpoint.string());
  if (!result.interrupted_by.empty()) throw CLI::RuntimeError(kInterruptedExitCode);
}

}  // namespace

void add_train(CLI::App& program) {
  auto* c = add_engine_command(program, "train");
  const auto options = std::make_shared<TrainOptions>();
  const auto procs = std::make_shared<int>(1);
  add_place_options(*c, *options, "Folder for checkpoints, logs and progress.png");
  c->add_option("--logname", options->logname,
                "Name of the log in --results, dllogger's format (default: logs.json; with --benchmark: perf.json)")
      ->group("Data and results");
  add_network_options(*c, options->network, "Network");
  add_optimisation_options(*c, *options);
  add_length_options(*c, *options);
  add_data_options(*c, *options);
  add_window_options(*c, *options, "Evaluation");
  add_checkpoint_options(*c, *options);
  add_process_options(*c, *options, *procs);
  add_other_options(*c, *options);
  c->footer(
      fmt::format("Exit codes: 0 done, 1 failed, {} stopped by SIGTERM or SIGINT and saved: start the same command "
                  "again with --resume_training.",
                  kInterruptedExitCode));
  c->callback([options, procs] {
    start_processes(*options, *procs);
    bind_to_cores(*options);
    if (options->benchmark) {
      BenchmarkOptions b;
      static_cast<TrainOptions&>(b) = *options;
      b.synthetic = false;
      run_and_report(b);
      return;
    }
    run_training(*options);
  });
}

}  // namespace nnunet::app
