#include "describe_v2.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "model_rows.h"
#include "nnunet/checkpoint/v2_model.h"
#include "nnunet/core/error.h"
#include "window_time.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The checkpoint that says what the model is: a finished training's, else any.
std::pair<std::string, std::string> first_checkpoint(const std::vector<V2FoldFiles>& folds, const fs::path& path) {
  if (folds.empty())
    throw Error(path.string(), "this model of nnU-Net v2 has no folds with checkpoints", "train it, or fetch it again");
  for (const V2FoldFiles& fold : folds)
    if (std::ranges::find(fold.checkpoints, kV2Checkpoint) != fold.checkpoints.end()) return {fold.name, kV2Checkpoint};
  return {folds.front().name, folds.front().checkpoints.front()};
}

Json fold_rows(const std::vector<V2FoldFiles>& folds) {
  Json rows = Json::array();
  for (const V2FoldFiles& fold : folds)
    rows.push_back({{"fold", fold.name}, {"checkpoints", fmt::format("{}", fmt::join(fold.checkpoints, ", "))}});
  return rows;
}

Json tensor_rows(const StateDict& state) {
  Json rows = Json::array();
  for (const auto& [name, tensor] : state)
    rows.push_back({{"name", name},
                    {"shape", fmt::format("({})", fmt::join(tensor.sizes, ", "))},
                    {"type", dtype_name(tensor.dtype)}});
  return rows;
}

}  // namespace

Json describe_v2(const fs::path& path, bool tensors) {
  const std::vector<V2FoldFiles> folds = v2_folds(path);
  const auto [fold, checkpoint] = first_checkpoint(folds, path);
  const V2Plan plan = read_v2_model_plan(path, {fold}, checkpoint);
  const ModelPlan& model = plan.model;
  const V2Description& d = plan.description;
  Json json{
      {"kind", "nnU-Net v2 model"}, {"dataset", d.dataset}, {"configuration", d.configuration}, {"plans", d.plans},
      {"trainer", d.trainer},       {"reader", d.reader},   {"file_ending", d.file_ending}};
  if (d.previous_stage) json["previous_stage"] = *d.previous_stage;
  json["patch_size"] = model.window.patch;
  json["spacing"] = model.preprocess.spacing;
  json["transpose"] = model.preprocess.transpose;
  json["resampling"] = resampling_rows(model.preprocess);
  if (model.window.mirror) json["mirror_axes"] = model.window.mirror_axes;
  json["regions"] = model.labels.decision == LabelDecision::sigmoid;
  json["channels"] = channel_rows(model.preprocess, d.channels);
  json["labels"] = label_rows(model.labels);
  json["folds"] = fold_rows(folds);
  json["network"] = network_rows(*model.network, model.window.patch);
  json["network"]["seconds_per_window"] = seconds_of_window(of_prediction(*model.network), model.window.patch);
  if (tensors)
    json["network"]["tensor_list"] =
        tensor_rows(read_v2_model(path, {fold}, checkpoint).folds[0].checkpoint.state_dict);
  if (!d.licence.empty()) json["licence"] = d.licence;
  return json;
}

}  // namespace nnunet
