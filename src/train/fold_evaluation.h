#pragma once
#include <functional>
#include <string>
#include <vector>

#include "nnunet/data/folder.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/infer/evaluate.h"
#include "nnunet/train/epoch_loop.h"

namespace nnunet {

/// What evaluates a network by a fold's validation cases beside the cases.
struct FoldEvaluation {
  const PreprocessedFolder& folder;
  const std::vector<std::string>& cases;
  WindowOptions windows;
  const ProcessGroup& group;  ///< shares the cases
  ValidationOptions options;  ///< bad_cases given; before_case may throw StopRequested
};

/// Evaluates the state's network as it stands, by the step's forward and the loss on the full resolution. All processes
/// share the cases, and the first one's running statistics.
Evaluation evaluate(const FoldEvaluation& fold, TrainingState& state, TrainStep& step, const Loss& loss);

}  // namespace nnunet
