#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "nnunet/core/affinity.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/plan/plan.h"
#include "nnunet/train/optimizer_options.h"
#include "nnunet/train/scheduler_options.h"

namespace nnunet {

/// Every option of `nnunet train`, with the reference system's names and defaults (contract, sections 3 to 7).
struct TrainOptions {
  CaseSelection cases;
  std::filesystem::path results = "/results";  ///< where everything is written
  std::string logname;                         ///< in results; empty: logs.json
  NetworkOptions network;
  ComputeOptions compute;

  // Optimisation
  OptimizerOptions optimizer;
  SchedulerOptions scheduler;
  bool activation_checkpointing = false;
  bool focal = false;
  double gradient_clip_val = 0;  ///< global L2 norm; 0: no clipping
  std::uint64_t seed = 1;
  bool cuda_graphs = false;  ///< record the step once and replay it; on GPUs only

  // Length
  std::int64_t min_epochs = 30;
  std::int64_t max_epochs = 10000;
  std::int64_t patience = 100;         ///< epochs without a better Dice sum
  std::int64_t skip_first_n_eval = 0;  ///< epochs without evaluation
  std::int64_t train_batches = 0;      ///< steps an epoch at most; 0: all

  // Data
  std::int64_t batch_size = 0;  ///< 0: 2 in 3D, 64 in 2D
  std::int64_t nvol = 1;
  int data2d_dim = 3;
  double oversampling = 0.33;
  int num_workers = 8;
  std::int64_t max_bad_cases = 3;  ///< training goes on without so many cases that cannot be read

  // Evaluation
  SlidingOptions windows;
  std::int64_t test_batches = 0;  ///< validation volumes at most; 0: all

  // Checkpoints
  bool save_ckpt = true;
  std::int64_t save_every_n_steps = 0;  ///< last.ckpt also within the epoch; 0: after each epoch only
  bool resume_training = false;
  bool force_resume = false;  ///< also on other cases or labels, or with another loss, which is refused otherwise
  std::filesystem::path
      ckpt_path;  ///< with resume_training: what to continue where last.ckpt is absent; else initial weights

  // Several processes (batch_size is each process's)
  bool sync_batchnorm = false;  ///< batch norm over the batches of all processes
  bool local_dice = false;      ///< the reference's: each process's Dice loss over its own batch
  std::string affinity{kDefaultAffinity};
  std::int64_t dist_timeout = 1800;  ///< s to wait for another process

  // Benchmark mode
  bool benchmark = false;
  std::int64_t warmup = 5;
  bool profile = false;
};

}  // namespace nnunet
