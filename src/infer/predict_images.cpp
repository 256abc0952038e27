#include "nnunet/infer/predict_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "case_time.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/report/overlay.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// The files made of one case.
struct Outputs {
  fs::path label, probabilities, overlay;

  bool complete(const ImagePredictionOptions& o) const {
    return fs::exists(label) && (!o.save_probabilities || fs::exists(probabilities)) &&
           (!o.overlays || fs::exists(overlay));
  }
};

Outputs outputs_of(const ImageCase& c, const fs::path& output) {
  const bool file = is_file_output(output);
  const fs::path folder = file ? output.parent_path() : output;
  const std::string stem = file ? nifti_stem(output) : c.name;
  return {label_output(c, output), folder / "probabilities" / (stem + ".npy"), folder / (stem + ".png")};
}

/// What killed runs left of these cases under temporary names.
void remove_unfinished(const std::vector<ImageCase>& cases, const ImagePredictionOptions& o) {
  std::map<fs::path, std::set<std::string>> names;  // by folder
  for (const ImageCase& c : cases) {
    const Outputs outputs = outputs_of(c, o.output);
    for (const fs::path& file : {outputs.label, outputs.probabilities, outputs.overlay})
      names[file.has_parent_path() ? file.parent_path() : "."].insert(file.filename().string());
  }
  for (const auto& [folder, own] : names)
    remove_leftovers(folder,
                     [&](const std::string& name) { return own.contains(name) ? Writer::self : Writer::nobody; });
}

/// An image read and ready for the network.
struct Ready {
  Image image;  ///< voxels only when an overlay needs them
  PreprocessedCase preprocessed;
};

Ready make_ready(const Predictor& predictor, const ImageCase& c, bool keep_voxels, int threads) {
  Ready ready{read_image_case(c), {}};
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
  if (o.save_probabilities) done.restored.save_probabilities();
  if (o.overlays) draw_overlay(outputs.overlay, c.name, done.ready.image, label, predictor.data().labels);
  write_label_map(outputs.label, label);  // last: its presence means that the case is finished
  log_case_time(c.name, done.report);
}

/// Runs the stages of all cases one after the other, at most one case in each: read (beside), network (here), write
/// (beside).
class Pipeline {
 public:
  Pipeline(Predictor& predictor, const ImagePredictionOptions& options, std::vector<ImageCase> cases)
      : predictor_(predictor), o_(options), cases_(std::move(cases)) {
    if (predictor.windows().device.is_cpu()) threads_beside_ = std::max(1, available_cores() / 8);
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
    const auto report = predictor_.stream(name, as_tensor(ready.preprocessed.x), {&restored});
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
  torch::NoGradGuard no_grad;
  auto all = list_image_cases(options.input, predictor.plan().in_channels);
  protect_inputs(all, options.input, options.output);
  if (options.limit > 0 && options.limit < static_cast<std::int64_t>(all.size()))
    all.resize(static_cast<std::size_t>(options.limit));
  const fs::path folder = is_file_output(options.output) ? options.output.parent_path() : options.output;
  require_writable_folder(folder.empty() ? fs::path(".") : folder);

  all = options.part.own(all);
  remove_unfinished(all, options);
  std::vector<ImageCase> open;
  for (const ImageCase& c : all)
    if (options.overwrite || !outputs_of(c, options.output).complete(options)) open.push_back(c);
  const auto kept = static_cast<std::int64_t>(all.size() - open.size());
  if (kept > 0)
    log::info(fmt::format("{} of {} images have their output already (--overwrite makes them anew)", kept, all.size()));
  return Pipeline(predictor, options, std::move(open)).run(kept);
}

}  // namespace nnunet
