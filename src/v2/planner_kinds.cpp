#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "planner_parts.h"

namespace nnunet::v2 {
namespace {

using enum PlannerResampling;

constexpr std::array kKinds{
    PlannerKind{"ExperimentPlanner", "nnUNetPlans", false, 560e6, 85e6, 8, 0.05, standard, false},
    PlannerKind{"nnUNetPlannerResEncM", "nnUNetResEncUNetMPlans", true, 680e6, 135e6, 8, 1, standard, true},
    PlannerKind{"nnUNetPlannerResEncL", "nnUNetResEncUNetLPlans", true, 2100e6, 380e6, 24, 1, standard, true},
    PlannerKind{"nnUNetPlannerResEncXL", "nnUNetResEncUNetXLPlans", true, 3600e6, 560e6, 40, 1, standard, true},
    PlannerKind{"ResEncUNetPlanner", "nnUNetResEncUNetPlans", true, 680e6, 135e6, 8, 0.05, standard, true},
    PlannerKind{"nnUNetPlanner_torchres", "nnUNetPlans_torchres", false, 560e6, 85e6, 8, 0.05, torch, false},
    PlannerKind{"nnUNetPlannerResEncL_torchres", "nnUNetResEncUNetLPlans_torchres", true, 2100e6, 380e6, 24, 1, torch,
                false},
    PlannerKind{"nnUNetPlannerResEncL_torchres_sepz", "nnUNetResEncUNetLPlans_torchres_sepz", true, 2100e6, 380e6, 24,
                1, torch_separate_axis, false},
    PlannerKind{"nnUNetPlannerResEncL_noResampling", "nnUNetResEncUNetLPlans_noResampling", true, 2100e6, 380e6, 24, 1,
                none, false}};

}  // namespace

std::vector<std::string> planner_names() {
  std::vector<std::string> names;
  for (const PlannerKind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

const PlannerKind& planner_kind(const std::string& name) {
  const auto found = std::ranges::find(kKinds, name, &PlannerKind::name);
  if (found == kKinds.end())
    throw Error("-pl", fmt::format("there is no planner \"{}\"", name),
                fmt::format("choose one of {}", fmt::join(planner_names(), ", ")));
  return *found;
}

std::string default_plans_name(const std::string& planner) {
  return std::string(planner_kind(planner).plans_name);
}

}  // namespace nnunet::v2
