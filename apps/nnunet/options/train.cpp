#include "train.h"

#include <fmt/format.h>

#include "nnunet/core/interrupt.h"
#include "process_options.h"
#include "shared_options.h"

namespace nnunet::app {
namespace {

Group place_group(TrainOptions& o) {
  auto options = place_options(
      o.cases, results_folder(o.results).described("Folder for checkpoints, logs and progress.png"), o.compute.gpus);
  options.push_back(logname(o.logname).by_default("logs.json; with --benchmark: perf.json"));
  return {"Data and results", std::move(options)};
}

std::vector<Option> optimizer_options(OptimizerOptions& o) {
  return {
      option("--optimizer", o.name, "radam, adam (AdamW) or sgd")
          .one_of({"sgd", "radam", "adam"})
          .from("Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, ICLR 2020"),
      option("--learning_rate", o.learning_rate, "Learning rate").positive(),
      option("--momentum", o.momentum, "Momentum of sgd"),
      option("--weight_decay", o.weight_decay, "Weight decay of radam and adam")
          .from("Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019"),
  };
}

std::vector<Option> scheduler_options(SchedulerOptions& o) {
  return {
      option("--scheduler", o.name, "Learning rate schedule").one_of({"none", "multistep", "cosine", "plateau"}),
      option("--steps", o.steps, "multistep: epochs after which the rate is multiplied by --factor").in("epochs"),
      option("--factor", o.factor, "multistep, plateau: factor"),
      option("--lr_patience", o.lr_patience, "plateau: epochs to wait").in("epochs"),
  };
}

std::vector<Option> loss_options(TrainOptions& o) {
  return {
      option("--focal", o.focal, "Focal loss instead of cross entropy beside the Dice loss")
          .from("Lin et al., Focal Loss for Dense Object Detection, ICCV 2017"),
      activation_checkpointing(o.activation_checkpointing),
      option("--gradient_clip_val", o.gradient_clip_val, "Largest global L2 norm of the gradients; 0: no clipping")
          .not_negative(),
  };
}

std::vector<Option> engine_options(TrainOptions& o) {
  return {
      engine(o.compute.engine)
          .described("What computes forward and backward; auto: native on CPUs, libtorch on GPUs")
          .one_of({"auto", "native", "libtorch"}),
      option("--cuda_graphs", o.cuda_graphs, "Record the training step once and replay it (GPUs; experimental)"),
      seed(o.seed),
  };
}

Group optimisation_group(TrainOptions& o) {
  return {"Optimisation", joined({optimizer_options(o.optimizer), scheduler_options(o.scheduler), loss_options(o),
                                  precision_options(o.compute), engine_options(o)})};
}

Group length_group(TrainOptions& o) {
  return {"Length",
          {
              option("--min_epochs", o.min_epochs, "No early stop before this many epochs").in("epochs"),
              option("--max_epochs", o.max_epochs, "Epochs at most; 0 writes the untrained checkpoint")
                  .not_negative()
                  .in("epochs"),
              option("--patience", o.patience, "Early stop after this many evaluated epochs without a better Dice")
                  .in("epochs"),
              option("--skip_first_n_eval", o.skip_first_n_eval, "No evaluation in the first n epochs").in("epochs"),
              train_batches(o.train_batches),
          }};
}

Group batch_group(TrainOptions& o) {
  return {"Batches and augmentation",
          {
              batch_size(o.batch_size),
              nvol(o.nvol),
              option("--data2d_dim", o.data2d_dim, "2D: 3 = slices of volumes, 2 = cases are single images")
                  .one_of({"2", "3"}),
              option("--oversampling", o.oversampling, "Probability that a patch is centred on a foreground voxel")
                  .between(0, 1),
              num_workers(o.num_workers).described("Threads that prepare batches; the results do not depend on it"),
              option("--max_bad_cases", o.max_bad_cases,
                     "Training goes on without cases that cannot be read, and fails when there are more than this")
                  .not_negative(),
          }};
}

Group checkpoint_group(TrainOptions& o) {
  return {
      "Checkpoints",
      {
          option("--save_ckpt", o.save_ckpt,
                 "Save checkpoints/last.ckpt after each epoch and the best one; on unless --no-save_ckpt is given")
              .off_by("--no-save_ckpt"),
          option("--resume_training", o.resume_training,
                 "Continue checkpoints/last.ckpt, else --ckpt_path, else start anew; refused where the cases, their "
                 "labels or the loss are not those that it was trained with"),
          option("--force_resume", o.force_resume,
                 "With --resume_training: also on other cases, labels or data, or with another loss, which is refused "
                 "otherwise; the best epoch is then looked for anew")
              .only_with("--resume_training"),
          option("--save_every_n_steps", o.save_every_n_steps,
                 "Save checkpoints/last.ckpt also after so many steps; 0: after each epoch only")
              .not_negative(),
          checkpoint(o.ckpt_path).described("What to resume from, or without --resume_training the initial weights"),
      }};
}

Group other_group(TrainOptions& o) {
  return {"Benchmark and compatibility",
          {measure_instead(o.benchmark), warmup(o.warmup), profile(o.profile), mode_of_reference("train")}};
}

}  // namespace

Command train_command(TrainFlags& flags) {
  TrainOptions& o = flags.options;
  return {
      .name = "train",
      .summary = "Train a network on one fold of a preprocessed task",
      .groups = {place_group(o),
                 {"Network", network_options(o.network)},
                 optimisation_group(o),
                 length_group(o),
                 batch_group(o),
                 {"Evaluation", joined({sliding_options(o.windows), {test_batches(o.test_batches)}})},
                 checkpoint_group(o),
                 process_options(o, flags.procs),
                 other_group(o)},
      .notes = fmt::format(
          "Exit codes: 0 done, 1 failed, {} stopped by SIGTERM or SIGINT and saved: start the same command again with "
          "--resume_training.",
          kInterruptedExitCode),
      .examples = {{.line = "nnunet train --data data --task 04 --dim 3 --fold 0 --results results --amp"},
                   {.line = "nnunet train --data data --task 04 --results results --amp --resume_training",
                    .says = "Go on where it stopped"},
                   {.line = "nnunet train --data data --task 04 --dim 3 --results several --procs 2",
                    .says = "Two processes on this machine's CPU"}},
  };
}

}  // namespace nnunet::app
