#include "foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "nnunet/core/error.h"

namespace nnunet {

namespace {

constexpr std::string_view kWrapper = "module.";  // torch.nn.DataParallel and its kin put it before each name
constexpr std::string_view kModel = "model.";     // the reference system's Lightning module keeps the network there

std::string_view without(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

/// The tensors of the network under their own names. Where any name begins with "model.", others ("dice.*") belong to
/// something else.
StateDict network_tensors(const Value::Dict& entries, const std::filesystem::path& path) {
  const auto of_model = [](std::string_view name) { return without(name, kWrapper).starts_with(kModel); };
  const bool lightning = std::ranges::any_of(entries, [&](const auto& entry) { return of_model(entry.first); });
  StateDict state;
  for (const auto& [name, value] : entries) {
    const auto* tensor = std::get_if<HostTensor>(&value.data);
    if (tensor == nullptr || (lightning && !of_model(name))) continue;
    state.emplace_back(without(without(without(name, kWrapper), kModel), kWrapper), *tensor);
  }
  if (state.empty())
    throw Error(path.string(), "there are no weights in it", "give a checkpoint of a network (.ckpt, .pt, .pth)");
  return state;
}

/// A state_dict under its usual key, or the file's root itself where it is one.
const Value::Dict& find_weights(const Value& root, const std::filesystem::path& path) {
  const Value* nested = root.find("state_dict");
  const auto* dict = std::get_if<Value::Dict>(nested != nullptr ? &nested->data : &root.data);
  const bool any_tensor = dict != nullptr && std::ranges::any_of(*dict, [](const auto& entry) {
                            return std::holds_alternative<HostTensor>(entry.second.data);
                          });
  if (!any_tensor)
    throw Error(path.string(), "this is not a checkpoint of a network (no state_dict with tensors)",
                "give a checkpoint of this program, of the reference system, or a state_dict");
  return *dict;
}

/// A hyper-parameter, wherever Lightning put it: hyper_parameters itself or a Namespace in it ("args").
const Value* hyper_parameter(const Value& root, std::string_view key) {
  const Value* all = root.find("hyper_parameters");
  if (all == nullptr) return nullptr;
  if (const Value* found = all->find(key)) return found;
  if (const auto* dict = std::get_if<Value::Dict>(&all->data))
    for (const auto& entry : *dict)
      if (const Value* found = entry.second.find(key)) return found;
  return nullptr;
}

const HostTensor* find_tensor(const StateDict& state, std::string_view name) {
  const auto found = std::ranges::find_if(state, [&](const auto& entry) { return entry.first == name; });
  return found == state.end() ? nullptr : &found->second;
}

bool any_name_ends(const StateDict& state, std::string_view ending) {
  return std::ranges::any_of(state, [&](const auto& entry) { return std::string_view(entry.first).ends_with(ending); });
}

/// Hyper-parameters win over flags, and what the names of the weights prove wins over both.
NetworkOptions network_options(const Value& root, const StateDict& state, NetworkOptions options) {
  if (const Value* norm = hyper_parameter(root, "norm");
      norm != nullptr && std::holds_alternative<std::string>(norm->data))
    options.norm = norm_from_name(norm->as_string("norm"));
  if (const Value* slope = hyper_parameter(root, "negative_slope"); slope != nullptr && !slope->is_none())
    options.negative_slope = slope->as_double("negative_slope");
  if (any_name_ends(state, ".running_mean")) options.norm = Norm::batch;
  options.residual = any_name_ends(state, "norm_res.weight");
  return options;
}

/// Filters of each level, from the first convolution of each block of the encoder.
std::vector<std::int64_t> filters_of(const StateDict& state) {
  std::vector<std::int64_t> filters;
  const auto add = [&](const std::string& block) {
    const auto* weight = find_tensor(state, block + ".conv1.conv.weight");
    if (weight != nullptr && weight->dim() > 0) filters.push_back(weight->sizes[0]);
    return weight != nullptr;
  };
  add("input_block");
  for (int level = 0; add(fmt::format("downsamples.{}", level));) ++level;
  add("bottleneck");
  return filters;
}

/// The plan that patch and spacing ask for, with as many levels and filters as the weights have.
NetworkPlan plan_for(const DataConfig& data, NetworkOptions options, const StateDict& state,
                     const std::filesystem::path& path) {
  const auto* first = find_tensor(state, "input_block.conv1.conv.weight");
  if (first == nullptr)
    throw Error(path.string(),
                fmt::format("its weights are named otherwise than a U-Net of the reference system's (first: {})",
                            state.front().first),
                "give a checkpoint of this program or of the reference system");
  if (first->dim() != data.dim() + 2)
    throw Error(path.string(),
                fmt::format("it holds a {}D network, but the data are prepared for {}D", first->dim() - 2, data.dim()),
                "choose a checkpoint and data that fit together");
  const auto filters = filters_of(state);
  const auto plan_with = [&](NetworkOptions with) {
    return make_network_plan(data.patch_size, data.spacings, data.in_channels, data.n_class, with);
  };
  options.filters.clear();
  options.depth = static_cast<int>(filters.size()) - 1;
  // Trained with a smaller --min_fmap, a network has more levels than the default allows.
  while (plan_with(options).strides.size() < filters.size() && options.min_fmap > 1) options.min_fmap /= 2;
  if (const auto levels = plan_with(options).strides.size(); levels != filters.size())
    throw Error(
        path.string(),
        fmt::format("its network has {} levels, patch and spacing of the data allow {}", filters.size(), levels),
        "choose a checkpoint and data that fit together");
  options.filters = filters;
  return plan_with(options);
}

}  // namespace

Checkpoint read_foreign(const Value& root, const std::filesystem::path& path, const ForeignDefaults& defaults) {
  Checkpoint checkpoint;
  checkpoint.state_dict = network_tensors(find_weights(root, path), path);
  if (defaults.data == nullptr)
    throw Error(path.string(), "this checkpoint of another program does not say how the data were prepared",
                "give as data the preprocessed folder whose config.json does");
  checkpoint.data = *defaults.data;
  checkpoint.data.cases.clear();
  checkpoint.plan = plan_for(checkpoint.data, network_options(root, checkpoint.state_dict, defaults.network),
                             checkpoint.state_dict, path);
  return checkpoint;
}

}  // namespace nnunet
