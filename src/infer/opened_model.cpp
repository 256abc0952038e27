#include "nnunet/infer/opened_model.h"

#include <fmt/format.h>

#include <functional>

#include "model_rows.h"
#include "nnunet/core/error.h"
#include "nnunet/plan/label_names.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

OpenedModel opened(V2Model model) {
  OpenedModel result;
  result.format = image_format(model);
  result.checkpoints = take_checkpoints(model);
  result.v2 = std::move(model);
  return result;
}

/// Files of whichever kind, by what can be done with file i.
struct ModelSource {
  std::size_t count = 0;
  std::function<std::string(std::size_t)> name;
  std::function<bool(std::size_t)> is_v2;
  std::function<V2Model(std::size_t)> read_v2;
  std::function<Checkpoint(std::size_t)> read;
};

OpenedModel open_any(const ModelSource& source) {
  if (source.count == 0)
    throw Error("model", "no file or folder is given", "name a model of nnU-Net v2, or checkpoints of this program");
  OpenedModel model;
  for (std::size_t i = 0; i < source.count; ++i) {
    const bool v2 = source.is_v2(i);
    if (v2 && source.count > 1)
      throw Error(source.name(i), "is a model of nnU-Net v2, but several networks are given",
                  "give the folder or zip of that model alone; its folds are its networks");
    if (v2) return opened(source.read_v2(i));
    model.checkpoints.push_back(source.read(i));
    model.checkpoints.back().training = Value();  // optimizer state: as large as the weights, or twice
  }
  return model;
}

Json value_rows(const LabelSpec& labels) {
  Json rows = Json::array();
  rows.push_back({{"value", 0}, {"name", "background"}});
  for (const NamedValue& value : named_values(labels)) rows.push_back({{"value", value.value}, {"name", value.name}});
  return rows;
}

void add_v2(Json& json, const V2Model& model) {
  const V2Description& d = model.description;
  json["dataset"] = d.dataset;
  json["configuration"] = d.configuration;
  json["trainer"] = d.trainer;
  if (d.previous_stage) json["previous_stage_configuration"] = *d.previous_stage;
  Json folds = Json::array();
  for (const V2Fold& fold : model.folds) folds.push_back(fold.name);
  json["folds"] = std::move(folds);
  json["plans"] = parse_v2_json(model.plans_text, "plans.json");
  json["dataset_json"] = parse_v2_json(model.dataset_text, "dataset.json");
  if (!d.licence.empty()) json["licence"] = d.licence;
}

}  // namespace

ImageFormat image_format(const V2Model& model) {
  const std::string& name = model.description.reader;
  const auto reader = image_reader_from_name(name);
  if (!reader)  // it may turn the axes, which no ending tells
    throw Error(fmt::format("plans.json of {}", model.folds.front().source),
                fmt::format("its image_reader_writer {} is not known", name),
                "name there the reader of nnU-Net that gives the same axes: SimpleITKIO, SimpleITKIOWithReorient, "
                "NibabelIO, NibabelIOWithReorient, NaturalImage2DIO or Tiff3DIO");
  return {model.description.file_ending, *reader, true};
}

std::vector<Checkpoint> take_checkpoints(V2Model& model) {
  std::vector<Checkpoint> checkpoints;
  for (V2Fold& fold : model.folds) checkpoints.push_back(std::move(fold.checkpoint));
  return checkpoints;
}

OpenedModel open_model(const std::vector<fs::path>& paths, const std::vector<std::string>& folds,
                       const std::string& checkpoint, const ForeignDefaults& foreign) {
  return open_any({.count = paths.size(),
                   .name = [&](std::size_t i) { return paths[i].string(); },
                   .is_v2 = [&](std::size_t i) { return is_v2_model(paths[i]); },
                   .read_v2 = [&](std::size_t i) { return read_v2_model(paths[i], folds, checkpoint); },
                   .read = [&](std::size_t i) { return load_checkpoint(paths[i], foreign); }});
}

OpenedModel open_model(const std::vector<std::span<const std::byte>>& files, const std::vector<std::string>& folds,
                       const std::string& checkpoint, const ForeignDefaults& foreign) {
  const auto name = [&](std::size_t i) {
    return files.size() == 1 ? std::string("model in memory") : fmt::format("model in memory, file {}", i + 1);
  };
  return open_any({.count = files.size(),
                   .name = name,
                   .is_v2 = [&](std::size_t i) { return is_v2_model(files[i], name(i)); },
                   .read_v2 = [&](std::size_t i) { return read_v2_model(files[i], name(i), folds, checkpoint); },
                   .read = [&](std::size_t i) { return load_checkpoint(files[i], name(i), foreign); }});
}

nlohmann::ordered_json model_facts(const Predictor& predictor, const OpenedModel& opened) {
  const ModelPlan& model = predictor.model();
  const ImageFormat& format = opened.format;
  const std::vector<std::string> names = opened.v2 ? opened.v2->description.channels : std::vector<std::string>();
  Json json{{"kind", opened.v2 ? "nnU-Net v2 model" : "checkpoint"},
            {"dim", model.dim()},
            {"patch_size", model.window.patch},
            {"spacing", model.preprocess.spacing},
            {"transpose", model.preprocess.transpose},
            {"resampling", resampling_rows(model.preprocess)},
            {"mirror_axes", model.window.mirror_axes},
            {"mirrored", model.window.mirror},
            {"previous_stage", model.previous_stage},
            {"file_ending", format.output_ending()},
            {"reader", opened.v2 ? opened.v2->description.reader : "NIfTI"},
            {"channels", channel_rows(model.preprocess, names)},
            {"regions", model.labels.decision == LabelDecision::sigmoid},
            {"labels", label_rows(model.labels)},
            {"values", value_rows(model.labels)},
            {"networks", predictor.networks()},
            {"network", network_rows(predictor.plan(), model.window.patch)},
            {"engine", predictor.engine()},
            {"made_with", Json::parse(predictor.made_with())}};
  if (opened.v2) add_v2(json, *opened.v2);
  return json;
}

}  // namespace nnunet
