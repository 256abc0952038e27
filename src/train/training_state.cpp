#include "nnunet/train/training_state.h"

#include <fmt/format.h>

#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

Value to_value(const EpochProgress& p) {
  return Value::Dict{{"step", Value(p.step)},
                     {"counted", Value(p.counted)},
                     {"loss_sum", Value(p.loss_sum)},
                     {"seconds", Value(p.seconds)},
                     {"data_seconds", Value(p.data_seconds)}};
}

EpochProgress progress_from(const Value& value, const std::string& source) {
  const auto number = [&](const char* key) -> const Value& {
    const Value* const found = value.find(key);
    if (found == nullptr) throw Error(source, fmt::format("the state of its epoch lacks '{}'", key));
    return *found;
  };
  return {number("step").as_int(source), number("counted").as_int(source), number("loss_sum").as_double(source),
          number("seconds").as_double(source), number("data_seconds").as_double(source)};
}

void load_schedule(TrainingState& state, const Value& saved, const std::string& source, bool best_anew) {
  const Value* const name = saved.find("name");
  if (name != nullptr && name->as_string(source) == state.scheduler->name())
    state.scheduler->load_state(saved, source);
  else
    state.scheduler->start_at(state.epoch);
  if (best_anew) state.scheduler->forget_losses();
  state.optimizer->set_learning_rate(state.scheduler->learning_rate());
}

}  // namespace

Value::Dict TrainingState::values() const {
  return {{"epochs_done", Value(epoch)},
          {"global_step", Value(steps)},
          {"epoch_state", to_value(progress)},
          {"optimizer_name", Value(optimizer->name())},
          {"optimizer", optimizer->state()},
          {"scheduler", scheduler->state()},
          {"scaler", scaler.state()},
          {"history", history.state()},
          {"best_from", Value(history.best_from())}};
}

bool TrainingState::load(const Value& values, const std::string& source, const ResumeRules& rules) {
  const auto part = [&](std::string_view key) -> const Value& {
    const Value* const found = values.find(key);
    if (found == nullptr)
      throw Error(source, fmt::format("the checkpoint lacks '{}' of its training", key), "resume from another one");
    return *found;
  };
  epoch = part("epochs_done").as_int(source);
  (void)part("global_step");
  const bool same_optimizer = part("optimizer_name").as_string(source) == optimizer->name();
  if (same_optimizer) optimizer->load_state(part("optimizer"), source);
  load_schedule(*this, part("scheduler"), source, rules.best_anew);
  scaler.load_state(part("scaler"), source);
  const Value* const best_from = values.find("best_from");  // older checkpoints lack it, and the epoch's progress
  history.load_state(part("history"), source, best_from == nullptr ? 0 : best_from->as_int(source));
  if (rules.best_anew) history.start_best_anew();
  load_progress(values, source);
  if (rules.epoch_anew) progress = {};
  return same_optimizer;
}

void TrainingState::load_progress(const Value& values, const std::string& source) {
  const Value* const all = values.find("global_step");
  const Value* const running = values.find("epoch_state");
  steps = all == nullptr ? 0 : all->as_int(source);
  progress = running == nullptr ? EpochProgress() : progress_from(*running, source);
}

}  // namespace nnunet
