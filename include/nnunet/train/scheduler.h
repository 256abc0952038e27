#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/train/scheduler_options.h"

namespace nnunet {

/// Learning rate, stepped once an epoch; as PyTorch's MultiStepLR, CosineAnnealingLR, ReduceLROnPlateau(mode min,
/// relative threshold 1e-4).
class Scheduler {
 public:
  /// Throws Error for an unknown name, or multistep without steps.
  Scheduler(SchedulerOptions options, double learning_rate);
  /// After an epoch; val_loss is what plateau watches (NaN when the epoch was not evaluated: then plateau does not
  /// count it). Returns the rate of the next epoch.
  double step(double val_loss);
  double learning_rate() const { return rate_; }
  Value state() const;
  /// Goes on with the state of a scheduler of the same name. Where that one began with another learning rate, the rate
  /// is scaled to this one's.
  void load_state(const Value& state, const std::string& source);
  /// As if so many epochs had gone by under this schedule (plateau has seen none of their losses).
  void start_at(std::int64_t epoch);
  /// plateau: later losses are not compared with earlier ones.
  void forget_losses();

 private:
  void watch(double val_loss);
  double cosine_rate() const;

  SchedulerOptions options_;
  double base_, rate_;
  std::int64_t epoch_ = 0, bad_epochs_ = 0;
  double best_;
};

}  // namespace nnunet
