#include "nnunet/train/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

constexpr double kThreshold = 1e-4;  ///< plateau: relative gain that counts
constexpr double kSmallest = 1e-8;   ///< plateau: smaller changes of the rate are not made

const Value& entry(const Value& state, const std::string& key, const std::string& source) {
  const Value* const found = state.find(key);
  if (found == nullptr)
    throw Error(source, fmt::format("the scheduler's \"{}\" is missing", key), "start the training anew");
  return *found;
}

}  // namespace

Scheduler::Scheduler(SchedulerOptions options, double learning_rate)
    : options_(std::move(options)),
      base_(learning_rate),
      rate_(learning_rate),
      best_(std::numeric_limits<double>::infinity()) {
  const std::string& name = options_.name;
  if (name != "none" && name != "multistep" && name != "cosine" && name != "plateau")
    throw Error("--scheduler", fmt::format("unknown scheduler \"{}\"", name),
                "choose none, multistep, cosine or plateau");
  if (name == "multistep" && options_.steps.empty())
    throw Error("--scheduler", "multistep has no steps", "give the epochs with --steps");
  if ((name == "multistep" || name == "plateau") && !(options_.factor > 0 && options_.factor < 1))
    throw Error("--factor", fmt::format("{} does not lower the learning rate", options_.factor),
                "give a number between 0 and 1");
}

double Scheduler::step(double val_loss) {
  ++epoch_;
  if (options_.name == "multistep") {
    const auto times = std::count(options_.steps.begin(), options_.steps.end(), epoch_);
    rate_ *= std::pow(options_.factor, static_cast<double>(times));
  } else if (options_.name == "cosine") {
    rate_ = cosine_rate();
  } else if (options_.name == "plateau" && !std::isnan(val_loss)) {
    watch(val_loss);
  }
  return rate_;
}

double Scheduler::cosine_rate() const {
  const double length = static_cast<double>(std::max<std::int64_t>(options_.max_epochs, 1));
  return base_ * (1 + std::cos(std::numbers::pi * static_cast<double>(epoch_) / length)) / 2;
}

void Scheduler::start_at(std::int64_t epoch) {
  epoch_ = epoch;
  rate_ = base_;
  if (options_.name == "cosine") rate_ = cosine_rate();
  if (options_.name == "multistep") {
    const auto times = std::ranges::count_if(options_.steps, [&](std::int64_t s) { return s >= 1 && s <= epoch; });
    rate_ = base_ * std::pow(options_.factor, static_cast<double>(times));
  }
  forget_losses();
}

void Scheduler::forget_losses() {
  best_ = std::numeric_limits<double>::infinity();
  bad_epochs_ = 0;
}

void Scheduler::watch(double val_loss) {
  if (val_loss < best_ * (1 - kThreshold)) {
    best_ = val_loss;
    bad_epochs_ = 0;
  } else if (++bad_epochs_ > options_.lr_patience) {
    bad_epochs_ = 0;
    const double lower = rate_ * options_.factor;
    if (rate_ - lower > kSmallest) rate_ = lower;
  }
}

Value Scheduler::state() const {
  return Value::Dict{{"name", options_.name},  {"epoch", epoch_},           {"base", base_},
                     {"learning_rate", rate_}, {"bad_epochs", bad_epochs_}, {"best", best_}};
}

void Scheduler::load_state(const Value& state, const std::string& source) {
  const std::string& saved = entry(state, "name", source).as_string("name");
  if (saved != options_.name)
    throw Error(source, fmt::format("it was trained with --scheduler {}, not {}", saved, options_.name),
                "give the same --scheduler");
  const std::int64_t epoch = entry(state, "epoch", source).as_int("epoch");
  const double rate = entry(state, "learning_rate", source).as_double("learning_rate");
  const std::int64_t bad_epochs = entry(state, "bad_epochs", source).as_int("bad_epochs");
  best_ = entry(state, "best", source).as_double("best");
  epoch_ = epoch;
  rate_ = rate;
  const Value* const base = state.find("base");  // older checkpoints lack it
  const double began = base == nullptr ? base_ : base->as_double("base");
  if (began != base_ && began > 0) rate_ *= base_ / began;
  bad_epochs_ = bad_epochs;
}

}  // namespace nnunet
