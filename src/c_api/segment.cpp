#include <fmt/format.h>

#include "arrays.h"
#include "functions.h"
#include "nnunet/infer/restore.h"
#include "nnunet/infer/sliding_window.h"
#include "prepared.h"
#include "run.h"

namespace nnunet::c_api {
namespace {

/// Where a segmentation's results go, on the axes that the networks' preprocessing began with.
class Results {
 public:
  /// Throws InvalidCall for outputs that do not fit the image and the model.
  Results(const nnunet_model& model, const Shape3& shape, const std::optional<Reorientation>& turning,
          const nnunet_outputs* outputs) {
    require(outputs, "outputs");
    const nnunet_outputs o = read_struct(outputs, "outputs");
    if (!is_there(o.labels) && !is_there(o.probabilities)) throw InvalidCall("outputs: there is no array");
    if (is_there(o.labels)) {
      labels_ = turned_by(turning, output_view(o.labels, "labels", 1, shape));
      check_label_type(has_wide_labels(model.predictor.model().labels));
    }
    if (is_there(o.probabilities)) {
      const ImageView view = output_view(o.probabilities, "probabilities", model.predictor.plan().n_class, shape);
      probabilities_ = class_volume(turned_by(turning, view), "probabilities");
    }
  }

  RestoreSink sink(const nnunet_model& model, const nnunet_prepared& prepared) const {
    return {prepared.name, model.predictor.original_grid(prepared.item), labels_.has_value(), probabilities_};
  }

  /// After the last logits; the probabilities are there already.
  void take_labels(RestoreSink& restored) const {
    if (!labels_) return;
    if (restored.has_wide_labels())
      write_labels(restored.wide_labels(), *labels_);
    else
      write_labels(restored.labels(), *labels_);
  }

 private:
  static ImageView turned_by(const std::optional<Reorientation>& turning, const ImageView& view) {
    return turning ? turned(view, *turning) : view;
  }

  void check_label_type(bool wide) const {
    if (labels_->type == NumberType::uint16 || (labels_->type == NumberType::uint8 && !wide)) return;
    throw InvalidCall(
        fmt::format("labels: have to be of {}", wide ? "NNUNET_UINT16" : "NNUNET_UINT8 or NNUNET_UINT16"));
  }

  std::optional<ImageView> labels_;
  ProbabilityPlace probabilities_;
};

void stream(nnunet_model& model, const Run& run, const std::string& name, const VolumeView& x, LogitSink& sink) {
  const ThreadCount threads(run.threads());
  const WindowOptions windows = model.predictor.windows_with(run.windows());
  const auto lane = watched(model.predictor.make_lane(windows), run.watch(model, name));
  model.predictor.stream(name, x, *lane, windows, {&sink});
}

void segment_image(nnunet_model& model, const nnunet_prepared& prepared, const Run& run, const Results& results) {
  RestoreSink restored = results.sink(model, prepared);
  stream(model, run, prepared.name, prepared.item.x, restored);
  results.take_labels(restored);
}

}  // namespace

nnunet_status* segment(nnunet_model* model, const nnunet_image* image, const nnunet_run_options* run,
                       const nnunet_outputs* outputs) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    const Run options(run);
    const GivenImage given = given_image(*model, image);
    const Results results(*model, given.shape, given.turned, outputs);
    options.tell(0, 0, given.name);
    const auto prepared = prepared_from(*model, given, options.threads());
    options.tell(0, 0, prepared->name);
    segment_image(*model, *prepared, options, results);
  });
}

nnunet_status* segment_prepared(nnunet_model* model, const nnunet_prepared* prepared, const nnunet_run_options* run,
                                const nnunet_outputs* outputs) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(prepared, "prepared");
    if (prepared->item.x.values.empty()) throw InvalidCall("prepared: was made from JSON and has no array");
    const Run options(run);
    const Results results(*model, caller_shape(*model, *prepared), prepared->turned, outputs);
    options.tell(0, 0, prepared->name);
    segment_image(*model, *prepared, options, results);
  });
}

nnunet_status* logits(nnunet_model* model, const nnunet_array* input, const nnunet_run_options* run,
                      const nnunet_array* logits) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(input, "input");
    require(logits, "logits");
    const Run options(run);
    const ImageView view = view_of(*input, "input");
    const float* const x = plain_floats(view, "input");
    LogitWriter writer(
        class_volume(output_view(*logits, "logits", model->predictor.plan().n_class, view.spatial()), "logits"));
    options.tell(0, 0, "input");
    stream(*model, options, "input", VolumeView(x, {view.shape.begin(), view.shape.end()}), writer);
  });
}

nnunet_status* restore(const nnunet_model* model, const nnunet_prepared* prepared, const nnunet_array* logits,
                       nnunet_choice precise, const nnunet_outputs* outputs) {
  return guarded(NNUNET_FAILED, [&] {
    require(model, "model");
    require(prepared, "prepared");
    require(logits, "logits");
    const ImageView view = view_of(*logits, "logits");
    const float* const values = plain_floats(view, "logits");
    const Results results(*model, caller_shape(*model, *prepared), prepared->turned, outputs);
    RestoreSink restored = results.sink(*model, *prepared);
    const bool exact = checked(precise, "precise") == NNUNET_ON;
    pass_on(values, view.shape[0], view.spatial(), exact ? SumType::fp32 : model->predictor.model().window.sums,
            restored);
    results.take_labels(restored);
  });
}

}  // namespace nnunet::c_api
