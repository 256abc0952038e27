#include "nnunet/plan/v2_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "v2_parts.h"

namespace nnunet {

using nlohmann::json;

namespace {

constexpr std::int64_t kMostSide = 1 << 20;

/// By number, not in the order of the file. A list in the file stands for its numbers.
std::vector<std::string> channel_names(const JsonFields& dataset) {
  const std::string key = dataset.has("modality") ? "modality" : "channel_names";
  const json& channels = dataset.at(key);
  if (!channels.is_object() && !channels.is_array()) dataset.fail(key, "is neither a JSON object nor a list");
  std::vector<std::string> names;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const json* name = nullptr;
    if (channels.is_array())
      name = &channels[c];
    else if (const auto found = channels.find(std::to_string(c)); found != channels.end())
      name = &*found;
    if (name == nullptr) dataset.fail(key, fmt::format("has {} entries, but not the channel {}", channels.size(), c));
    names.push_back(name->is_string() ? name->get<std::string>() : name->dump());
  }
  if (names.empty()) dataset.fail(key, "names no channel");
  return names;
}

SlidingWindowPlan windows(const JsonFields& configuration, const std::vector<int>& mirror_axes) {
  SlidingWindowPlan plan;
  plan.patch = configuration.wholes("patch_size", 1, kMostSide);
  plan.overlap = 0.5;
  plan.starts = StartRule::evenly_spread;
  plan.weights = WindowWeights::filtered_impulse;
  plan.sigma = 0.125;
  plan.mirror_axes = mirror_axes;
  std::ranges::sort(plan.mirror_axes);
  plan.mirror = !mirror_axes.empty();
  plan.mirrored_unit = MirroredUnit::window;
  plan.sums = SumType::fp16;
  return plan;
}

std::string text_or(const JsonFields& fields, const std::string& key, std::string usual) {
  return fields.has(key) ? fields.text(key) : std::move(usual);
}

V2Description description(const JsonFields& plans, const JsonFields& configuration, const JsonFields& dataset,
                          const V2Files& files) {
  V2Description found;
  found.dataset = text_or(plans, "dataset_name", "");
  found.plans = text_or(plans, "plans_name", "");
  found.reader = plans.text("image_reader_writer");
  found.file_ending = text_or(dataset, "file_ending", ".nii.gz");
  if (configuration.has("previous_stage")) found.previous_stage = configuration.text("previous_stage");
  found.channels = channel_names(dataset);
  for (const auto& [name, value] : files.dataset.at("labels").items()) found.labels.push_back(name);
  return found;
}

/// The patch is what users edit.
void require_divisible_patch(const JsonFields& fields, const ModelPlan& model) {
  const std::vector<std::int64_t>& patch = model.window.patch;
  const std::vector<std::int64_t> strides = total_stride(*model.network);
  for (std::size_t axis = 0; axis < strides.size(); ++axis)
    if (patch[axis] % strides[axis] != 0)
      fields.fail("patch_size", fmt::format("is {}, no multiple of what the network's strides multiply to, {}",
                                            shape_text(patch), shape_text(strides)));
}

}  // namespace

V2Plan read_v2_plan(const V2Files& files, const std::string& configuration, const V2Training& training) {
  const json chosen = v2_configuration(files, configuration), top = files.plans, data = files.dataset;
  const JsonFields plans(top, files.plans_name, v2_parts::kRemedy),
      dataset(data, files.dataset_name, v2_parts::kRemedy),
      fields(chosen, files.plans_name, v2_parts::kRemedy, fmt::format("configurations.{}.", configuration));
  if (const std::string manager = text_or(plans, "label_manager", "LabelManager"); manager != "LabelManager")
    plans.fail("label_manager", fmt::format("is \"{}\", known is LabelManager", manager));

  V2Plan found;
  ModelPlan& model = found.model;
  model.labels = v2_labels(files);
  found.description = description(plans, fields, dataset, files);
  found.description.configuration = configuration;
  found.description.trainer = training.trainer;
  model.window = windows(fields, training.mirror_axes);
  if (model.dim() != 2 && model.dim() != 3)
    fields.fail("patch_size", fmt::format("has {} entries, not 2 or 3", model.dim()));
  model.preprocess = v2_parts::preprocessing(files, fields, found.description.channels.size());
  model.previous_stage = found.description.previous_stage.has_value();
  model.network = v2_parts::network(fields, model.dim());
  if (training.trainer == "nnUNetTrainerBN") model.network->norm = Norm::batch;
  model.network->in_channels = model.input_channels();
  model.network->n_class = model.labels.heads();
  check_network_plan(*model.network, files.plans_name);
  require_divisible_patch(fields, model);
  check_model_plan(model, files.plans_name);
  return found;
}

}  // namespace nnunet
