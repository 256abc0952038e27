#pragma once
#include "nnunet/train/v2_trainer.h"
#include "nnunet/v2/auto_plan.h"

namespace nnunet {

/// Trains for about so many seconds, and validates, as train_v2 with these options would, but leaves nothing behind
/// (splits_final.json is made where it is missing). The first batches are slower than the others and do not count. An
/// epoch's two checkpoints are timed by writing one; the final validation's time is that of its windows. Throws Error
/// as train_v2, and StopRequested (train/epoch_loop.h) after SIGTERM or SIGINT.
v2::TrainingCost time_v2(const V2TrainOptions& options, double seconds);

}  // namespace nnunet
