#include "nnunet/plan/reference_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nnunet/core/error.h"
#include "nnunet/io/json_reading.h"

namespace nnunet {

using nlohmann::json;

namespace {

constexpr const char* kPlanKey = "plan";

PreprocessPlan reference_preprocessing(std::vector<double> spacing, std::vector<ChannelNormalization> channels) {
  PreprocessPlan plan;
  plan.channels = std::move(channels);
  plan.spacing = std::move(spacing);
  if (plan.spacing.size() == 2) plan.image.method = plan.label.method = plan.logits.method = Resampler::none;
  return plan;
}

SlidingWindowPlan reference_windows(std::vector<std::int64_t> patch) {
  SlidingWindowPlan plan;
  plan.patch = std::move(patch);
  plan.mirror_axes.resize(plan.patch.size());
  std::iota(plan.mirror_axes.begin(), plan.mirror_axes.end(), 0);
  return plan;
}

/// names: empty, or one a class.
LabelSpec reference_labels(std::size_t classes, const std::vector<std::string>& names) {
  LabelSpec spec;
  for (std::size_t i = 0; i < classes; ++i)
    spec.entries.push_back({i < names.size() ? names[i] : "", {static_cast<int>(i)}});
  return spec;
}

/// What the plan would be if everything that only nnU-Net v2 does were as the reference system does it.
PreprocessPlan supported_plan(const PreprocessPlan& plan) {
  std::vector<ChannelNormalization> channels;
  for (const ChannelNormalization& channel : plan.channels) {
    const bool is_ct = channel.scheme == NormalizationScheme::ct;
    channels.push_back({is_ct ? NormalizationScheme::ct : NormalizationScheme::z_score, channel.statistics});
  }
  return reference_preprocessing(plan.spacing, std::move(channels));
}

/// Logits come back by nearest neighbour or linearly.
ResamplingRule supported_logits(ResamplingRule rule) {
  if (rule.method == Resampler::spline) {
    rule.order = std::min(rule.order, 1);
    rule.order_across = std::min(rule.order_across, 1);
  }
  return rule;
}

/// Sums in float16 are known for mirror images of each window alone.
SlidingWindowPlan supported_windows(SlidingWindowPlan plan) {
  if (plan.sums == SumType::fp16) plan.mirrored_unit = MirroredUnit::window;
  return plan;
}

ModelPlan supported_plan(const ModelPlan& plan) {
  ModelPlan supported;
  supported.preprocess = supported_plan(plan.preprocess);
  supported.preprocess.logits = supported_logits(plan.preprocess.logits);
  supported.network = plan.network;
  supported.window = supported_windows(plan.window);
  supported.labels = plan.labels;
  return supported;
}

void refuse_difference(const ModelPlan& plan, const ModelPlan& supported, const std::string& name) {
  if (const std::string field = first_difference(plan, supported); !field.empty())
    throw Error(name, fmt::format("{}, which is all that this program can do", field),
                "use a model of the reference system, or a newer version of this program");
}

}  // namespace

ChannelNormalization reference_normalization(const DataConfig& config) {
  const bool is_ct = config.ct || config.modality == "CT";
  return {is_ct ? NormalizationScheme::ct : NormalizationScheme::z_score, config.ct};
}

ModelPlan reference_plan(const DataConfig& config, std::optional<NetworkPlan> network) {
  const auto axes = config.patch_size.size();
  if (config.spacings.size() < axes)
    throw Error("spacings", fmt::format("{} values for a patch of {} axes", config.spacings.size(), axes),
                "give one value an axis, in mm");
  std::vector<double> spacing(config.spacings.end() - config.dim(), config.spacings.end());
  const std::vector channels(static_cast<std::size_t>(config.in_channels), reference_normalization(config));
  ModelPlan plan;
  plan.preprocess = reference_preprocessing(std::move(spacing), channels);
  plan.network = std::move(network);
  plan.window = reference_windows(config.patch_size);
  plan.labels = reference_labels(static_cast<std::size_t>(config.n_class), config.labels);
  return plan;
}

DataConfig task_config(const TaskDefaults& task, int dim) {
  DataConfig config;
  if (dim == 3)
    config.patch_size.assign(task.patch_3d.begin(), task.patch_3d.end());
  else
    config.patch_size.assign(task.patch_2d.begin(), task.patch_2d.end());
  config.spacings.assign(task.spacing.end() - dim, task.spacing.end());
  config.n_class = task.classes;
  config.in_channels = task.channels;
  config.modality = task.ct ? "CT" : "MRI";
  config.ct = task.ct;
  config.task = task.number;
  return config;
}

void check_supported(const PreprocessPlan& plan, const std::string& name) {
  check_preprocess_plan(plan, name);
  ModelPlan alone, supported;
  alone.preprocess = plan;
  supported.preprocess = supported_plan(plan);
  refuse_difference(alone, supported, name);
}

void check_supported(const ModelPlan& plan, const std::string& name) {
  refuse_difference(plan, supported_plan(plan), name);
}

PlannedConfig read_planned_config(const std::filesystem::path& path) {
  const std::string name = path.string();
  const json object = read_json(path);
  PlannedConfig planned;
  planned.config = config_from_json(object, name);
  planned.plan = reference_plan(planned.config);
  const auto recorded = object.find(kPlanKey);
  if (recorded == object.end() || recorded->is_null()) return planned;
  const ModelPlan plan = model_plan_from_json(*recorded, name, kPlanKey);
  check_supported(plan, name);
  if (const std::string field = first_difference(plan, planned.plan); !field.empty())
    throw Error(name, fmt::format("its plan contradicts its other entries: {}", field),
                "correct one of them, remove \"plan\", or preprocess the data again");
  return planned;
}

std::string planned_config_text(const DataConfig& config) {
  json object = config_to_json(config);
  object[kPlanKey] = model_plan_to_json(reference_plan(config));
  return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace nnunet
