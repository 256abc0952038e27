#include "nnunet/preprocess/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/core/table.h"
#include "nnunet/io/dataset.h"
#include "nnunet/plan/task.h"
#include "nnunet/preprocess/output_folder.h"
#include "nnunet/preprocess/pad.h"
#include "nnunet/preprocess/parameters.h"

namespace nnunet {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The dataset's name in outputs: --task, else the folder's.
std::string task_name(const PreprocessOptions& o) {
  if (!o.task.empty()) return canonical_task(o.task);
  fs::path folder = fs::absolute(o.dataset_dir).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  return canonical_task(folder.filename().string());
}

// The dataset is never written to: outputs inside its folder are refused.
void refuse_inside(const fs::path& output, const fs::path& dataset) {
  std::error_code failure;
  const fs::path inner = fs::weakly_canonical(output, failure), outer = fs::weakly_canonical(dataset, failure);
  const auto [end, ignored] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  if (end == outer.end())
    throw Error(output.string(), "it lies inside the dataset, which is never written to", "choose other --results");
}

class Pipeline {
 public:
  Pipeline(const PreprocessOptions& options, const OutputFolder& output, DataConfig config,
           const std::vector<CaseFiles>& cases)
      : options_(options),
        output_(output),
        config_(std::move(config)),
        cases_(cases),
        reports_(cases.size()),
        infos_(cases.size()) {}

  PreprocessReport run(int jobs) {
    for (std::size_t i = 0; i < cases_.size(); ++i) keep_or_queue(i);
    save();  // from here on the folder says what it was made with
    if (!options_.quiet)
      progress_ = std::make_unique<Progress>("preprocess", static_cast<std::int64_t>(queue_.size()), "cases");
    const auto left = static_cast<std::int64_t>(queue_.size());
    const int threads_a_case = left > 0 && left < jobs ? jobs / static_cast<int>(left) : 1;
    parallel_for(left, jobs, [&](std::int64_t k) { make(queue_[static_cast<std::size_t>(k)], threads_a_case); });
    progress_.reset();
    DataConfig written = save();
    return {output_.path(), std::move(written), std::move(reports_), 0};
  }

 private:
  void keep_or_queue(std::size_t i) {
    CaseReport& report = reports_[i];
    report.name = cases_[i].name;
    const CaseInfo* info = output_.former() ? output_.former()->find_case(report.name) : nullptr;
    if (info == nullptr) {
      queue_.push_back(i);
      return;
    }
    report.original = info->shape;
    report.spacing = info->spacing;
    report.shape = output_.case_shape(report.name);
    report.kept = true;
    infos_[i] = *info;
  }

  void make(std::size_t i, int threads) {
    const Clock::time_point start = Clock::now();
    CaseReport& report = reports_[i];
    std::string error;
    try {
      make_case(cases_[i], report, infos_[i], threads);
    } catch (const std::bad_alloc&) {
      error = Error(report.name, "there is not enough memory", "give fewer --n_jobs").what();
    } catch (const std::exception& e) {
      error = e.what();
    }
    if (!error.empty()) {
      if (error.find(report.name) == std::string::npos) error = report.name + ": " + error;
      log::error(error);
    }
    report.seconds = seconds_since(start);
    const std::lock_guard lock(mutex_);
    if (!error.empty()) {
      report.error = error;
      infos_[i].reset();
    }
    done_[i] = true;
    if (progress_) progress_->advance();
    save_now_and_then();
  }

  void make_case(const CaseFiles& files, CaseReport& report, std::optional<CaseInfo>& info, int threads) const {
    const bool with_label = options_.exec_mode != "test";
    if (with_label && !files.label)
      throw Error(files.name, "dataset.json names no label for it", "add one, or leave the case out of `training`");
    PreprocessedCase item;
    {
      const Image image = read_nifti(files.image);
      report.original = image.voxels.spatial();
      report.spacing = image.geometry.spacing;
      if (with_label) {
        const LabelMap label = read_label_map(*files.label, config_.n_class);
        item = preprocess_case(files.name, image, &label, config_, threads);
        warn_of_geometry(files, image.geometry, label.geometry);
      } else {
        item = preprocess_case(files.name, image, nullptr, config_, threads);
      }
    }
    if (options_.training()) {
      fit_to_patch(item, config_.patch_size);
      if (options_.dilation) close_label(*item.y);
    }
    report.shape = item.x.shape;
    output_.write_case(files.name, std::move(item));
    info = CaseInfo{files.name, report.spacing, report.original, with_label};
  }

