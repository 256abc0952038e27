#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/network/unet.h"
#include "nnunet/train/grad_scaler.h"
#include "nnunet/train/history.h"
#include "nnunet/train/optimizer.h"
#include "nnunet/train/scheduler.h"

namespace nnunet {

/// What is done of the epoch that is running.
struct EpochProgress {
  std::int64_t step = 0;     ///< steps
  std::int64_t counted = 0;  ///< steps with a finite loss
  double loss_sum = 0;       ///< sum of the finite losses
  double seconds = 0, data_seconds = 0;
};

/// What of a saved state is left out when a training goes on as another one.
struct ResumeRules {
  bool epoch_anew = false;  ///< the epoch that was running starts from its first step
  bool best_anew = false;   ///< the best epoch is looked for among those to come, losses are not compared with earlier
};

/// Everything that a training changes: with the seed, which decides all random numbers together with epoch and step
/// (they have no state of their own), it decides how the training goes on. A checkpoint holds it.
struct TrainingState {
  UNet network;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Scheduler> scheduler;
  GradScaler scaler;
  std::int64_t epoch = 0;  ///< epochs done
  std::int64_t steps = 0;  ///< steps done, over all epochs
  EpochProgress progress;  ///< the epoch after these
  History history;         ///< the epochs done, and which is the best

  /// All but the weights, which checkpoints keep apart. Waits for the device.
  Value::Dict values() const;
  /// Takes over what values() gave, also of earlier versions. An optimizer or a schedule of another name begins anew,
  /// the latter at the epoch reached; returns false for such an optimizer. Throws Error (subject: source) for what is
  /// missing or does not fit.
  bool load(const Value& values, const std::string& source, const ResumeRules& rules = {});
  /// Of these values only the steps and the epoch that is running; what is absent begins anew.
  void load_progress(const Value& values, const std::string& source);
};

}  // namespace nnunet
