#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "functions.h"
#include "nnunet/core/precision.h"
#include "nnunet/infer/restore.h"
#include "nnunet/infer/segment_memory.h"
#include "nnunet/plan/reference_plan.h"
#include "objects.h"
#include "run.h"

namespace nnunet::c_api {
namespace {

struct ModelChoice {
  std::vector<std::string> folds;
  std::string checkpoint = kV2Checkpoint;
  Precision precision = Precision::fp32;
  std::optional<DataConfig> data;  ///< for checkpoints of the reference system

  ForeignDefaults foreign() const { return {data ? &*data : nullptr, {}}; }
};

/// A config.json, or the folder that holds it.
DataConfig read_data(const std::filesystem::path& path) {
  return read_planned_config(std::filesystem::is_directory(path) ? path / "config.json" : path).config;
}

ModelChoice choice_of(const nnunet_model_options* options) {
  const nnunet_model_options o = read_struct(options, "model options");
  ModelChoice choice;
  if (o.folds_count > 0) require(o.folds, "folds");
  for (std::size_t i = 0; i < o.folds_count; ++i) {
    require(o.folds[i], "folds");
    choice.folds.emplace_back(o.folds[i]);
  }
  if (o.checkpoint != nullptr) choice.checkpoint = o.checkpoint;
  if (o.data != nullptr) choice.data = read_data(o.data);
  choice.precision = choose_precision(checked(o.bf16, "bf16") == NNUNET_ON, {}, kCpu);
  return choice;
}

std::vector<std::string> channel_names(const OpenedModel& opened, const ModelPlan& model) {
  std::vector<std::string> names;
  if (opened.v2) names = opened.v2->description.channels;
  names.resize(static_cast<std::size_t>(model.channels()));
  return names;
}

std::vector<NamedValue> values_of(const LabelSpec& labels) {
  std::vector<NamedValue> values = named_values(labels);
  values.insert(values.begin(), {0, "background"});
  return values;
}

nnunet_model* made(OpenedModel opened, Precision precision) {
  Predictor predictor(std::exchange(opened.checkpoints, {}), {}, kCpu, precision);
  check_supported(predictor.model(), "model");
  std::vector<std::string> channels = channel_names(opened, predictor.model());
  std::vector<NamedValue> values = values_of(predictor.model().labels);
  return new nnunet_model{std::move(opened), std::move(predictor), std::move(channels), std::move(values)};
}

nnunet_model_info info_of(const nnunet_model& model) {
  const ModelPlan& plan = model.predictor.model();
  nnunet_model_info info{};
  info.dim = plan.dim();
  info.channels = plan.channels();
  info.input_channels = plan.input_channels();
  info.classes = model.predictor.plan().n_class;
  info.labels = static_cast<int32_t>(model.values.size());
  info.label_type = has_wide_labels(plan.labels) ? NNUNET_UINT16 : NNUNET_UINT8;
  info.regions = plan.labels.decision == LabelDecision::sigmoid ? 1 : 0;
  info.previous_stage = plan.previous_stage ? 1 : 0;
  info.reorients = reorients(model.opened.format.reader) ? 1 : 0;
  info.networks = static_cast<int32_t>(model.predictor.networks());
  std::ranges::copy(plan.preprocess.transpose, info.transpose);
  std::ranges::fill(info.patch, 1);
  std::ranges::copy_backward(plan.window.patch, std::end(info.patch));
  std::ranges::copy_backward(plan.preprocess.spacing, std::end(info.spacing));
  return info;
}

}  // namespace

nnunet_status* model_open(const char* const* paths, size_t count, const nnunet_model_options* options,
                          nnunet_model** model) {
  return guarded(NNUNET_BAD_MODEL, [&] {
    require(model, "model");
    require(paths, "paths");
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < count; ++i) {
      require(paths[i], "paths");
      files.emplace_back(paths[i]);
    }
    const ModelChoice choice = choice_of(options);
    *model = made(open_model(files, choice.folds, choice.checkpoint, choice.foreign()), choice.precision);
  });
}

nnunet_status* model_open_memory(const nnunet_bytes* files, size_t count, const nnunet_model_options* options,
                                 nnunet_model** model) {
  return guarded(NNUNET_BAD_MODEL, [&] {
    require(model, "model");
    require(files, "files");
    std::vector<std::span<const std::byte>> bytes;
    for (std::size_t i = 0; i < count; ++i) {
      require(files[i].data, "files");
      bytes.emplace_back(static_cast<const std::byte*>(files[i].data), files[i].size);
    }
    const ModelChoice choice = choice_of(options);
    *model = made(open_model(bytes, choice.folds, choice.checkpoint, choice.foreign()), choice.precision);
  });
}

void model_release(nnunet_model* model) {
  delete model;
}

nnunet_status* model_info(const nnunet_model* model, nnunet_model_info* info) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    write_struct(info_of(*model), info, "info");
  });
}

const char* model_channel(const nnunet_model* model, int32_t i) {
  if (model == nullptr || i < 0 || static_cast<std::size_t>(i) >= model->channels.size()) return nullptr;
  return model->channels[static_cast<std::size_t>(i)].c_str();
}

const char* model_label(const nnunet_model* model, int32_t i, int32_t* value) {
  if (model == nullptr || i < 0 || static_cast<std::size_t>(i) >= model->values.size()) return nullptr;
  const NamedValue& label = model->values[static_cast<std::size_t>(i)];
  if (value != nullptr) *value = label.value;
  return label.name.c_str();
}

nnunet_status* model_json(const nnunet_model* model, nnunet_text** json) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(json, "json");
    *json = make_text(model_facts(model->predictor, model->opened)
                          .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  });
}

nnunet_status* model_memory(const nnunet_model* model, const int64_t shape[3], const double spacing[3],
                            const nnunet_run_options* run, int64_t* bytes) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(shape, "shape");
    require(spacing, "spacing");
    require(bytes, "bytes");
    NiftiInfo image;
    image.channels = model->predictor.model().channels();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (shape[axis] < 1 || !(spacing[axis] > 0))
        throw InvalidCall(
            fmt::format("shape and spacing: are {} and {} along axis {}", shape[axis], spacing[axis], axis));
      image.geometry.shape[axis] = shape[axis];
      image.geometry.spacing[axis] = spacing[axis];
      image.geometry.affine[2 - axis][2 - axis] = spacing[axis];
    }
    const WindowOptions windows = model->predictor.windows_with(Run(run).windows());
    *bytes = segment_memory(model->predictor, windows, image, model->opened.format.reader);
  });
}

}  // namespace nnunet::c_api
