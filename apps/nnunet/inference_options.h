#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"
#include "nnunet/infer/predictor.h"
#include "nnunet/plan/plan.h"

namespace nnunet::app {

/// Flags that `evaluate` and `predict` share, with the reference system's names and defaults.
struct InferenceOptions {
  std::filesystem::path data = "/data";
  std::filesystem::path results = "/results";
  std::string task;
  int dim = 3;
  int fold = 0;
  int nfolds = 5;
  int gpus = -1;
  bool amp = false;
  std::string precision;
  bool tta = false;
  Blend blend = Blend::gaussian;
  double overlap = 0.5;
  std::int64_t val_batch_size = 0;
  std::int64_t test_batches = 0;
  bool save_preds = false;
  std::string logname;
  std::vector<std::filesystem::path> ckpt_path;
  NetworkOptions network;
};

void add_inference_options(CLI::App& command, InferenceOptions& options);
/// Takes the reference's training options and says that they have no effect here, so that its command lines go on
/// working.
void accept_training_options(CLI::App& command);

/// Throws Error without a checkpoint (the reference would run random weights) and for several GPUs.
void check_inference_options(const InferenceOptions& options);
/// Chooses the device, loads the checkpoints. config: what a foreign checkpoint is built from (may be null).
Predictor make_predictor(const InferenceOptions& options, const DataConfig* config);

/// "mean dice: 81.25 - L1 82.00 L2 80.50" (percent).
std::string score_line(const std::vector<double>& dice, double mean);

}  // namespace nnunet::app
