#include "nnunet/preprocess/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

#include "nnunet/core/error.h"
#include "nnunet/core/job.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/core/table.h"
#include "nnunet/io/dataset.h"
#include "nnunet/plan/reference_plan.h"
#include "nnunet/plan/task.h"
#include "nnunet/preprocess/case_memory.h"
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
  // A case under temporary names.
  using Pending = std::pair<std::size_t, PendingFiles>;

 public:
  Pipeline(const PreprocessOptions& options, const OutputFolder& output, DataConfig config,
           const std::vector<CaseFiles>& cases, MemoryBudget& memory)
      : options_(options),
        output_(output),
        config_(std::move(config)),
        plan_(reference_plan(config_)),
        cases_(cases),
        reports_(cases.size()),
        finished_(cases.size()),
        memory_(memory) {}

  PreprocessReport run(int jobs) {
    for (std::size_t i = 0; i < cases_.size(); ++i)
      if (options_.part.owns(i)) keep_or_queue(i);
    largest_first();
    save_config();  // from here on the folder says what it was made with
    if (!options_.quiet)
      progress_ = std::make_unique<Progress>("preprocess", static_cast<std::int64_t>(queue_.size()), "cases");
    const auto all = static_cast<std::int64_t>(queue_.size());
    parallel_for(all, jobs, [&](std::int64_t k) {
      // The last cases share the cores that have no case of their own any more.
      const std::int64_t at_a_time = std::min<std::int64_t>(all - k, jobs);
      make(queue_[static_cast<std::size_t>(k)], jobs / static_cast<int>(at_a_time));
    });
    progress_.reset();
    publish(std::exchange(pending_, {}));
    DataConfig written = save_config();
    return {output_.path(), std::move(written), options_.part.own(reports_), 0, memory_.limit(), largest_};
  }

 private:
  void keep_or_queue(std::size_t i) {
    CaseReport& report = reports_[i];
    report.name = cases_[i].name;
    const FinishedCase* finished = output_.finished(report.name);
    if (finished == nullptr) {
      queue_.push_back(i);
      return;
    }
    report.original = finished->info.shape;
    report.spacing = finished->info.spacing;
    report.shape = output_.case_shape(report.name);
    report.kept = true;
    finished_[i] = *finished;
  }

  // So that no large case is left over when the others are done.
  void largest_first() {
    std::vector<std::uintmax_t> bytes(cases_.size());
    std::error_code absent;
    for (const std::size_t i : queue_) bytes[i] = fs::file_size(cases_[i].image, absent);
    std::stable_sort(queue_.begin(), queue_.end(), [&](std::size_t a, std::size_t b) { return bytes[a] > bytes[b]; });
  }

  void make(std::size_t i, int threads) {
    const Clock::time_point start = Clock::now();
    PendingFiles files;
    try {
      files = make_case(cases_[i], reports_[i], finished_[i], threads);
    } catch (const std::bad_alloc&) {
      fail(i, Error(reports_[i].name, "there is not enough memory", "give fewer --n_jobs").what());
    } catch (const std::exception& e) {
      fail(i, e.what());
    }
    reports_[i].seconds = seconds_since(start);
    std::unique_lock lock(mutex_);
    if (reports_[i].error.empty()) pending_.emplace_back(i, std::move(files));
    if (progress_) progress_->advance();
    save_now_and_then(lock);
  }

  void fail(std::size_t i, std::string error) {
    CaseReport& report = reports_[i];
    if (error.find(report.name) == std::string::npos) error = report.name + ": " + error;
    log::error(error);
    report.error = error;
  }

  PendingFiles make_case(const CaseFiles& files, CaseReport& report, std::optional<FinishedCase>& finished,
                         int threads) {
    const bool with_label = options_.exec_mode != "test";
    if (with_label && !files.label)
      throw Error(files.name, "dataset.json names no label for it", "add one, or leave the case out of `training`");
    const MemoryBudget::Share share(memory_, expected_memory(files, with_label));
    std::vector<FileRecord> sources = output_.record_sources(files);
    PreprocessedCase item;
    {
      Image image = read_nifti(files.image);
      const Geometry geometry = image.geometry;
      report.original = geometry.shape;
      report.spacing = geometry.spacing;
      if (with_label) {
        const LabelMap label = read_label_map(*files.label, plan_.labels.heads());
        item = preprocess_case(files.name, std::move(image), label, plan_.preprocess, plan_.labels, threads);
        warn_of_geometry(files, geometry, label.geometry);
      } else {
        item = preprocess_case(files.name, std::move(image), plan_.preprocess, threads);
      }
    }
    if (!padded_to().empty()) fit_to_patch(item, padded_to());
    if (options_.training() && options_.dilation) close_label(*item.y);
    report.shape = item.x.shape;
    finished = FinishedCase{{files.name, report.spacing, report.original, with_label}, std::move(sources)};
    return output_.write_case(files.name, std::move(item));
  }

  // Empty: cases keep their size.
  std::vector<std::int64_t> padded_to() const {
    const bool fits = options_.training() && plan_.preprocess.training_fit == TrainingFit::to_patch;
    return fits ? plan_.window.patch : std::vector<std::int64_t>();
  }

  // Bytes for one case, from its headers.
  std::int64_t expected_memory(const CaseFiles& files, bool with_label) {
    std::optional<NiftiInfo> label;
    if (with_label) label = read_nifti_info(*files.label);
    const std::int64_t bytes = case_memory(read_nifti_info(files.image), label, plan_.preprocess, padded_to());
    if (memory_.limit() > 0 && bytes > memory_.limit())
      log::warn(fmt::format("{}: it needs up to {} of memory, {} are available", files.name, format_bytes(bytes),
                            format_bytes(memory_.limit())));
    const std::lock_guard lock(mutex_);
    largest_ = std::max(largest_, bytes);
    return bytes;
  }

  static void warn_of_geometry(const CaseFiles& files, const Geometry& image, const Geometry& label) {
    constexpr double tolerance = 1e-2;  // mm: what float32 headers lose
    const double difference = affine_difference(image, label);
    if (difference > tolerance)
      log::warn(fmt::format(
          "{}: the affines of image and label differ by up to {:.3g}; the voxel grids are taken to be the same",
          files.name, difference));
  }

  // Gives these cases their final names. One flush of the file system serves all of them: a flush for each file would
  // take far longer than to make a small case, and without any a final name might hold half a file after a power cut.
  void publish(std::vector<Pending> pending) {
    if (pending.empty()) return;
    flush_file_system(output_.path());
    for (auto& [i, files] : pending) {
      try {
        output_.publish(cases_[i].name, files);
        done_[i] = true;
      } catch (const std::exception& e) {
        fail(i, e.what());
      }
    }
  }

  DataConfig save_config() const {
    std::vector<std::optional<FinishedCase>> own(cases_.size());
    for (std::size_t i = 0; i < cases_.size(); ++i)
      if (reports_[i].kept || done_[i]) own[i] = finished_[i];
    return output_.write_config(config_, own);
  }

  // An interrupted run loses the cases since the last save, no more. The others go on meanwhile, a little slower: saves
  // take a twentieth of the time at most, however slow the disk, unless that means to lose more than 10 s.
  void save_now_and_then(std::unique_lock<std::mutex>& lock) {
    if (saving_ || seconds_since(saved_) < std::clamp(20 * save_seconds_, 1.0, 10.0)) return;
    saving_ = true;
    std::vector<Pending> pending = std::exchange(pending_, {});
    lock.unlock();
    const Clock::time_point start = Clock::now();
    publish(std::move(pending));
    try {
      save_config();
    } catch (const Error& e) {
      log::warn(e.what());  // the last one decides
    }
    lock.lock();
    save_seconds_ = seconds_since(start);
    saving_ = false;
    saved_ = Clock::now();
  }

  const PreprocessOptions& options_;
  const OutputFolder& output_;
  DataConfig config_;
  ModelPlan plan_;
  const std::vector<CaseFiles>& cases_;
  std::vector<CaseReport> reports_;
  std::vector<std::optional<FinishedCase>> finished_;
  MemoryBudget& memory_;
  std::vector<std::size_t> queue_;
  std::unique_ptr<Progress> progress_;
  std::vector<bool> done_ = std::vector<bool>(cases_.size(), false);  // of whoever saves

  std::mutex mutex_;  // for what follows
  std::vector<Pending> pending_;
  std::int64_t largest_ = 0;
  bool saving_ = false;
  double save_seconds_ = 0;  // that the last save took
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
  const int jobs = options.n_jobs > 0 ? options.n_jobs : cores_for(options.place);
  MemoryBudget memory(options.memory > 0 ? options.memory : available_memory() / 10 * 8 / options.place.local_size);
  DataConfig config =
      output.former() ? *output.former() : make_config(parameters, task, dataset, jobs, memory, options.quiet);
  config.cases.clear();

  PreprocessReport report = Pipeline(options, output, std::move(config), cases, memory).run(jobs);
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace nnunet
