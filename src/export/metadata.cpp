#include <nlohmann/json.hpp>

#include "nnunet/export/model.h"
#include "nnunet/plan/reference_plan.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

/// The same for all channels. What preprocessing does to the voxels, whatever the modality is called.
Json normalisation(const DataConfig& data) {
  const ChannelNormalization channel = reference_normalization(data);
  if (channel.scheme != NormalizationScheme::ct) return {{"method", "z-score of each channel over the cropped volume"}};
  const char* const method = "clip, then (x - mean) / std";
  if (!channel.statistics) return {{"method", method}, {"statistics", "not known"}};
  const CtStats& ct = *channel.statistics;
  return {{"method", method}, {"clip", {ct.min, ct.max}}, {"mean", ct.mean}, {"std", ct.std}};
}

/// Labels may hold text in any encoding.
std::string text(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

ModelMetadata model_metadata(const Checkpoint& checkpoint, const ModelOptions& options) {
  const DataConfig& data = checkpoint.data;
  return {{"task", data.task},
          {"patch_size", text(data.patch_size)},
          {"spacing", text(data.spacings)},
          {"labels", text(data.labels)},
          {"modality", data.modality},
          {"normalisation", text(normalisation(data))},
          {"network", text(plan_to_json(checkpoint.plan))},
          {"model", text(model_plan_to_json(model_plan(checkpoint)))},
          {"precision", precision_name(options.precision)},
          {"output", options.argmax ? "class indices" : "logits"}};
}

}  // namespace nnunet
