#include "v2/planning_steps.h"

#include "nnunet/core/error.h"
#include "nnunet/v2/environment.h"

namespace nnunet::app {

void extract_fingerprint(const std::string& dataset, const V2PlanAndPreprocessFlags& flags) {
  const auto file = v2::preprocessed_folder() / v2::dataset_name(dataset) / "dataset_fingerprint.json";
  if (flags.clean || flags.verify || !std::filesystem::exists(file))
    throw Error(file.string(), "cannot be made yet", "extract it first");
}

std::string plan_experiment(const std::string& dataset, const V2PlanAndPreprocessFlags& flags) {
  const std::string name = flags.plans_name.empty() ? "nnUNetPlans" : flags.plans_name;
  const auto file = v2::preprocessed_folder() / v2::dataset_name(dataset) / (name + ".json");
  if (!std::filesystem::exists(file)) throw Error(file.string(), "cannot be made yet", "plan first");
  return name;
}

}  // namespace nnunet::app
