#pragma once
#include <string>
#include <vector>

#include "auto_run.h"
#include "nnunet/v2/auto_plan.h"
#include "nnunet/v2/environment.h"

namespace nnunet {

/// What is trained: every model on every fold.
struct AutoTrainings {
  std::vector<v2::ModelName> models;  ///< in the order of their training
  std::vector<std::string> folds;
  std::string trainer;  ///< name, or file of its recipe
};

/// nnU-Net's own trainer where the length is its own, else a recipe, which is written.
AutoTrainings trainings_of(const AutoRun& run, const v2::TrainingSchedule& schedule);

/// The run was asked to stop; what is done is on record.
struct AutoInterrupted {
  std::string signal;
};

/// Trains what is not trained yet, and goes on with what has begun. Throws AutoInterrupted, and Error as train_v2 and
/// where cases of a final validation fail.
void train_models(AutoRun& run, const AutoTrainings& trainings);

}  // namespace nnunet
