#pragma once
#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "nnunet/data/loader.h"
#include "nnunet/eval/dice.h"
#include "nnunet/train/step.h"
#include "nnunet/train/training_state.h"

namespace nnunet {

/// What the evaluation of an epoch gave.
struct Evaluation {
  double loss = 0;
  std::vector<ClassDice> dice;            ///< a foreground class each, 0-100
  std::optional<PseudoDice> pseudo = {};  ///< of an evaluation by batches, without its moving average
};

/// Thrown by an evaluation that was asked to stop.
struct StopRequested {};

/// What the loop runs, knowing nothing of it: batches (of a Sampler and an augmentation, say), a step (a Loss and an
/// optimizer: TrainStep), an evaluation.
struct LoopParts {
  BatchSource& batches;
  std::function<StepResult(const Batch&)> step;
  std::function<Evaluation()> evaluate;
};

/// How long it goes on.
struct LoopOptions {
  std::int64_t max_epochs = 10000, min_epochs = 30;
  std::int64_t patience = 100;         ///< after min_epochs: evaluated epochs without a better Dice sum
  std::int64_t skip_first_n_eval = 0;  ///< epochs without evaluation
  std::int64_t save_every_n_steps = 0;
  std::int64_t most_skipped = 0;  ///< so many steps in a row may be not finite: 0 where none should (fp32)
  /// What to do where too many steps are not finite.
  std::string remedy = "lower --learning_rate or set --gradient_clip_val; checkpoints of earlier steps are kept";
};

/// What it tells and asks its owner. All may be empty.
struct LoopEvents {
  std::function<void()> epoch_begins = {};                         ///< before its first step, or the next one
  std::function<bool()> asked_to_stop = {};                        ///< after each step
  std::function<void()> save = {};                                 ///< within an epoch
  std::function<void()> epoch_done = {};                           ///< the state stands at the start of the next epoch
  std::function<std::string(const Batch&)> where_not_finite = {};  ///< for the message; looks at the network
};

/// Epochs of a training: steps, evaluation, schedule, early stop. It changes the state, and nothing else.
class EpochLoop {
 public:
  enum class End { all_epochs, early_stop, asked_to_stop };

  /// The state and what the parts refer to must outlive the loop.
  EpochLoop(TrainingState& state, LoopParts parts, LoopOptions options, LoopEvents events = {},
            torch::Device device = torch::kCPU);

  /// From where the state stands, within an epoch too. asked_to_stop: after a step, or from the evaluation; the state
  /// can be saved and gone on from. Steps whose loss or gradients are not finite leave weights and optimizer as they
  /// are; losses that are not finite are left out of the epoch's mean. Throws Error after more than most_skipped such
  /// steps in a row.
  End run();

 private:
  /// False: asked to stop.
  bool run_epoch();
  void train(EpochRecord& record);
  void account(double loss, bool skipped, const Batch& batch);
  bool stops_early() const;

  TrainingState& state_;
  LoopParts parts_;
  LoopOptions options_;
  LoopEvents events_;
  torch::Device device_;
  std::int64_t skipped_in_a_row_ = 0;
};

}  // namespace nnunet