  static void warn_of_geometry(const CaseFiles& files, const Geometry& image, const Geometry& label) {
    constexpr double tolerance = 1e-2;  // mm: what float32 headers lose
    const double difference = affine_difference(image, label);
    if (difference > tolerance)
      log::warn(fmt::format(
          "{}: the affines of image and label differ by up to {:.3g}; the voxel grids are taken to be the same",
          files.name, difference));
  }

  // config.json with the cases that are finished now. Callers hold the mutex or are alone.
  DataConfig save() {
    saved_ = Clock::now();
    DataConfig config = config_;
    for (std::size_t i = 0; i < cases_.size(); ++i)
      if ((reports_[i].kept || done_[i]) && infos_[i]) config.cases.push_back(*infos_[i]);
    output_.write_config(config);
    return config;
  }

  // An interrupted run loses the cases since the last save, no more.
  void save_now_and_then() {
    if (seconds_since(saved_) < 10) return;
    try {
      save();
    } catch (const Error& e) {
      log::warn(e.what());  // the last save decides
    }
  }

  const PreprocessOptions& options_;
  const OutputFolder& output_;
  DataConfig config_;
  const std::vector<CaseFiles>& cases_;
  std::vector<CaseReport> reports_;
  std::vector<std::optional<CaseInfo>> infos_;
  std::vector<bool> done_ = std::vector<bool>(cases_.size(), false);
  std::vector<std::size_t> queue_;
  std::unique_ptr<Progress> progress_;
  std::mutex mutex_;
  Clock::time_point saved_ = Clock::now();
};

}  // namespace

std::int64_t PreprocessReport::failed() const {
  return std::count_if(cases.begin(), cases.end(), [](const CaseReport& c) { return !c.error.empty(); });
}

std::string PreprocessReport::table() const {
  Table rows({"case", "shape", "spacing (mm)", "preprocessed", "seconds"});
  for (const CaseReport& c : cases) {
    if (!c.error.empty()) continue;
    rows.add({c.name, shape_text(c.original),
              fmt::format("{:.4g} x {:.4g} x {:.4g}", c.spacing[0], c.spacing[1], c.spacing[2]), shape_text(c.shape),
              c.kept ? "kept" : fmt::format("{:.2f}", c.seconds)});
  }
  return rows.text();
}

PreprocessReport preprocess_dataset(const PreprocessOptions& options) {
  const Clock::time_point start = Clock::now();
  check_options(options);
  const std::string task = task_name(options);
  const fs::path folder = options.dataset_dir.empty() ? find_task_folder(options.data, task) : options.dataset_dir;
  const Dataset dataset = read_dataset(folder);
  const std::vector<CaseFiles>& cases = options.exec_mode == "test" ? dataset.test : dataset.training;
  if (cases.empty())
    throw Error(folder.string(),
                fmt::format("dataset.json lists no {} cases", options.exec_mode == "test" ? "test" : "training"),
                "choose another --exec_mode");

  const fs::path results = options.results.empty() ? options.data : options.results;
  const fs::path training_folder = results / fmt::format("{}_{}d", task, options.dim);
  const fs::path path = options.training() ? training_folder : training_folder / options.exec_mode;
  refuse_inside(path, folder);
  const Parameters parameters = choose_parameters(options, task, dataset, training_folder / "config.json");
  const OutputFolder output(path, options, task, parameters, dataset, cases);
  const int jobs = options.n_jobs > 0 ? options.n_jobs : available_cores();
  DataConfig config = output.former() ? *output.former() : make_config(parameters, task, dataset, jobs, options.quiet);
  config.cases.clear();

  PreprocessReport report = Pipeline(options, output, std::move(config), cases).run(jobs);
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace nnunet
