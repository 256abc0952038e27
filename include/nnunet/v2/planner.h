#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/core/array.h"
#include "nnunet/v2/python_json.h"

/// nnU-Net v2's experiment planners (contract-v2-plan, section 4): a dataset's fingerprint and dataset.json become
/// plans, the same to the last digit.
namespace nnunet::v2 {

/// The names of all planners, as -pl takes them.
std::vector<std::string> planner_names();

/// The name of a planner's plans ("nnUNetResEncUNetMPlans"). Throws Error for an unknown planner and lists the others.
std::string default_plans_name(const std::string& planner);

/// What nnUNetv2_plan_experiment's flags say.
struct PlannerOptions {
  std::string planner = "ExperimentPlanner";
  std::optional<double> gpu_memory_target = {};  ///< GB; without: 8, 24 or 40, by the planner
  std::string preprocessor = "DefaultPreprocessor";
  std::optional<Spacing3> target_spacing = {};  ///< mm, in the images' axes, before transposition; without: the median
  std::string plans_name = {};                  ///< empty: the planner's
};

/// What plans are made from. The file names are for messages.
struct PlannerInput {
  std::string dataset_name;  ///< "Dataset004_Hippocampus"
  std::string reader;        ///< "SimpleITKIO"
  Json dataset, fingerprint;
  std::string dataset_file = "dataset.json", fingerprint_file = "dataset_fingerprint.json";
};

/// The content of a plans file. Throws Error (file or flag, problem, remedy): unknown planner, options out of range,
/// files that lack what is needed, a memory target into which no patch fits.
Json make_plans(const PlannerInput& input, const PlannerOptions& options);

/// The class that normalises a channel of this name: "CTNormalization" and so on.
std::string normalization_of_channel(const std::string& name);

/// The reader of a raw dataset's images: the one that dataset.json names, else by their ending and, where it is there,
/// the first image. any_ending: as choose_reader's. Throws Error where none fits.
std::string planned_reader(const std::filesystem::path& raw_dataset, const Json& dataset, bool any_ending = false);

struct PlannedExperiment {
  std::filesystem::path file;  ///< $nnUNet_preprocessed/DATASET/PLANS.json
  Json plans;
};

/// nnUNetv2_plan_experiment for one dataset ("Dataset004_Hippocampus"): reads $nnUNet_raw/DATASET/dataset.json and the
/// fingerprint in $nnUNet_preprocessed/DATASET, where it writes the plans and copies of dataset.json and, unless one is
/// there, splits_final.json. Images are not needed. Configurations of plans of that name which the new ones lack are
/// kept; one that a planner once made is warned about. raw_dataset: instead of $nnUNet_raw/DATASET. Throws Error;
/// nothing is written then.
PlannedExperiment plan_experiment(const std::string& dataset, const PlannerOptions& options,
                                  const std::filesystem::path& raw_dataset = {});

/// nnUNetv2_move_plans_between_datasets.
struct MovePlansOptions {
  std::string source, target;                 ///< names of datasets
  std::string source_plans;                   ///< "nnUNetPlans"
  std::optional<std::string> new_plans = {};  ///< their name for the target; without: the same
};
/// Returns the file written. Throws Error: no such plans, nothing known of the target, or plans of that name with
/// configurations that the moved ones lack.
std::filesystem::path move_plans_between_datasets(const MovePlansOptions& options);

}  // namespace nnunet::v2
