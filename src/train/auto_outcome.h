#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "auto_trainings.h"
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

  bool postprocessed() const { return !route.postprocessing.empty(); }
  double final_dice() const { return postprocessed() ? dice_after : dice; }
};

/// Compares the models and their ensembles over the folds' validations, as nnUNetv2_find_best_configuration. After
/// trainings on all cases nothing is left to compare with: the best is the one that fits them best.
AutoOutcome outcome_of(AutoRun& run, const AutoTrainings& trainings);

}  // namespace nnunet
