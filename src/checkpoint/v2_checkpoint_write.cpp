#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>

#include "nnunet/checkpoint/json_value.h"
#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/checkpoint/weights.h"
#include "v2_keys.h"

namespace nnunet {
namespace {

using Dict = PythonValue::Dict;
using Entries = std::vector<std::pair<PythonValue, PythonValue>>;

/// torch's layers of a network, as they note the version of their state; norms are at their second one.
PythonValue layer_versions(const std::vector<V2StateName>& names) {
  Entries entries;
  std::set<std::string> seen;
  const auto add = [&](const std::string& layer) {
    if (!seen.insert(layer).second) return;
    const bool norm = layer.ends_with(".norm") || layer.ends_with(".all_modules.1");
    entries.emplace_back(layer, Dict{{{"version", norm ? 2 : 1}}});
  };
  add("");
  for (const V2StateName& name : names)
    for (std::size_t dot = name.name.find('.'); dot != std::string::npos; dot = name.name.find('.', dot + 1))
      add(name.name.substr(0, dot));
  return ordered_dict(std::move(entries));
}

PythonValue weights_value(const StateDict& weights, const NetworkPlan& plan) {
  std::unordered_map<std::string, HostTensor> tensors;
  for (const auto& [name, tensor] : weights) tensors.emplace(name, tensor.contiguous());
  const std::vector<V2StateName> names = v2_state_names(plan);
  Entries entries;
  entries.reserve(names.size());
  for (const V2StateName& name : names) entries.emplace_back(name.name, tensors.at(name.plain));
  PythonValue value = ordered_dict(std::move(entries));
  std::get<PythonValue::Call>(value.data).state.emplace_back(Dict{{{"_metadata", layer_versions(names)}}});
  return value;
}

PythonValue optimizer_value(const V2OptimizerState& optimizer) {
  Dict state, group;
  for (const auto& [index, tensors] : optimizer.state) {
    Dict of_parameter;
    for (const auto& [name, tensor] : tensors) of_parameter.entries.emplace_back(name, tensor);
    state.entries.emplace_back(index, std::move(of_parameter));
  }
  for (const auto& [name, value] : optimizer.options) group.entries.emplace_back(name, value);
  PythonValue::List indices;
  for (std::int64_t i = 0; i < optimizer.parameters; ++i) indices.items.emplace_back(i);
  group.entries.emplace_back("params", std::move(indices));
  return Dict{{{"state", std::move(state)}, {"param_groups", PythonValue::List{{PythonValue(std::move(group))}}}}};
}

PythonValue scaler_value(const std::optional<V2GradScaler>& scaler) {
  if (!scaler) return {};
  return Dict{{{"scale", scaler->scale},
               {"growth_factor", 2.0},
               {"backoff_factor", 0.5},
               {"growth_interval", 2000},
               {"_growth_tracker", scaler->growth_tracker}}};
}

PythonValue list_of(const std::vector<float>& numbers) {
  PythonValue::List list;
  for (const float number : numbers) list.items.push_back(numpy_float32(number));
  return list;
}

PythonValue list_of(const std::vector<double>& numbers) {
  PythonValue::List list;
  for (const double number : numbers) list.items.emplace_back(number);
  return list;
}

PythonValue logging_value(const V2Logging& log) {
  PythonValue::List by_class;
  for (const auto& epoch : log.dice_per_class_or_region) by_class.items.push_back(list_of(epoch));
  return Dict{{{v2_keys::kMeanDice, list_of(log.mean_fg_dice)},
               {v2_keys::kAverageDice, list_of(log.ema_fg_dice)},
               {v2_keys::kClassDice, std::move(by_class)},
               {v2_keys::kTrainLosses, list_of(log.train_losses)},
               {v2_keys::kValidationLosses, list_of(log.val_losses)},
               {v2_keys::kRates, list_of(log.lrs)},
               {v2_keys::kStarts, list_of(log.epoch_start_timestamps)},
               {v2_keys::kEnds, list_of(log.epoch_end_timestamps)}}};
}

/// A number where it is one.
PythonValue fold_value(const std::string& fold) {
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(fold.data(), fold.data() + fold.size(), number);
  return code == std::errc() && end == fold.data() + fold.size() ? PythonValue(number) : PythonValue(fold);
}

PythonValue arguments_value(const V2Checkpoint& c) {
  return Dict{{{v2_keys::kPlans, python_from_json(c.plans)},
               {v2_keys::kConfiguration, c.configuration},
               {v2_keys::kFold, fold_value(c.fold)},
               {v2_keys::kDataset, python_from_json(c.dataset)},
               {v2_keys::kDevice, PythonValue::Call{"torch.device", {c.device}}}}};
}

PythonValue mirror_value(const std::vector<int>& axes) {
  if (axes.empty()) return {};
  PythonValue::Tuple tuple;
  for (const int axis : axes) tuple.items.emplace_back(axis);
  return tuple;
}

}  // namespace

void save_v2_checkpoint(const std::filesystem::path& path, const NetworkPlan& plan, const V2Checkpoint& c) {
  check_state(plan, c.weights, path.string());
  Dict root{{{v2_keys::kWeights, weights_value(c.weights, plan)},
             {v2_keys::kOptimizer, optimizer_value(c.optimizer)},
             {v2_keys::kScaler, scaler_value(c.scaler)},
             {v2_keys::kLogging, logging_value(c.logging)},
             {v2_keys::kBest, c.best_ema ? numpy_float32(*c.best_ema) : PythonValue()},
             {v2_keys::kEpoch, c.epochs_done},
             {v2_keys::kArguments, arguments_value(c)},
             {v2_keys::kTrainer, c.trainer},
             {v2_keys::kMirrorAxes, mirror_value(c.mirror_axes)}}};
  if (!c.own.is_none()) root.entries.emplace_back(v2_keys::kOwn, python_from_value(c.own));
  save_torch_objects(path, root);
}

}  // namespace nnunet
