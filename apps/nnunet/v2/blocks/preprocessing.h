#pragma once
#include <string>
#include <vector>

#include "options/command.h"
#include "v2/blocks/dataset.h"
#include "v2/blocks/planning.h"

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
  V2ExtractFingerprintFlags fingerprint{.datasets = {}, .threads = 8};  ///< its datasets are these
  V2PlannerFlags planner;
  V2CaseFlags cases;
  bool no_preprocessing = false;
};

Command v2_preprocess_command(V2PreprocessFlags& flags);
Command v2_plan_and_preprocess_command(V2PlanAndPreprocessFlags& flags);

}  // namespace nnunet::app
