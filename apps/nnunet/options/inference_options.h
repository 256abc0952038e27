#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "command.h"
#include "nnunet/infer/run_options.h"
#include "nnunet/plan/plan.h"

namespace nnunet::app {

/// Trained networks, and how they are run.
struct ModelFlags {
  std::vector<std::filesystem::path> ckpt_path;
  TrainedModel trained;    ///< instead of ckpt_path
  NetworkOptions network;  ///< of a checkpoint that does not describe itself
  ComputeOptions compute;
  SlidingOptions windows;
  std::filesystem::path scratch;  ///< where --low_memory puts its file; empty: the system's folder for such files
};

/// What `evaluate` and `predict` share, with the reference system's names and defaults.
struct InferenceFlags {
  ModelFlags model;
  CaseSelection cases;
  std::filesystem::path results = "/results";
  std::string logname;            ///< in results; empty: the command's own
  std::int64_t test_batches = 0;  ///< cases at most; 0: all
  bool save_preds = false;
};

/// "Data and results", "Inference" and the network of foreign checkpoints.
std::vector<Group> inference_groups(InferenceFlags& flags);

/// Adds the reference's training options, as far as the command has no such option itself: they are taken and said to
/// have no effect, so that the reference's command lines go on working.
Command accepting_training_options(Command command);

}  // namespace nnunet::app
