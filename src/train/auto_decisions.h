#pragma once
#include <string>
#include <utility>
#include <vector>

#include "auto_run.h"
#include "nnunet/v2/auto_plan.h"

namespace nnunet {

/// What was decided on, and why, as a user reads it.
using AutoDecisions = std::vector<std::pair<std::string, std::string>>;
AutoDecisions auto_decisions(const AutoRun& run, const v2::TrainingSchedule& schedule);

/// Puts them on the log, with the time at which the trainings that are ahead will be done.
void announce(const AutoRun& run, const v2::TrainingSchedule& schedule, const AutoDecisions& decisions);

}  // namespace nnunet
