#include <nlohmann/json.hpp>

#include "nnunet/export/model.h"
#include "nnunet/plan/reference_plan.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

const char* method_of(const ChannelNormalization& channel) {
  switch (channel.scheme) {
    case NormalizationScheme::ct:
      return "clip, then (x - mean) / std";
    case NormalizationScheme::none:
      return "none";
    case NormalizationScheme::rescale_0_1:
      return "(x - min) / (max - min) of the channel over the cropped volume";
    case NormalizationScheme::rgb_to_0_1:
      return "x / 255";
    case NormalizationScheme::z_score:
      break;
  }
  return channel.use_mask ? "z-score of the channel over the voxels within the image's mask; others stay as they are"
                          : "z-score of each channel over the cropped volume";
}

Json normalisation(const ChannelNormalization& channel) {
  const char* const method = method_of(channel);
  if (channel.scheme != NormalizationScheme::ct) return {{"method", method}};
  if (!channel.statistics) return {{"method", method}, {"statistics", "not known"}};
  const CtStats& ct = *channel.statistics;
  return {{"method", method}, {"clip", {ct.min, ct.max}}, {"mean", ct.mean}, {"std", ct.std}};
}

/// The reference system treats all channels alike; a model of its own says it for each.
Json normalisation(const Checkpoint& checkpoint) {
  if (!checkpoint.model) return normalisation(reference_normalization(checkpoint.data));
  Json channels = Json::array();
  for (const ChannelNormalization& channel : checkpoint.model->preprocess.channels)
    channels.push_back(normalisation(channel));
  return channels;
}

bool has_regions(const ModelPlan& model) {
  return model.labels.decision == LabelDecision::sigmoid;
}

/// In the order of the outputs.
Json output_names(const Checkpoint& checkpoint, const ModelPlan& model) {
  if (!has_regions(model)) return checkpoint.data.labels;
  Json names = Json::array();
  for (const LabelEntry& region : model.labels.regions()) names.push_back(region.name);
  return names;
}

const char* output_text(const ModelPlan& model, const ModelOptions& options) {
  if (has_regions(model))
    return "logits of regions: where the sigmoid is above 0.5 a voxel gets the value that \"model\" gives the region, "
           "later ones over earlier ones";
  return options.argmax ? "class indices" : "logits";
}

/// Labels may hold text in any encoding.
std::string text(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

ModelMetadata model_metadata(const Checkpoint& checkpoint, const ModelOptions& options) {
  const DataConfig& data = checkpoint.data;
  const ModelPlan model = model_plan(checkpoint);
  ModelMetadata metadata{{"task", data.task},
                         {"patch_size", text(data.patch_size)},
                         {"spacing", text(data.spacings)},
                         {"labels", text(output_names(checkpoint, model))}};
  // Of a model of its own only that is known for sure.
  if (!checkpoint.model || data.modality == "CT") metadata.emplace_back("modality", data.modality);
  metadata.emplace_back("normalisation", text(normalisation(checkpoint)));
  metadata.emplace_back("network", text(plan_to_json(checkpoint.plan)));
  metadata.emplace_back("model", text(model_plan_to_json(model)));
  metadata.emplace_back("precision", precision_name(options.precision));
  metadata.emplace_back("output", output_text(model, options));
  return metadata;
}

}  // namespace nnunet
