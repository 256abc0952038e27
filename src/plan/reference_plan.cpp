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

// Refuses what nobody does yet.
class PlanCheck {
 public:
  explicit PlanCheck(std::string name) : name_(std::move(name)) {}

  void require(bool holds, const std::string& field, const std::string& problem) const {
    if (!holds)
      throw Error(name_, fmt::format("\"{}\" {}", field, problem),
                  "use another model, or a newer version of this program");
  }
  void rule(const ResamplingRule& rule, const std::string& field) const {
    if (rule.method != Resampler::spline) return;
    require(rule.order != 2, field + ".order", "is 2; splines of order 0, 1 and 3 are known");
    require(rule.order_across != 2, field + ".order_across", "is 2; splines of order 0, 1 and 3 are known");
  }

 private:
  std::string name_;
};

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
  const PlanCheck check(name);
  check.rule(plan.image, "preprocess.image");
  check.rule(plan.label, "preprocess.label");
  const bool image_stays = plan.image.method == Resampler::none, label_stays = plan.label.method == Resampler::none;
  check.require(image_stays == label_stays, "preprocess.label.method", "resamples other cases than \"image.method\"");
  check.require(plan.label.method != Resampler::torch || plan.label_vote != LabelVote::last_half,
                "preprocess.label_vote", "is \"last_half\", which the method torch does not know");
  const bool has_mask =
      plan.crop == CropRule::nonzero_filled && plan.normalization == NormalizationPlace::before_resampling;
  for (std::size_t c = 0; c < plan.channels.size(); ++c)
    check.require(has_mask || !plan.channels[c].use_mask, fmt::format("preprocess.channels[{}].use_mask", c),
                  "needs the crop \"nonzero_filled\" and normalisation before resampling");
}

void check_supported(const ModelPlan& plan, const std::string& name) {
  check_supported(plan.preprocess, name);
  const PlanCheck check(name);
  const ResamplingRule& logits = plan.preprocess.logits;
  const bool linear = logits.order <= 1 && logits.order_across <= 1;
  check.require(logits.method != Resampler::spline || linear, "preprocess.logits.order",
                "is above 1; logits are resampled linearly");
  check.require((logits.method == Resampler::none) == (plan.preprocess.image.method == Resampler::none),
                "preprocess.logits.method", "resamples other cases than \"image.method\"");
  check.require(plan.window.sums == SumType::fp32 || plan.window.mirrored_unit == MirroredUnit::window,
                "window.mirrored_unit", "is \"volume\", for which there are no sums in float16");
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
