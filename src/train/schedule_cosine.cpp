#include <algorithm>
#include <cmath>
#include <numbers>

#include "schedules.h"

namespace nnunet {

namespace {

/// Half a cosine wave over all epochs (Loshchilov and Hutter, "SGDR", ICLR 2017).
class CosineSchedule final : public Scheduler {
 public:
  CosineSchedule(const SchedulerOptions& options, double learning_rate) : Scheduler(learning_rate), options_(options) {}
  std::string name() const override { return "cosine"; }

 protected:
  double next_rate(std::int64_t epoch, double, double) override { return rate_at(epoch); }
  double rate_at(std::int64_t epoch) const override {
    const double length = static_cast<double>(std::max<std::int64_t>(options_.max_epochs, 1));
    return base() * (1 + std::cos(std::numbers::pi * static_cast<double>(epoch) / length)) / 2;
  }

 private:
  const SchedulerOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> cosine_schedule(const SchedulerOptions& options, double learning_rate) {
  return std::make_unique<CosineSchedule>(options, learning_rate);
}

}  // namespace nnunet
