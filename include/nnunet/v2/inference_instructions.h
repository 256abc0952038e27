#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/v2/environment.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {

/// What nnUNetv2_find_best_configuration found out.
struct InferenceInformation {
  struct Best {
    std::vector<ModelName> models;  ///< several: their ensemble
    double dice_before = 0, dice_after = 0;
    std::filesystem::path postprocessing, plans;  ///< files
  };
  std::string dataset;
  std::vector<int> folds;
  std::vector<ModelName> considered;
  bool ensembling = true;
  std::vector<std::pair<std::string, double>> results;  ///< mean foreground Dice of each model and ensemble
  Best best;
};

/// The content of inference_information.json.
Json inference_information_json(const InferenceInformation& information);

/// The commands that predict with what is best, ensemble and postprocess. Models whose configuration has a previous
/// stage get that stage's command, too ($nnUNet_results is read for that).
std::string inference_instructions(const InferenceInformation& information);

}  // namespace nnunet::v2
