#pragma once
#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/core/job.h"
#include "nnunet/data/folder.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/infer/run_options.h"

namespace nnunet::app {

/// Flags that `evaluate` and `predict` share, with the reference system's names and defaults.
struct InferenceOptions : RunOptions {
  bool save_preds = false;
  JobPlace place;  ///< shares the machine's cores and GPUs
  std::vector<std::filesystem::path> ckpt_path;
  std::string engine = "auto";
};

void add_inference_options(CLI::App& command, InferenceOptions& options);
/// Takes the reference's training options and says that they have no effect here, so that its command lines go on
/// working.
void accept_training_options(CLI::App& command);

/// Throws Error without a checkpoint (the reference would run random weights) and for several GPUs. Goes to the program
/// that has libtorch where it is needed.
void check_inference_options(const InferenceOptions& options);
/// Chooses the device, loads the checkpoints. config: what a foreign checkpoint is built from (may be null).
Predictor make_predictor(const InferenceOptions& options, const DataConfig* config);

}  // namespace nnunet::app
