#pragma once
#include "nnunet/core/error.h"
#include "nnunet/v2/planner.h"
#include "v2/blocks/planning.h"

namespace nnunet::app {

/// Throws Error where the spacing has not three numbers.
inline v2::PlannerOptions planner_options(const V2PlannerFlags& flags) {
  v2::PlannerOptions options{.planner = flags.planner,
                             .gpu_memory_target = {},
                             .preprocessor = flags.preprocessor,
                             .target_spacing = {},
                             .plans_name = flags.plans_name};
  if (flags.gpu_memory_target > 0) options.gpu_memory_target = flags.gpu_memory_target;
  const auto& spacing = flags.target_spacing;
  if (!spacing.empty() && spacing.size() != 3)
    throw Error("-overwrite_target_spacing", fmt::format("{} numbers given", spacing.size()), "give three: z y x");
  if (!spacing.empty()) options.target_spacing = {spacing[0], spacing[1], spacing[2]};
  return options;
}

}  // namespace nnunet::app
