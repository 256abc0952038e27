#include "nnunet/infer/predict_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "case_time.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "nnunet/io/output_record.h"
#include "nnunet/report/overlay.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// The files made of one case.
struct Outputs {
  fs::path label, probabilities, overlay;
};

/// Names relative to the label map's folder, as they stand in its record.
std::string probabilities_name(const std::string& stem) {
  return "probabilities/" + stem + ".npy";
}
std::string overlay_name(const std::string& stem) {
  return stem + ".png";
}

std::string output_stem(const ImageCase& c, const fs::path& output) {
  return is_file_output(output) ? nifti_stem(output) : c.name;
}

Outputs outputs_of(const ImageCase& c, const fs::path& output) {
  const fs::path folder = is_file_output(output) ? output.parent_path() : output;
  const std::string stem = output_stem(c, output);
  return {label_output(c, output), folder / probabilities_name(stem), folder / overlay_name(stem)};
}

/// What is wanted beside a case's label map.
std::vector<std::string> extras_of(const ImageCase& c, const ImagePredictionOptions& o) {
  const std::string stem = output_stem(c, o.output);
  std::vector<std::string> names;
  if (o.save_probabilities) names.push_back(probabilities_name(stem));
  if (o.overlays) names.push_back(overlay_name(stem));
  return names;
}

/// What killed runs left of these cases under temporary names.
void remove_unfinished(const std::vector<ImageCase>& cases, const ImagePredictionOptions& o) {
  std::map<fs::path, std::set<std::string>> names;  // by folder
  std::vector<fs::path> labels;
  for (const ImageCase& c : cases) {
    const Outputs outputs = outputs_of(c, o.output);
    labels.push_back(outputs.label);
    for (const fs::path& file : {outputs.label, outputs.probabilities, outputs.overlay})
      names[file.has_parent_path() ? file.parent_path() : "."].insert(file.filename().string());
  }
  for (const auto& [folder, own] : names) remove_leftovers(folder, own);
  remove_record_leftovers(labels);
}

/// An image read and ready for the network.
struct Ready {
  Image image;  ///< voxels only when an overlay needs them
  PreprocessedCase preprocessed;
  std::vector<FileRecord> sources;
};

Ready make_ready(const Predictor& predictor, const ImageCase& c, bool keep_voxels, int threads) {
  Ready ready;
  if (c.problem.empty())
    for (const fs::path& file : c.channels) ready.sources.push_back(record_file(file));
  ready.image = read_image_case(c);
  ready.preprocessed = predictor.preprocess(c.name, ready.image, threads);
  if (!keep_voxels) ready.image.voxels = {};
  return ready;
}

/// A case whose windows are done.
struct Predicted {
  Ready ready;
  RestoreSink restored;
  WindowReport report;
};

void write_outputs(const Predictor& predictor, const ImageCase& c, Predicted& done, const Outputs& outputs,
                   const ImagePredictionOptions& o) {
  const LabelMap label{std::move(done.restored.labels()), done.ready.image.geometry};
  forget_output(outputs.label);
  if (o.save_probabilities) done.restored.save_probabilities();
  if (o.overlays) draw_overlay(outputs.overlay, c.name, done.ready.image, label, predictor.data().labels);
  // Last: its presence means that the case is finished.
  write_recorded(outputs.label, encode_label_map(label, has_suffix(outputs.label, ".gz")),
                 {nlohmann::json::parse(predictor.made_with()), std::move(done.ready.sources), {}, extras_of(c, o)});
  log_case_time(c.name, done.report);
}

/// Runs the stages of all cases one after the other, at most one case in each: read (beside), network (here), write
/// (beside).
class Pipeline {
 public:
  Pipeline(Predictor& predictor, const ImagePredictionOptions& options, std::vector<ImageCase> cases)
      : predictor_(predictor), o_(options), cases_(std::move(cases)) {
    if (predictor.device().is_cpu()) threads_beside_ = std::max(1, available_cores() / 8);
  }

  ImagePredictionResult run(std::int64_t kept) {
    result_.kept = kept;
    Progress progress("predict", static_cast<std::int64_t>(cases_.size()), "images");
    if (!cases_.empty()) start_reading(0);
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      step(i);
      progress.advance();
    }
    finish_writing();
    return result_;
  }

 private:
  void step(std::size_t i) {
    try {
      std::future<Ready> current = std::move(reading_);
      std::optional<Ready> ready;
      std::exception_ptr failure;
      try {
        ready = current.get();
      } catch (...) {
        failure = std::current_exception();
      }
      if (i + 1 < cases_.size()) start_reading(i + 1);  // whatever became of this one
      if (failure) std::rethrow_exception(failure);
      auto done = segment(i, std::move(*ready));
      finish_writing();
      start_writing(i, std::move(done));
    } catch (const std::exception& e) {
      fail(i, e);
    }
  }

  void start_reading(std::size_t i) {
    const int threads = i == 0 ? 0 : threads_beside_;
    reading_ = std::async(std::launch::async,
                          [this, i, threads] { return make_ready(predictor_, cases_[i], o_.overlays, threads); });
  }

  std::shared_ptr<Predicted> segment(std::size_t i, Ready ready) {
    const std::string& name = cases_[i].name;
    std::optional<fs::path> probabilities;
    if (o_.save_probabilities) probabilities = outputs_of(cases_[i], o_.output).probabilities;
    RestoreSink restored(name, predictor_.original_grid(ready.preprocessed), true, probabilities);
    const auto report = predictor_.stream(name, ready.preprocessed.x, {&restored});
    ready.preprocessed.x = {};
    return std::make_shared<Predicted>(std::move(ready), std::move(restored), report);
  }

  void start_writing(std::size_t i, std::shared_ptr<Predicted> done) {
    written_ = i;
    writing_ = std::async(std::launch::async, [this, i, done = std::move(done)] {
      write_outputs(predictor_, cases_[i], *done, outputs_of(cases_[i], o_.output), o_);
    });
  }

  void finish_writing() {
    if (!writing_.valid()) return;
    try {
      writing_.get();
      ++result_.predicted;
    } catch (const std::exception& e) {
      fail(written_, e);
    }
  }

  void fail(std::size_t i, const std::exception& e) {
    log::error(case_failure(cases_[i].name, e));
    ++result_.failed;
  }

  Predictor& predictor_;
  const ImagePredictionOptions& o_;
  std::vector<ImageCase> cases_;
  ImagePredictionResult result_;
  std::size_t written_ = 0;
  /// For the next image: a CPU's network uses every core, and all its threads wait for one that has to share its own.
  int threads_beside_ = 0;
  std::future<Ready> reading_;  // last members: joined before what they use goes
  std::future<void> writing_;
};

}  // namespace

ImagePredictionResult predict_images(Predictor& predictor, const ImagePredictionOptions& options) {
  auto all = list_image_cases(options.input, predictor.plan().in_channels);
  protect_inputs(all, options.input, options.output);
  if (options.limit > 0 && options.limit < static_cast<std::int64_t>(all.size()))
    all.resize(static_cast<std::size_t>(options.limit));
  const fs::path folder = is_file_output(options.output) ? options.output.parent_path() : options.output;
  require_writable_folder(folder.empty() ? fs::path(".") : folder);

  all = options.part.own(all);
  remove_unfinished(all, options);
  auto open = choose_open_cases(all, options.output, nlohmann::json::parse(predictor.made_with()), options.overwrite,
                                [&](const ImageCase& c) { return extras_of(c, options); });
  const auto kept = static_cast<std::int64_t>(all.size() - open.size());
  return Pipeline(predictor, options, std::move(open)).run(kept);
}

}  // namespace nnunet
