#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "nnunet/checkpoint/torch_file.h"
#include "nnunet/train/scheduler_options.h"

namespace nnunet {

/// The learning rate of each epoch.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// As in SchedulerOptions.
  virtual std::string name() const = 0;
  /// After an epoch; val_loss: its validation loss, NaN when it was not evaluated. Returns the rate of the next epoch.
  double step(double val_loss);
  double learning_rate() const { return rate_; }
  Value state() const;
  /// Goes on with the state of a scheduler of the same name. Where that one began with another learning rate, the rate
  /// is scaled to this one's.
  void load_state(const Value& state, const std::string& source);
  /// As if so many epochs had gone by under this schedule, with no losses seen.
  void start_at(std::int64_t epoch);
  /// Later losses are not compared with earlier ones.
  void forget_losses() { watched_ = {}; }

 protected:
  /// Losses seen; only plateau looks at them, but every checkpoint has them.
  struct Watched {
    std::int64_t bad_epochs = 0;  ///< since the best
    double best = std::numeric_limits<double>::infinity();
  };

  explicit Scheduler(double learning_rate) : base_(learning_rate), rate_(learning_rate) {}
  /// The rate after `epoch` epochs, the last of which had this rate and loss.
  virtual double next_rate(std::int64_t epoch, double rate, double val_loss) = 0;
  /// The rate after `epoch` epochs without losses.
  virtual double rate_at(std::int64_t epoch) const = 0;
  /// The rate at the start.
  double base() const { return base_; }

  Watched watched_;

 private:
  double base_, rate_;
  std::int64_t epoch_ = 0;
};

/// As PyTorch's MultiStepLR, CosineAnnealingLR, ReduceLROnPlateau (mode min, relative threshold 1e-4; an epoch without
/// evaluation does not count), as nnU-Net v2's (poly: base (1 - epoch/max_epochs)^exponent), or always the same rate.
/// With warmup_poly the first rate is not learning_rate: ask learning_rate(). Throws Error for an unknown name,
/// multistep without steps, and factors that do not lower the rate.
std::unique_ptr<Scheduler> make_scheduler(const SchedulerOptions& options, double learning_rate);

}  // namespace nnunet
