#pragma once
#include <optional>
#include <string>
#include <vector>

#include "options/command.h"

/// What the commands that make and move plans take.
namespace nnunet::app {

/// What a planner is told, by every command that runs one.
struct V2PlannerFlags {
  std::string planner = "ExperimentPlanner", preprocessor = "DefaultPreprocessor";
  double gpu_memory_target = 0;        ///< GB; 0: the planner's own
  std::vector<double> target_spacing;  ///< mm, z y x; empty: the planner's choice
  std::string plans_name;              ///< empty: the planner's own
};

struct V2PlanExperimentFlags {
  std::vector<std::string> datasets;
  V2PlannerFlags planner;
};

struct V2MovePlansFlags {
  std::string source, target, source_plans, target_plans;  ///< no target_plans: the same name
};

std::vector<Option> v2_planner_options(V2PlannerFlags& flags);
Command v2_plan_experiment_command(V2PlanExperimentFlags& flags);
Command v2_move_plans_command(V2MovePlansFlags& flags);

}  // namespace nnunet::app
