#pragma once
#include <string>

#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/train/training_state.h"
#include "nnunet/v2/trainer_recipe.h"

/// A training's state in the words of nnU-Net v2's checkpoints, and back.
namespace nnunet {

/// The epochs as nnU-Net logs them.
V2Logging v2_logging(const History& history);
/// The first so many epochs, with their best one. Throws Error (subject: source) where the record has fewer.
History history_from(const V2Logging& record, std::int64_t epochs, const std::string& source);

/// What torch's optimizer of that recipe would save.
V2OptimizerState v2_optimizer_state(const Optimizer& optimizer, const v2::TrainerRecipe& recipe,
                                    std::size_t parameters);
/// Throws Error (subject: source) for the state of another kind of optimizer or of another network.
void load_optimizer_state(const V2OptimizerState& saved, Optimizer& optimizer, std::size_t parameters,
                          const std::string& source);

/// The parts of a checkpoint that a training's state holds: weights, optimizer, scaler, logging, best average, epochs,
/// and under `own` what nnU-Net has no words for: the epoch that is running.
V2Checkpoint v2_checkpoint_of(const TrainingState& state, const v2::TrainerRecipe& recipe);
/// Takes them over; files of nnU-Net itself begin an epoch. The learning rate follows from the schedule.
void load_v2_state(const V2Checkpoint& checkpoint, TrainingState& state, const std::string& source);

}  // namespace nnunet
