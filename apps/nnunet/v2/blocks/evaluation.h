#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands on folders of label maps take: evaluation, ensembling, postprocessing.
namespace nnunet::app {

struct V2EvaluateFolderFlags {
  std::filesystem::path references, predictions;  ///< kept as they were given: summary.json holds them
  std::filesystem::path dataset_json, plans_json;
  std::optional<std::filesystem::path> output;
  int threads = 0;  ///< 0: nnUNet_def_n_proc, else 8
  bool chill = false;
};

struct V2EvaluateSimpleFlags {
  std::filesystem::path references, predictions;
  std::vector<int> labels;
  std::optional<int> ignore;
  std::optional<std::filesystem::path> output;
  int threads = 0;
  bool chill = false;
};

struct V2EnsembleFlags {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;
  int threads = 0;
  bool save_npz = false;
};

struct V2DeterminePostprocessingFlags {
  std::filesystem::path input, references;
  std::optional<std::filesystem::path> plans_json, dataset_json;
  int threads = 0;
  bool remove_postprocessed = false;
};

struct V2ApplyPostprocessingFlags {
  std::filesystem::path input, output, pickle;
  int threads = 0;
  std::optional<std::filesystem::path> plans_json, dataset_json;
};

Command v2_evaluate_folder_command(V2EvaluateFolderFlags& flags);
Command v2_evaluate_simple_command(V2EvaluateSimpleFlags& flags);
Command v2_ensemble_command(V2EnsembleFlags& flags);
Command v2_determine_postprocessing_command(V2DeterminePostprocessingFlags& flags);
Command v2_apply_postprocessing_command(V2ApplyPostprocessingFlags& flags);

}  // namespace nnunet::app
