#include "schedules.h"

namespace nnunet {

namespace {

class ConstantSchedule final : public Scheduler {
 public:
  explicit ConstantSchedule(double learning_rate) : Scheduler(learning_rate) {}
  std::string name() const override { return "none"; }

 protected:
  double next_rate(std::int64_t, double rate, double) override { return rate; }
  double rate_at(std::int64_t) const override { return base(); }
};

}  // namespace

std::unique_ptr<Scheduler> constant_schedule(double learning_rate) {
  return std::make_unique<ConstantSchedule>(learning_rate);
}

}  // namespace nnunet
