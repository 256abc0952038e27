#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "nnunet/core/affinity.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/v2/training_setup.h"

namespace nnunet {

/// Every option of nnUNetv2_train, and what this program has beside them.
struct V2TrainOptions {
  v2::TrainingNames names;
  std::filesystem::path pretrained_weights;  ///< empty: none
  bool save_probabilities = false;           ///< --npz
  bool resume = false;                       ///< --c
  bool only_validate = false;                ///< --val
  bool validate_best = false;                ///< --val_best
  bool checkpoints = true;                   ///< not --disable_checkpointing
  ComputeOptions compute;
  std::uint64_t seed = 1;
  int num_workers = 0;  ///< threads that make batches; 0: nnUNet_n_proc_DA, else 12, at most the cores
  std::string affinity{kDefaultAffinity};
  std::int64_t dist_timeout = 1800;  ///< s to wait for another process
};

struct V2TrainResult {
  std::optional<double> mean_dice;  ///< of the validation, 0-1
  std::filesystem::path fold;       ///< where everything was written
  std::string interrupted_by;       ///< "SIGTERM", "SIGINT": saved, --c goes on; else empty
  int failed_cases = 0;             ///< of the validation
  bool leads = true;                ///< false in all processes of a training but its first
};

/// Trains a fold of a dataset as nnU-Net v2 does, in its folders, and validates it (contract-v2-run, sections 1 and 4
/// to 6). Under torchrun, Slurm or Open MPI (core/job.h) all processes of the job train together, sharing each batch;
/// the first one writes. SIGTERM and SIGINT stop it after the current step, saved. What lies in the fold's folder is
/// moved to fold_N/earlier-<n>, not replaced, unless `resume`.
/// Going on with --c from its own checkpoints it makes the same digits as if it had not been stopped (on one CPU
/// process); nnU-Net's own checkpoints are continued from the epoch that they were written after.
/// Throws Error for options and data that do not fit, a loss that is not finite, a folder that another training uses, a
/// lost process, and files that cannot be written.
V2TrainResult train_v2(const V2TrainOptions& options);

}  // namespace nnunet
