#pragma once
#include <string>
#include <vector>

#include "auto_run.h"
#include "nnunet/v2/auto_plan.h"

/// Which trainings fit into the time, by what a batch takes on this machine.
namespace nnunet {

/// Preprocesses and measures what may be trained, and chooses. planned: the configurations of the plans. Throws Error:
/// cases that cannot be preprocessed, and as v2::training_schedule.
v2::TrainingSchedule fit_trainings(AutoRun& run, const std::vector<std::string>& planned);

/// Of a configuration that fit_trainings has measured.
v2::TrainingCost measured_cost(const AutoRun& run, const std::string& configuration);
bool half_precision(const AutoRun& run, const std::string& configuration);

}  // namespace nnunet
