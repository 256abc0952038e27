#pragma once
#include <cstdint>
#include <functional>

#include "nnunet/data/loader.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/train/confusion.h"
#include "nnunet/train/epoch_loop.h"

namespace nnunet {

/// What evaluates a network by batches of patches, as nnU-Net v2 does after each epoch (contract-v2-run, section 4).
struct BatchEvaluation {
  BatchSource& batches;
  V2LossOptions labels;  ///< which labels are classes, regions, not annotated
  const ProcessGroup& group;
  std::function<void()> before_batch = {};  ///< may throw StopRequested; by all processes equally often
};

/// The loss is the mean over the batches; each class's Dice is that of the sums over all batches and processes. Without
/// gradients, in evaluation mode.
Evaluation evaluate(const BatchEvaluation& how, TrainingState& state, TrainStep& step);

/// Dice in float32, and their mean over the classes that occur.
PseudoDice pseudo_dice(const Confusion& counts);

}  // namespace nnunet
