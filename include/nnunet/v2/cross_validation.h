#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "nnunet/v2/environment.h"
#include "nnunet/v2/evaluation.h"

/// What a model does in cross-validation, and which is best (contract-v2-run, section 7).
namespace nnunet::v2 {

/// $nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION.
std::filesystem::path model_folder(const std::string& dataset, const ModelName& model);
/// References of the training cases: $nnUNet_raw/DATASET/labelsTr, else $nnUNet_preprocessed/DATASET/gt_segmentations.
std::filesystem::path reference_folder(const std::string& dataset);

struct AccumulateOptions {
  std::filesystem::path model, output;  ///< folders
  std::vector<std::string> folds;
  int threads = 1;
  bool overwrite = true;  ///< false: what is in the output folder is kept
};

/// Copies all folds' validation label maps, dataset.json and plans.json into one folder and evaluates them there
/// (summary.json). Throws Error for a missing fold, a case of two folds, and cases that cannot be evaluated.
SummaryDice accumulate_crossval_results(const AccumulateOptions& options);

struct FindBestOptions {
  std::string dataset;  ///< name
  std::vector<ModelName> models;
  std::vector<int> folds;
  bool ensembling = true, overwrite = true;
  int threads = 1;
};

/// Accumulates each model's cross-validation and each pair's ensemble, determines postprocessing of the best by mean
/// foreground Dice (the first one at ties) and writes inference_information.json and inference_instructions.txt into
/// $nnUNet_results/DATASET. Returns the text of the instructions. Configurations that the plans lack are left out with
/// a note; an untrained one, or validations without .npz where ensembles are wanted, are Errors.
std::string find_best_configuration(const FindBestOptions& options);

}  // namespace nnunet::v2
