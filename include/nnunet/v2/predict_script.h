#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace nnunet::v2 {

/// One model of a prediction, by its folder TRAINER__PLANS__CONFIGURATION.
struct PredictingModel {
  std::filesystem::path folder;
  std::filesystem::path previous_stage = {};  ///< of a cascade; else empty
};

/// What makes label maps of images: one or several models, whose ensemble it is then, and postprocessing.
struct PredictionRoute {
  std::vector<PredictingModel> models;
  std::vector<std::string> folds;
  std::filesystem::path postprocessing = {};  ///< postprocessing.pkl; empty: none
  std::filesystem::path plans = {};           ///< plans.json that it needs
};

/// A shell script `SCRIPT IMAGES LABEL_MAPS [FLAGS of nnUNetv2_predict_from_modelfolder]` that takes all steps. It may
/// be moved with the folder that it lies in: files in there are named relative to it. program: the program nnunet; the
/// one in PATH is taken where it is gone.
std::string predict_script(const PredictionRoute& route, const std::filesystem::path& script_folder,
                           const std::filesystem::path& program);

/// A word of a shell's command line.
std::string shell_word(const std::string& text);

}  // namespace nnunet::v2
