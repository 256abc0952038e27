#pragma once
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands that preprocess datasets take.
namespace nnunet::app {

/// How preprocessing is run, by every command that does it.
struct V2CaseFlags {
  std::vector<std::string> configurations{"2d", "3d_fullres", "3d_lowres"};
  std::vector<int> threads;  ///< one for all configurations, or one for each; empty: 8, 4, 8, others 4
  bool verbose = false, no_progress = false;
};

struct V2PreprocessFlags {
  std::vector<std::string> datasets;
  std::string plans = "nnUNetPlans";
  V2CaseFlags cases;
};

struct V2PlanAndPreprocessFlags {
  std::vector<std::string> datasets;
  std::string fingerprint_extractor = "DatasetFingerprintExtractor";
  int fingerprint_threads = 8;
  bool verify = false, clean = false, no_preprocessing = false;
  std::string planner = "ExperimentPlanner", preprocessor = "DefaultPreprocessor";
  double gpu_memory_target = 0;        ///< GB; 0: the planner's own
  std::vector<double> target_spacing;  ///< mm, z y x; empty: the planner's choice
  std::string plans_name;              ///< empty: the planner's own
  V2CaseFlags cases;
};

Command v2_preprocess_command(V2PreprocessFlags& flags);
Command v2_plan_and_preprocess_command(V2PlanAndPreprocessFlags& flags);

}  // namespace nnunet::app
