#include <nlohmann/json.hpp>

#include "nnunet/export/model.h"

namespace nnunet {
namespace {

using Json = nlohmann::ordered_json;

Json normalisation(const DataConfig& data) {
  if (data.modality != "CT" || !data.ct) return {{"method", "z-score of each channel over the cropped volume"}};
  return {{"method", "clip, then (x - mean) / std"},
          {"clip", {data.ct->min, data.ct->max}},
          {"mean", data.ct->mean},
          {"std", data.ct->std}};
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
          {"precision", precision_name(options.precision)},
          {"output", options.argmax ? "class indices" : "logits"}};
}

}  // namespace nnunet
