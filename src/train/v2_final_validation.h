#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nnunet/data/case_store.h"
#include "nnunet/train/v2_trainer.h"
#include "nnunet/v2/splits.h"
#include "nnunet/v2/training_log.h"
#include "training_job.h"

namespace nnunet {

/// The validation of a fold by a trained network (v2/fold_validation.h).
struct V2FinalValidation {
  const v2::TrainingSetup& setup;
  const CaseStore& cases;
  std::vector<std::string> names;  ///< of the fold's validation cases
  StateDict weights;
  std::vector<int> mirror_axes;
  bool save_probabilities = false;
  v2::TrainingLog* log = nullptr;  ///< the first process's
  std::function<bool()> asked_to_stop = {};
  std::function<std::string()> signal_name = {};
};

/// All processes share the cases; the first one evaluates all of them.
void run_validation(const V2FinalValidation& how, const ComputeOptions& compute, const TrainingJob& job,
                    V2TrainResult& result);

/// --val: by the final checkpoint, or the best one.
V2TrainResult validate_v2(const V2TrainOptions& options);

/// The fold's cases, with what a previous stage predicted for them. Throws Error.
std::shared_ptr<const CaseStore> open_v2_cases(const v2::TrainingSetup& setup);

}  // namespace nnunet
