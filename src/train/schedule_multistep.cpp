#include <algorithm>
#include <cmath>

#include "schedules.h"

namespace nnunet {

namespace {

/// Lower by a factor after each of these epochs.
class MultistepSchedule final : public Scheduler {
 public:
  MultistepSchedule(const SchedulerOptions& options, double learning_rate)
      : Scheduler(learning_rate), options_(options) {}
  std::string name() const override { return "multistep"; }

 protected:
  double next_rate(std::int64_t epoch, double rate, double) override {
    const auto times = std::count(options_.steps.begin(), options_.steps.end(), epoch);
    return rate * std::pow(options_.factor, static_cast<double>(times));
  }
  double rate_at(std::int64_t epoch) const override {
    const auto times = std::ranges::count_if(options_.steps, [&](std::int64_t s) { return s >= 1 && s <= epoch; });
    return base() * std::pow(options_.factor, static_cast<double>(times));
  }

 private:
  const SchedulerOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> multistep_schedule(const SchedulerOptions& options, double learning_rate) {
  return std::make_unique<MultistepSchedule>(options, learning_rate);
}

}  // namespace nnunet
