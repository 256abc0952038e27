#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/part.h"
#include "nnunet/data/folder.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/infer/predictor.h"

namespace nnunet {

/// What `predict` does with a preprocessed folder.
struct FolderPredictionOptions {
  std::filesystem::path results = "/results";
  std::string task;  ///< names the output folder; empty: config.json's task, else the folder's name
  int fold = 0;
  int nfolds = 5;
  bool save_preds = false;
  bool overwrite = false;  ///< replace predictions made with another checkpoint or other options
  std::int64_t limit = 0;  ///< > 0: only the first so many cases
  Part part;               ///< of these cases, where several processes share the work
};

struct FolderPredictionResult {
  std::int64_t predicted = 0, kept = 0, failed = 0;
  std::filesystem::path folder;           ///< of the predictions; empty without save_preds
  std::optional<ValidationResult> score;  ///< over the cases with labels that were predicted now, preprocessed grid
};

/// Throws Error when a predictor's checkpoints are of another configuration (classes, channels, patch) than the folder.
void check_configuration(const PreprocessedFolder& folder, const Predictor& predictor);

/// RESULTS/preds_task_<t>_dim_<d>_fold_<f>_{amp|fp32}[_tta]; amp or fp32 by what is computed, so "fp32" with --amp
/// where choose_precision takes fp32.
std::filesystem::path prediction_folder(const PreprocessedFolder& folder, const Predictor& predictor,
                                        const FolderPredictionOptions& options);

/// Predicts the cases of a preprocessed folder: of a val or training folder the fold's validation cases, of a test
/// folder all. With save_preds each case's softmax (classes,D,H,W) float32 in the original geometry is written to
/// `<case>.npy`; the folder records network and options in predictions.json, and for each case its preprocessed files;
/// finished cases are kept (not predicted again) unless those have changed, and a folder made with another network or
/// other options is refused unless overwrite. A case that fails is reported and left out. Throws Error when nothing can
/// be done at all: refused folder, save_preds on a training folder, fold out of range, checkpoint of another
/// configuration than the folder, overwrite by one of several parts.
FolderPredictionResult predict_folder(const PreprocessedFolder& folder, Predictor& predictor,
                                      const FolderPredictionOptions& options);

}  // namespace nnunet
