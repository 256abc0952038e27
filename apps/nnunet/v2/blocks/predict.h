#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

namespace nnunet::app {

/// What nnUNetv2_predict and nnUNetv2_predict_from_modelfolder take. The model is dataset, plans, trainer and
/// configuration, or model_folder.
struct V2PredictFlags {
  std::filesystem::path input, output;
  std::string dataset, plans = "nnUNetPlans", trainer = "nnUNetTrainer", configuration;
  std::filesystem::path model_folder;
  std::vector<std::string> folds{"0", "1", "2", "3", "4"};  ///< numbers, or "all"
  double step_size = 0.5;                                   ///< of the patch
  bool disable_tta = false, verbose = false, save_probabilities = false, continue_prediction = false;
  std::string checkpoint = "checkpoint_final.pth";
  std::optional<std::filesystem::path> prev_stage_predictions;
  int num_parts = 1, part_id = 0;
  std::string device = "cuda";  ///< "cuda", "cpu" or "mps"
  bool disable_progress_bar = false, not_on_device = false;
  int npp = -1, nps = -1;  ///< threads that prepare and export; -1: nnUNet_npp and nnUNet_nps, else 3
};

Command v2_predict_command(V2PredictFlags& flags);
Command v2_predict_from_modelfolder_command(V2PredictFlags& flags);

}  // namespace nnunet::app
