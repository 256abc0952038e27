#include "nnunet/train/scheduler.h"

#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "schedules.h"

namespace nnunet {

namespace {

const Value& entry(const Value& state, const std::string& key, const std::string& source) {
  const Value* const found = state.find(key);
  if (found == nullptr)
    throw Error(source, fmt::format("the scheduler's \"{}\" is missing", key), "start the training anew");
  return *found;
}

void check(const SchedulerOptions& options) {
  const std::string& name = options.name;
  if (name == "multistep" && options.steps.empty())
    throw Error("--scheduler", "multistep has no steps", "give the epochs with --steps");
  if ((name == "multistep" || name == "plateau") && !(options.factor > 0 && options.factor < 1))
    throw Error("--factor", fmt::format("{} does not lower the learning rate", options.factor),
                "give a number between 0 and 1");
}

}  // namespace

double Scheduler::step(double val_loss) {
  ++epoch_;
  rate_ = next_rate(epoch_, rate_, val_loss);
  return rate_;
}

void Scheduler::start_at(std::int64_t epoch) {
  epoch_ = epoch;
  rate_ = rate_at(epoch);
  forget_losses();
}

Value Scheduler::state() const {
  return Value::Dict{{"name", name()},
                     {"epoch", epoch_},
                     {"base", base_},
                     {"learning_rate", rate_},
                     {"bad_epochs", watched_.bad_epochs},
                     {"best", watched_.best}};
}

void Scheduler::load_state(const Value& state, const std::string& source) {
  const std::string& saved = entry(state, "name", source).as_string("name");
  if (saved != name())
    throw Error(source, fmt::format("it was trained with --scheduler {}, not {}", saved, name()),
                "give the same --scheduler");
  const std::int64_t epoch = entry(state, "epoch", source).as_int("epoch");
  const double rate = entry(state, "learning_rate", source).as_double("learning_rate");
  const std::int64_t bad_epochs = entry(state, "bad_epochs", source).as_int("bad_epochs");
  watched_.best = entry(state, "best", source).as_double("best");
  watched_.bad_epochs = bad_epochs;
  epoch_ = epoch;
  rate_ = rate;
  const Value* const base = state.find("base");  // older checkpoints lack it
  const double began = base == nullptr ? base_ : base->as_double("base");
  if (began != base_ && began > 0) rate_ *= base_ / began;
}

std::unique_ptr<Scheduler> make_scheduler(const SchedulerOptions& options, double learning_rate) {
  check(options);
  if (options.name == "none") return constant_schedule(learning_rate);
  if (options.name == "multistep") return multistep_schedule(options, learning_rate);
  if (options.name == "cosine") return cosine_schedule(options, learning_rate);
  if (options.name == "plateau") return plateau_schedule(options, learning_rate);
  if (options.name == "poly" || options.name == "warmup_poly") return poly_schedule(options, learning_rate);
  throw Error("--scheduler", fmt::format("unknown scheduler \"{}\"", options.name),
              "choose none, multistep, cosine or plateau");
}

}  // namespace nnunet
