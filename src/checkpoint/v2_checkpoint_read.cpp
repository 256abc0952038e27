#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "nnunet/checkpoint/json_value.h"
#include "nnunet/checkpoint/v2_checkpoint.h"
#include "nnunet/core/error.h"
#include "nnunet/io/regular_file.h"
#include "torch_source.h"
#include "v2_keys.h"
#include "v2_root.h"
#include "v2_weights.h"

namespace nnunet {
namespace {

template <class T>
std::vector<T> numbers(const Value& list, const std::string& what) {
  std::vector<T> found;
  for (const Value& item : list.as_list(what)) found.push_back(static_cast<T>(item.as_double(what)));
  return found;
}

V2Logging logging_from(const Value& log, const std::string& source) {
  const auto part = [&](const char* key) -> const Value& { return v2_required(log, key, source); };
  const auto floats = [&](const char* key) { return numbers<float>(part(key), source + ": " + key); };
  const auto doubles = [&](const char* key) { return numbers<double>(part(key), source + ": " + key); };
  V2Logging found;
  found.mean_fg_dice = floats(v2_keys::kMeanDice);
  found.ema_fg_dice = floats(v2_keys::kAverageDice);
  for (const Value& epoch : part(v2_keys::kClassDice).as_list(source + ": " + v2_keys::kClassDice))
    found.dice_per_class_or_region.push_back(numbers<float>(epoch, source + ": " + v2_keys::kClassDice));
  found.train_losses = floats(v2_keys::kTrainLosses);
  found.val_losses = floats(v2_keys::kValidationLosses);
  found.lrs = doubles(v2_keys::kRates);
  found.epoch_start_timestamps = doubles(v2_keys::kStarts);
  found.epoch_end_timestamps = doubles(v2_keys::kEnds);
  return found;
}

PythonValue plain(const Value& value) {
  if (const auto* list = std::get_if<Value::List>(&value.data)) {  // betas: Value knows no tuples
    PythonValue::Tuple tuple;
    for (const Value& item : *list) tuple.items.push_back(plain(item));
    return tuple;
  }
  return python_from_value(value);
}

std::int64_t parameter_index(const std::string& text, const std::string& source) {
  std::int64_t index = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (code != std::errc() || end != text.data() + text.size() || index < 0)
    throw Error(source, fmt::format("its optimizer has a state for the parameter \"{}\"", text),
                "use another checkpoint");
  return index;
}

V2OptimizerState optimizer_from(const Value& saved, const std::string& source) {
  const std::string what = source + " (optimizer_state)";
  V2OptimizerState found;
  const Value::List& groups = v2_required(saved, "param_groups", source).as_list(what);
  if (groups.size() != 1)
    throw Error(source, fmt::format("its optimizer has {} groups of parameters, not one", groups.size()),
                "use another checkpoint, or take its weights alone: -pretrained_weights");
  for (const auto& [name, value] : groups.front().as_dict(what)) {
    if (name == "params")
      found.parameters = static_cast<std::int64_t>(value.as_list(what).size());
    else
      found.options.emplace_back(name, plain(value));
  }
  for (const auto& [index, tensors] : v2_required(saved, "state", source).as_dict(what)) {
    auto& of_parameter = found.state.emplace_back();
    of_parameter.first = parameter_index(index, source);
    for (const auto& [name, value] : tensors.as_dict(what))
      if (const auto* tensor = std::get_if<HostTensor>(&value.data)) of_parameter.second.emplace_back(name, *tensor);
  }
  return found;
}

std::optional<V2GradScaler> scaler_from(const Value& saved, const std::string& source) {
  const Value* const scale = saved.find("scale");  // a disabled one saves an empty dict
  if (scale == nullptr) return std::nullopt;
  const std::string what = source + " (grad_scaler_state)";
  return V2GradScaler{scale->as_double(what), v2_required(saved, "_growth_tracker", source).as_int(what)};
}

void take_arguments(const Value& arguments, const std::string& source, V2Checkpoint& c) {
  c.plans = value_to_ordered_json(v2_required(arguments, v2_keys::kPlans, source));
  c.dataset = value_to_ordered_json(v2_required(arguments, v2_keys::kDataset, source));
  c.configuration = v2_required(arguments, v2_keys::kConfiguration, source).as_string(source + " (configuration)");
  c.fold = v2_fold_name(arguments, source);
  const Value* const device = arguments.find(v2_keys::kDevice);
  if (device != nullptr && !device->is_none()) c.device = device->as_string(source + " (device)");
}

void check_epochs(const V2Checkpoint& c, const std::string& source) {
  const auto done = static_cast<std::size_t>(std::max<std::int64_t>(0, c.epochs_done));
  if (c.logging.epochs() < done)
    throw Error(source,
                fmt::format("its lists of losses and Dice hold {} epochs, {} are done", c.logging.epochs(), done),
                "use another checkpoint");
}

}  // namespace

std::size_t V2Logging::epochs() const {
  const std::array sizes{mean_fg_dice.size(),           ema_fg_dice.size(),         dice_per_class_or_region.size(),
                         train_losses.size(),           val_losses.size(),          lrs.size(),
                         epoch_start_timestamps.size(), epoch_end_timestamps.size()};
  return *std::ranges::min_element(sizes);
}

std::optional<double> V2OptimizerState::number(const std::string& name) const {
  const auto found = std::ranges::find(options, name, &std::pair<std::string, PythonValue>::first);
  if (found == options.end()) return std::nullopt;
  return found->second.as_double(name);
}

V2Checkpoint load_v2_checkpoint(const std::filesystem::path& path, const NetworkPlan& plan) {
  const std::string source = path.string();
  const Value root = load_torch_file(path);
  V2Checkpoint c;
  c.trainer = v2_trainer(root, source);
  c.weights = v2_state(v2_required(root, v2_keys::kWeights, source), plan, source, c.trainer);
  take_arguments(v2_required(root, v2_keys::kArguments, source), source, c);
  c.optimizer = optimizer_from(v2_required(root, v2_keys::kOptimizer, source), source);
  if (const Value* const scaler = root.find(v2_keys::kScaler)) c.scaler = scaler_from(*scaler, source);
  c.logging = logging_from(v2_required(root, v2_keys::kLogging, source), source);
  if (const Value* const best = root.find(v2_keys::kBest); best != nullptr && !best->is_none())
    c.best_ema = static_cast<float>(best->as_double(source + " (_best_ema)"));
  c.epochs_done = v2_required(root, v2_keys::kEpoch, source).as_int(source + " (current_epoch)");
  c.mirror_axes = v2_mirror_axes(root, source);
  if (const Value* const own = root.find(v2_keys::kOwn)) c.own = *own;
  check_epochs(c, source);
  return c;
}

StateDict load_v2_pretrained_weights(const std::filesystem::path& path, const NetworkPlan& plan) {
  const std::string source = path.string();
  require_regular_file(path);
  const Value root = load_torch_file(
      open_bytes(path), [](std::string_view key) { return key == v2_keys::kWeights || key == v2_keys::kTrainer; });
  return v2_state(v2_required(root, v2_keys::kWeights, source), plan, source, v2_trainer(root, source),
                  V2Part::without_heads);
}

}  // namespace nnunet
