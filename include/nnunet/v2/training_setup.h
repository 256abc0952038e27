#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nnunet/plan/v2_plan.h"
#include "nnunet/v2/dataset_labels.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/python_json.h"
#include "nnunet/v2/trainer_recipe.h"

/// What a training by nnU-Net v2's names is of: its files, folders and plan.
namespace nnunet::v2 {

struct TrainingNames {
  std::string dataset;                    ///< name or number
  std::string configuration;              ///< "3d_fullres"
  std::string fold;                       ///< "0", "all"
  std::string trainer = "nnUNetTrainer";  ///< or a file NAME.json with a recipe
  std::string plans = "nnUNetPlans";
};

/// Folders of a model and of one of its folds (contract-v2-run, section 1).
struct TrainingFolders {
  std::filesystem::path dataset;   ///< $nnUNet_preprocessed/DATASET
  std::filesystem::path cases;     ///< in it: of the configuration
  std::filesystem::path model;     ///< $nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION
  std::filesystem::path fold;      ///< in it: fold_N
  std::filesystem::path previous;  ///< of a cascade: what the previous stage predicted for this one; else empty

  std::filesystem::path validation() const { return fold / "validation"; }
  /// Predictions for a next stage of that configuration.
  std::filesystem::path for_next(const std::string& configuration) const {
    return model / "predicted_next_stage" / configuration;
  }
};

struct TrainingSetup {
  TrainingNames names;  ///< with the dataset's name
  TrainerRecipe recipe;
  TrainingFolders folders;
  Json plans, dataset;  ///< the files' content
  Json configuration;   ///< with what it inherits, in the order of the file
  ModelPlan model;      ///< mirrored as the recipe says
  V2Description description;
  DatasetLabels labels;
  std::int64_t batch_size = 2;  ///< over all processes
  bool batch_dice = false;
  /// Configurations that follow this one in a cascade, and the folders of their cases.
  std::vector<std::pair<std::string, std::filesystem::path>> next_stages;
};

/// Reads plans, dataset.json and recipe; looks at no case and writes nothing. Throws Error: names that lead nowhere,
/// plans that lack the configuration or that this program does not know, a fold that is neither a number nor "all".
TrainingSetup training_setup(const TrainingNames& names);

/// Axes along which a recipe mirrors patches of so many axes.
std::vector<int> mirror_axes(const TrainerRecipe& recipe, int dim);

/// dataset.json, plans.json and dataset_fingerprint.json in the model's folder.
void copy_descriptions(const TrainingSetup& setup);

/// What is known only when the training runs.
struct TrainingFacts {
  std::string device = "cpu", engine, precision, torch_version, log_file, seed;
  int processes = 1;
  bool checkpoints = true;
};
/// debug.json: all as text, under nnU-Net's names where it has the same.
Json debug_information(const TrainingSetup& setup, const TrainingFacts& facts);

}  // namespace nnunet::v2
