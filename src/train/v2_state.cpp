#include "v2_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/torch_bridge/tensors.h"

namespace nnunet {
namespace {

using Options = std::vector<std::pair<std::string, PythonValue>>;

/// The options of torch 2's SGD, with what its schedulers add.
Options sgd_options(const v2::TrainerRecipe& r, double rate) {
  return {{"lr", rate},       {"momentum", r.momentum},
          {"dampening", 0},   {"weight_decay", r.weight_decay},
          {"nesterov", true}, {"maximize", false},
          {"foreach", {}},    {"differentiable", false},
          {"fused", {}},      {"initial_lr", r.learning_rate}};
}

Options adam_options(const v2::TrainerRecipe& r, double rate) {
  const bool decoupled = r.optimizer == v2::OptimizerKind::adamw;
  return {{"lr", rate},
          {"betas", PythonValue::Tuple{{0.9, 0.999}}},
          {"eps", 1e-8},
          {"weight_decay", r.weight_decay},
          {"amsgrad", decoupled},
          {"maximize", false},
          {"foreach", {}},
          {"capturable", false},
          {"differentiable", false},
          {"fused", {}},
          {"decoupled_weight_decay", decoupled},
          {"initial_lr", r.learning_rate}};
}

/// Not finite losses cannot be in a history that was trained here, but in one that is read.
float as_float(double value) {
  return static_cast<float>(value);
}

Value progress_value(const TrainingState& state) {
  Value::Dict own;
  for (auto& [key, value] : state.values())
    if (key == "global_step" || key == "epoch_state") own.emplace_back(key, std::move(value));
  return own;
}

}  // namespace

V2Logging v2_logging(const History& history) {
  V2Logging log;
  for (const EpochRecord& r : history.epochs()) {
    if (!r.pseudo) continue;
    log.mean_fg_dice.push_back(r.pseudo->mean);
    log.ema_fg_dice.push_back(r.pseudo->average);
    log.dice_per_class_or_region.push_back(r.pseudo->of_class);
    log.train_losses.push_back(as_float(r.train_loss));
    log.val_losses.push_back(as_float(r.val_loss.value_or(0)));
    log.lrs.push_back(r.learning_rate);
    log.epoch_start_timestamps.push_back(r.ended - r.seconds);
    log.epoch_end_timestamps.push_back(r.ended);
  }
  return log;
}

History history_from(const V2Logging& record, std::int64_t epochs, const std::string& source) {
  if (static_cast<std::int64_t>(record.epochs()) < epochs)
    throw Error(source, fmt::format("its record holds {} epochs, {} are done", record.epochs(), epochs),
                "use another checkpoint");
  History history;
  for (std::size_t i = 0; i < static_cast<std::size_t>(epochs); ++i) {
    EpochRecord r;
    r.epoch = static_cast<std::int64_t>(i);
    r.train_loss = record.train_losses[i];
    r.val_loss = record.val_losses[i];
    r.learning_rate = record.lrs[i];
    r.ended = record.epoch_end_timestamps[i];
    r.seconds = r.ended - record.epoch_start_timestamps[i];
    r.pseudo = PseudoDice{record.dice_per_class_or_region[i], record.mean_fg_dice[i], 0};
    history.add(std::move(r));
  }
  return history;
}

V2OptimizerState v2_optimizer_state(const Optimizer& optimizer, const v2::TrainerRecipe& recipe,
                                    std::size_t parameters) {
  V2OptimizerState state;
  const double rate = optimizer.learning_rate();
  state.options = recipe.optimizer == v2::OptimizerKind::sgd ? sgd_options(recipe, rate) : adam_options(recipe, rate);
  state.parameters = static_cast<std::int64_t>(parameters);
  for (const ParameterState& p : optimizer.parameter_states()) {
    auto& saved = state.state.emplace_back();
    saved.first = static_cast<std::int64_t>(p.index);
    for (const auto& [name, tensor] : p.tensors) saved.second.emplace_back(name, from_torch(tensor));
  }
  return state;
}

void load_optimizer_state(const V2OptimizerState& saved, Optimizer& optimizer, std::size_t parameters,
                          const std::string& source) {
  if (saved.parameters != static_cast<std::int64_t>(parameters))
    throw Error(source,
                fmt::format("its optimizer moves {} parameters, the network has {}", saved.parameters, parameters),
                "use the checkpoint that belongs to these plans");
  std::vector<ParameterState> states;
  for (const auto& [index, tensors] : saved.state) {
    ParameterState& p = states.emplace_back();
    p.index = static_cast<std::size_t>(index);
    for (const auto& [name, tensor] : tensors) p.tensors.emplace_back(name, to_torch(tensor));
  }
  optimizer.load_parameter_states(states, source);
}

V2Checkpoint v2_checkpoint_of(const TrainingState& state, const v2::TrainerRecipe& recipe) {
  V2Checkpoint c;
  c.weights = state_dict(*state.network);
  c.optimizer = v2_optimizer_state(*state.optimizer, recipe, state.network->parameters().size());
  c.logging = v2_logging(state.history);
  if (const auto best = state.history.best()) c.best_ema = state.history.epochs()[*best].pseudo->average;
  c.epochs_done = state.epoch;
  const Value scaler = state.scaler.state();
  if (state.network->parameters().front().is_cuda())
    c.scaler = V2GradScaler{scaler.find("scale")->as_double("scale"), scaler.find("good_steps")->as_int("good_steps")};
  c.own = progress_value(state);
  return c;
}

void load_v2_state(const V2Checkpoint& c, TrainingState& state, const std::string& source) {
  load_state_dict(*state.network, c.weights, source);
  load_optimizer_state(c.optimizer, *state.optimizer, state.network->parameters().size(), source);
  if (c.scaler)
    state.scaler.load_state(Value::Dict{{"scale", c.scaler->scale}, {"good_steps", c.scaler->growth_tracker}}, source);
  state.history = history_from(c.logging, c.epochs_done, source);
  state.epoch = c.epochs_done;
  state.scheduler->start_at(c.epochs_done);
  state.optimizer->set_learning_rate(state.scheduler->learning_rate());
  state.load_progress(c.own, source);
}

}  // namespace nnunet
