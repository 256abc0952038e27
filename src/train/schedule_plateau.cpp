#include <cmath>

#include "schedules.h"

namespace nnunet {

namespace {

/// Lower by a factor when the validation loss has not fallen for some epochs.
class PlateauSchedule final : public Scheduler {
 public:
  PlateauSchedule(const SchedulerOptions& options, double learning_rate)
      : Scheduler(learning_rate), options_(options) {}
  std::string name() const override { return "plateau"; }

 protected:
  double next_rate(std::int64_t, double rate, double val_loss) override {
    if (std::isnan(val_loss)) return rate;
    if (val_loss < watched_.best * (1 - kThreshold)) {
      watched_ = {0, val_loss};
    } else if (++watched_.bad_epochs > options_.lr_patience) {
      watched_.bad_epochs = 0;
      const double lower = rate * options_.factor;
      if (rate - lower > kSmallest) return lower;
    }
    return rate;
  }
  double rate_at(std::int64_t) const override { return base(); }

 private:
  static constexpr double kThreshold = 1e-4;  ///< relative gain that counts
  static constexpr double kSmallest = 1e-8;   ///< smaller changes of the rate are not made

  const SchedulerOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> plateau_schedule(const SchedulerOptions& options, double learning_rate) {
  return std::make_unique<PlateauSchedule>(options, learning_rate);
}

}  // namespace nnunet
