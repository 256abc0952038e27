#include "nnunet/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "foreign.h"
#include "nnunet/checkpoint/json_value.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "nnunet/core/version.h"
#include "nnunet/plan/reference_plan.h"
#include "torch_source.h"

namespace nnunet {

namespace {

constexpr const char* kFormat = "nnunet";
/// Since version 2 a checkpoint says as a ModelPlan, too, what turns an image into a label map.
constexpr std::int64_t kVersion = 2, kFirstVersion = 1;
/// In which the ModelPlan is one that `data` has no words for.
constexpr std::int64_t kOwnModelVersion = 3;

bool is_ours(const Value& root) {
  const Value* format = root.find("format");
  return format != nullptr && std::holds_alternative<std::string>(format->data) &&
         format->as_string("format") == kFormat;
}

const Value& required(const Value& root, const char* key, const std::filesystem::path& path) {
  const Value* value = root.find(key);
  if (value == nullptr)
    throw Error(path.string(), fmt::format("the checkpoint lacks its part \"{}\"", key), "use another checkpoint");
  return *value;
}

/// The plan is built from before its weights are compared: a few lines must not ask for more memory than the file
/// holds.
void require_weights_for(const NetworkPlan& plan, const StateDict& state, const std::filesystem::path& path) {
  double there = 0, needed = plan.n_class * static_cast<double>(plan.filters[0]);  // and a convolution of each level
  for (const auto& [name, tensor] : state) there += static_cast<double>(tensor.numel());
  for (std::size_t level = 0; level < plan.filters.size(); ++level) {
    const auto in = static_cast<double>(level == 0 ? plan.in_channels : plan.filters[level - 1]);
    needed += in * static_cast<double>(plan.filters[level]) *
              std::accumulate(plan.kernels[level].begin(), plan.kernels[level].end(), 1.0, std::multiplies<>());
  }
  if (needed > there)
    throw Error(path.string(), "its weights are too few for the network that it describes", "use another checkpoint");
}

/// The plan must be one that this program can follow, and agree with what the rest says.
void check_model(const nlohmann::json& json, const Checkpoint& checkpoint, const std::filesystem::path& path) {
  const ModelPlan model = model_plan_from_json(json, path.string(), "model");
  check_supported(model, path.string());
  if (const auto field = first_difference(model, model_plan(checkpoint)); !field.empty())
    throw Error(path.string(),
                fmt::format("its \"model\" and its \"data\" and \"plan\" contradict each other in {}", field),
                "use another checkpoint");
}

/// The model counts, and must have the network whose weights these are.
void take_model(const nlohmann::json& json, Checkpoint& checkpoint, const std::filesystem::path& path) {
  ModelPlan model = model_plan_from_json(json, path.string(), "model");
  check_supported(model, path.string());
  if (model.network != checkpoint.plan)
    throw Error(path.string(), "its \"model\" and its \"plan\" describe different networks", "use another checkpoint");
  checkpoint.data = summary_of(model);
  checkpoint.model = std::move(model);
}

Checkpoint read_ours(const Value& root, const std::filesystem::path& path) {
  const auto what = [&](const char* key) { return fmt::format("{} ({})", path.string(), key); };
  const std::int64_t version = required(root, "version", path).as_int(what("version"));
  if (version < kFirstVersion || version > kOwnModelVersion)
    throw Error(path.string(),
                fmt::format("the checkpoint has version {}, this program reads versions {} to {}", version,
                            kFirstVersion, kOwnModelVersion),
                "use the program that wrote it, or a newer one");
  Checkpoint checkpoint;
  checkpoint.plan = plan_from_json(value_to_json(required(root, "plan", path)), what("plan"));
  if (version < kOwnModelVersion)
    checkpoint.data = config_from_json(value_to_json(required(root, "data", path)), what("data"));
  for (const auto& [name, value] : required(root, "state_dict", path).as_dict(what("state_dict")))
    checkpoint.state_dict.emplace_back(name, value.as_tensor(what(name.c_str())));
  require_weights_for(checkpoint.plan, checkpoint.state_dict, path);
  if (version >= 2) {
    const nlohmann::json model = value_to_json(required(root, "model", path));
    if (version >= kOwnModelVersion)
      take_model(model, checkpoint, path);
    else
      check_model(model, checkpoint, path);
  }
  if (const Value* training = root.find("training")) checkpoint.training = *training;
  return checkpoint;
}

/// By label, which the order of the entries need not be.
std::vector<std::string> label_names(const LabelSpec& labels) {
  std::vector<std::string> names(static_cast<std::size_t>(labels.heads()));
  for (const LabelEntry& entry : labels.entries)
    if (std::string& name = names.at(static_cast<std::size_t>(entry.values.front())); name.empty()) name = entry.name;
  return names;
}

/// Names that nnU-Net v2's models have; others are not opened twice.
bool may_be_v2(const std::filesystem::path& path) {
  return path.extension() == ".pth" || path.extension() == ".zip" || !std::filesystem::is_regular_file(path);
}

Checkpoint one_fold(const std::filesystem::path& path) {
  V2Model model = read_v2_model(path);
  if (model.folds.size() != 1)
    throw Error(path.string(), fmt::format("the model has {} folds, one network is needed here", model.folds.size()),
                fmt::format("give the folder of one fold, such as fold_{}", model.folds.front().name));
  check_supported(model.plan, path.string());
  return std::move(model.folds.front().checkpoint);
}

}  // namespace

ModelPlan model_plan(const Checkpoint& checkpoint) {
  return checkpoint.model ? *checkpoint.model : reference_plan(checkpoint.data, checkpoint.plan);
}

DataConfig summary_of(const ModelPlan& plan) {
  DataConfig data;
  data.patch_size = plan.window.patch;
  data.spacings = plan.preprocess.spacing;
  data.n_class = plan.labels.heads();
  data.in_channels = plan.input_channels();
  const auto is_ct = [](const ChannelNormalization& channel) { return channel.scheme == NormalizationScheme::ct; };
  data.modality = std::ranges::all_of(plan.preprocess.channels, is_ct) ? "CT" : "MRI";
  if (plan.labels.decision == LabelDecision::argmax) data.labels = label_names(plan.labels);
  return data;
}

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  DataConfig data = checkpoint.data;
  data.cases.clear();
  const std::int64_t version = checkpoint.model ? kOwnModelVersion : kVersion;
  Value::Dict state;
  for (const auto& [name, tensor] : checkpoint.state_dict) state.emplace_back(name, tensor);
  save_torch_file(path, Value::Dict{{"format", kFormat},
                                    {"version", version},
                                    {"program", program_version()},
                                    {"state_dict", std::move(state)},
                                    {"model", value_from_json(model_plan_to_json(model_plan(checkpoint)))},
                                    {"plan", value_from_json(plan_to_json(checkpoint.plan))},
                                    {"data", value_from_json(config_to_json(data))},
                                    {"training", checkpoint.training}});
}

Checkpoint load_checkpoint(const std::filesystem::path& path, const ForeignDefaults& defaults) {
  if (may_be_v2(path) && is_v2_model(path)) return one_fold(path);
  const Value root = load_torch_file(path);
  return is_ours(root) ? read_ours(root, path) : read_foreign(root, path, defaults);
}

Checkpoint load_checkpoint(std::span<const std::byte> file, const std::string& name, const ForeignDefaults& defaults) {
  const Value root = load_torch_file(bytes_in_memory(file, name));
  return is_ours(root) ? read_ours(root, name) : read_foreign(root, name, defaults);
}

}  // namespace nnunet
