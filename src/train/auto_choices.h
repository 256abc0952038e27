#pragma once
#include <filesystem>

#include "nnunet/train/auto_options.h"
#include "nnunet/v2/auto_plan.h"
#include "nnunet/v2/python_json.h"

/// What `nnunet auto` is told and has measured, checked and as JSON.
namespace nnunet {

/// Throws Error: the flag, what is wrong, what to do.
void check_auto_options(const AutoOptions& options);

/// What may not change when a run goes on, by the names of the flags. source: the dataset's folder.
v2::Json what_is_asked(const AutoOptions& options, const std::filesystem::path& source);

v2::Json cost_json(const v2::TrainingCost& cost);
v2::TrainingCost cost_of(const v2::Json& json);
v2::Json schedule_json(const v2::TrainingSchedule& schedule);
v2::TrainingSchedule schedule_of(const v2::Json& json);

}  // namespace nnunet
