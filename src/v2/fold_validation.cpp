#include "nnunet/v2/fold_validation.h"

#include <algorithm>
#include <optional>

#include "nnunet/core/parallel.h"
#include "nnunet/infer/label_channels.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/preprocess/resample.h"
#include "nnunet/v2/case_properties.h"
#include "nnunet/v2/npz.h"
#include "nnunet/v2/properties.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

/// As labels are drawn from a case, not as they are used in training: numpy's class_locations.
PythonValue location_rows(const StoredCase& c, std::size_t request) {
  const auto voxels = c.locations(request);
  if (voxels.empty()) return PythonValue::List{};
  std::string bytes;
  bytes.reserve(voxels.size() * 4 * sizeof(std::int64_t));
  for (const auto& voxel : voxels)
    for (const std::int64_t number :
         {std::int64_t{0}, std::int64_t{voxel[0]}, std::int64_t{voxel[1]}, std::int64_t{voxel[2]}})
      bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  return PythonValue::Array{"i8", {static_cast<std::int64_t>(voxels.size()), 4}, std::move(bytes)};
}

/// A label alone is a number, several are a tuple.
PythonValue location_key(std::span<const int> labels) {
  if (labels.size() == 1) return labels.front();
  PythonValue::Tuple tuple;
  for (const int label : labels) tuple.items.emplace_back(label);
  return tuple;
}

/// What nnU-Net keeps of a case beside its probabilities; of training cases also where their labels are.
PythonValue training_properties(const StoredCase& c, const StoredOrigin& origin) {
  PythonValue properties = case_properties(origin.grid, origin.reader);
  PythonValue::Dict locations;
  for (std::size_t i = 0; i < c.requests(); ++i)
    locations.entries.emplace_back(location_key(c.request_labels(i)), location_rows(c, i));
  std::get<PythonValue::Dict>(properties.data).entries.emplace_back("class_locations", std::move(locations));
  return properties;
}

Array<std::uint16_t> taken_labels(RestoreSink& restored) {
  if (restored.has_wide_labels()) return std::move(restored.wide_labels());
  const Array<std::uint8_t>& narrow = restored.labels();
  Array<std::uint16_t> labels;
  labels.shape = narrow.shape;
  labels.values.assign(narrow.values.begin(), narrow.values.end());
  return labels;
}

/// Straight to the shape of the next stage's preprocessed case, both spacings being this stage's.
OriginalGrid next_grid(const ModelPlan& model, const PreprocessedCase& c, const Shape3& shape) {
  OriginalGrid grid;
  grid.crop_end = grid.shape = shape;
  grid.labels = model.labels;
  const ResamplingRule& rule = model.preprocess.logits;
  const Spacing3 spacing = target_spacing(model.preprocess, c.spacing);
  grid.resampling = {rule.method, rule.order, rule.order_across, separate_axis(rule, spacing, spacing)};
  return grid;
}

/// What is kept of a case between reading and writing.
struct Kept {
  PythonValue properties;
  std::vector<RestoreSink> next;  ///< one a next stage
};

class FoldStages final : public CaseStages {
 public:
  FoldStages(const Predictor& predictor, const FoldValidation& fold)
      : predictor_(predictor), fold_(fold), kept_(fold.names.size()) {}

  std::size_t cases() const override { return fold_.names.size(); }
  std::string name(std::size_t i) const override { return fold_.names[i]; }

  PreprocessedCase read(std::size_t i, int) override {
    const auto stored = fold_.cases.open(fold_.names[i]);
    const StoredOrigin origin = fold_.cases.origin(fold_.names[i]);
    PreprocessedCase c = origin.grid;
    const Shape3 size = stored->size();
    c.x = Array<float>({stored->channels(), size[0], size[1], size[2]});
    std::copy_n(stored->image(), c.x.values.size(), c.x.values.begin());
    if (predictor_.model().previous_stage) {
      const std::int16_t* const previous = stored->previous();
      c.label.emplace(std::vector<std::int64_t>{size[0], size[1], size[2]});
      std::copy_n(previous, c.label->values.size(), c.label->values.begin());
      append_label_channels(c, predictor_.model().labels);
    }
    kept_[i].properties =
        fold_.save_probabilities ? training_properties(*stored, origin) : case_properties(origin.grid, origin.reader);
    return c;
  }

  RestoreSink restore(std::size_t i, const PreprocessedCase& c) override {
    if (fold_.before_case) fold_.before_case(fold_.names[i], c.x.shape);
    for (const NextStage& stage : fold_.next_stages)
      kept_[i].next.emplace_back(fold_.names[i],
                                 next_grid(predictor_.model(), c, stage.cases.open(fold_.names[i])->size()), true);
    ProbabilityPlace probabilities;
    if (fold_.save_probabilities) probabilities = unpacked(i);
    return RestoreSink(fold_.names[i], predictor_.original_grid(c), true, probabilities);
  }

  std::vector<LogitSink*> others(std::size_t i) override {
    std::vector<LogitSink*> sinks;
    for (RestoreSink& sink : kept_[i].next) sinks.push_back(&sink);
    return sinks;
  }

  void write(std::size_t i, RestoreSink& restored, const WindowReport& report) override {
    Kept kept = std::move(kept_[i]);
    const std::string& name = fold_.names[i];
    if (fold_.save_probabilities) save_probabilities(i, restored, kept.properties);
    for (std::size_t s = 0; s < kept.next.size(); ++s) {
      const Array<std::uint16_t> labels = taken_labels(kept.next[s]);
      Array<std::int16_t> map;
      map.shape = labels.shape;
      map.values.assign(labels.values.begin(), labels.values.end());
      write_previous_stage(fold_.next_stages[s].folder, name, map);
    }
    const WideLabelMap map = placed(taken_labels(restored), kept.properties, name);
    write_label_file(label_file(i), map.voxels, map.geometry, fold_.reader);
    log_case_time(name, report);
  }

 private:
  fs::path label_file(std::size_t i) const { return fold_.output / (fold_.names[i] + fold_.file_ending); }
  /// Where probabilities are gathered before they are packed.
  fs::path unpacked(std::size_t i) const { return fold_.output / ("." + fold_.names[i] + ".npy"); }

  void save_probabilities(std::size_t i, RestoreSink& restored, const PythonValue& properties) const {
    restored.save_probabilities();
    write_npz(fold_.output / (fold_.names[i] + ".npz"), unpacked(i), std::max(1, available_cores() / 2));
    std::error_code ignored;
    fs::remove(unpacked(i), ignored);
    write_properties(fold_.output / (fold_.names[i] + ".pkl"), properties);
  }

  const Predictor& predictor_;
  const FoldValidation& fold_;
  std::vector<Kept> kept_;
};

}  // namespace

CaseCounts predict_fold(Predictor& predictor, const FoldValidation& fold) {
  require_writable_folder(fold.output);
  for (const NextStage& stage : fold.next_stages) require_writable_folder(stage.folder);
  FoldStages stages(predictor, fold);
  return predict_cases(predictor, stages);
}

FolderEvaluation evaluate_fold(const fs::path& output, const fs::path& references, const DatasetLabels& labels,
                               int threads) {
  FolderEvaluation evaluation = evaluate_folder(
      {references.string(), output.string(), labels.file_ending, labels.foreground, labels.ignore, threads, true});
  write_python_json(output / "summary.json", summary_json(evaluation.summary), Keys::sorted);
  return evaluation;
}

}  // namespace nnunet::v2
