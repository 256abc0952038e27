#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "auto_folders.h"
#include "auto_record.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/predict_script.h"

namespace nnunet {

/// What the trainings of a run came to.
struct AutoOutcome {
  std::vector<v2::ModelName> best;                     ///< several: their ensemble
  std::vector<std::pair<std::string, double>> models;  ///< mean Dice of all models and ensembles
  std::string best_name;                               ///< one of them
  double dice = 0, dice_after = 0;                     ///< of the best: without and with postprocessing
  std::filesystem::path validated;                     ///< folder with its label maps and summary.json
  v2::PredictionRoute route;
};

/// From inference_information.json, which find_best_configuration has written for these folds.
AutoOutcome compared_outcome(const AutoFolders& folders, const std::vector<std::string>& folds);
/// Of trainings on all cases, which nothing is left to compare with: the one that fits them best.
AutoOutcome fitted_outcome(const std::vector<v2::ModelName>& models, const AutoFolders& folders);

/// What the report says beside the outcome.
struct AutoStory {
  const AutoFolders& folders;
  const AutoRecord& record;
  std::vector<v2::ModelName> models;  ///< in the order of their training
  std::vector<std::string> folds;
  std::string trainer;  ///< name, or file of its recipe
  std::vector<std::pair<std::string, std::string>> decisions;
};
/// Writes curves.png and report.html.
void write_auto_report(const AutoStory& story, const AutoOutcome& outcome, const std::string& command);

}  // namespace nnunet
