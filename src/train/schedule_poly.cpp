#include <algorithm>
#include <cmath>

#include "schedules.h"

namespace nnunet {

namespace {

/// nnU-Net v2's (Isensee et al., Nature Methods 2021): the share of the epochs that is left to a power. After a warm-up
/// in which the rate rises linearly, of the epochs that are left then.
class PolySchedule final : public Scheduler {
 public:
  PolySchedule(const SchedulerOptions& options, double learning_rate)
      : Scheduler(learning_rate), options_(options), warmup_(options.name == "poly" ? 0 : options.warmup_epochs) {
    start_at(0);
  }
  std::string name() const override { return options_.name; }

 protected:
  double next_rate(std::int64_t epoch, double, double) override { return rate_at(epoch); }
  double rate_at(std::int64_t epoch) const override {
    if (epoch < warmup_) return base() * static_cast<double>(epoch + 1) / static_cast<double>(warmup_);
    const auto length = static_cast<double>(std::max<std::int64_t>(options_.max_epochs - warmup_, 1));
    const double left = std::max(0.0, 1 - static_cast<double>(epoch - warmup_) / length);
    return base() * std::pow(left, options_.exponent);
  }

 private:
  const SchedulerOptions options_;
  const std::int64_t warmup_;
};

}  // namespace

std::unique_ptr<Scheduler> poly_schedule(const SchedulerOptions& options, double learning_rate) {
  return std::make_unique<PolySchedule>(options, learning_rate);
}

}  // namespace nnunet
