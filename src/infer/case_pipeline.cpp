#include "nnunet/infer/case_pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include "nnunet/core/cancelled.h"
#include "nnunet/core/case_failure.h"
#include "nnunet/core/log.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/image_file.h"
#include "nnunet/io/names.h"

namespace nnunet {
namespace {

/// A case whose windows are done.
struct Predicted {
  RestoreSink restored;
  WindowReport report;
};

class Pipeline {
 public:
  Pipeline(Predictor& predictor, CaseStages& stages, CasePasses passes)
      : predictor_(predictor), stages_(stages), passes_(std::move(passes)) {
    if (predictor.device().is_cpu()) threads_beside_ = std::max(1, available_cores() / 8);
  }

  CaseCounts run(bool show) {
    std::optional<Progress> progress;
    if (show) progress.emplace("predict", static_cast<std::int64_t>(stages_.cases()), "images");
    if (stages_.cases() > 0) start_reading(0);
    for (std::size_t i = 0; i < stages_.cases(); ++i) {
      step(i);
      if (progress) progress->advance();
    }
    finish_writing();
    return counts_;
  }

 private:
  void step(std::size_t i) {
    try {
      std::future<PreprocessedCase> current = std::move(reading_);
      std::optional<PreprocessedCase> ready;
      std::exception_ptr failure;
      try {
        ready = current.get();
      } catch (...) {
        failure = std::current_exception();
      }
      if (i + 1 < stages_.cases()) start_reading(i + 1);  // whatever became of this one
      if (failure) std::rethrow_exception(failure);
      auto done = segment(i, std::move(*ready));
      finish_writing();
      start_writing(i, std::move(done));
    } catch (const Cancelled&) {
      throw;
    } catch (const std::exception& e) {
      fail(i, e);
    }
  }

  void start_reading(std::size_t i) {
    int threads = i == 0 ? 0 : threads_beside_;
    if (passes_.threads > 0) threads = threads == 0 ? passes_.threads : std::min(threads, passes_.threads);
    reading_ = std::async(std::launch::async, [this, i, threads] { return stages_.read(i, threads); });
  }

  std::shared_ptr<Predicted> segment(std::size_t i, PreprocessedCase c) {
    RestoreSink restored = stages_.restore(i, c);
    std::vector<LogitSink*> sinks = stages_.others(i);
    sinks.insert(sinks.begin(), &restored);
    const auto report = stream(i, c.x, sinks);
    return std::make_shared<Predicted>(std::move(restored), report);
  }

  WindowReport stream(std::size_t i, const VolumeView& x, const std::vector<LogitSink*>& sinks) {
    if (!passes_.windows && !passes_.watch) return predictor_.stream(stages_.name(i), x, sinks);
    const WindowOptions& windows = passes_.windows ? *passes_.windows : predictor_.windows();
    auto lane = predictor_.make_lane(windows);
    if (passes_.watch) lane = watched(std::move(lane), passes_.watch(i));
    return predictor_.stream(stages_.name(i), x, *lane, windows, sinks);
  }

  void start_writing(std::size_t i, std::shared_ptr<Predicted> done) {
    written_ = i;
    writing_ = std::async(std::launch::async,
                          [this, i, done = std::move(done)] { stages_.write(i, done->restored, done->report); });
  }

  void finish_writing() {
    if (!writing_.valid()) return;
    try {
      writing_.get();
      ++counts_.predicted;
    } catch (const std::exception& e) {
      fail(written_, e);
    }
  }

  void fail(std::size_t i, const std::exception& e) {
    stages_.failed(i, e);
    ++counts_.failed;
  }

  Predictor& predictor_;
  CaseStages& stages_;
  const CasePasses passes_;
  CaseCounts counts_;
  std::size_t written_ = 0;
  /// For the next image: a CPU's network uses every core, and all its threads wait for one that has to share its own.
  int threads_beside_ = 0;
  std::future<PreprocessedCase> reading_;  // last members: joined before what they use goes
  std::future<void> writing_;
};

}  // namespace

void CaseStages::failed(std::size_t i, const std::exception& e) {
  log::error(case_failure(name(i), e));
}

void write_restored_labels(const std::filesystem::path& path, RestoreSink& restored, const CaseImage& image,
                           const ImageFormat& format) {
  if (restored.has_wide_labels())
    write_label_file(path, image.on_file_axes(std::move(restored.wide_labels())), image.original, format.reader);
  else
    write_label_file(path, image.on_file_axes(std::move(restored.labels())), image.original, format.reader);
}

void write_recorded_labels(const std::filesystem::path& path, RestoreSink& restored, const CaseImage& image,
                           const ImageFormat& format, OutputRecord record) {
  if (!restored.has_wide_labels() && is_nifti_name(path)) {
    const LabelMap label{image.on_file_axes(std::move(restored.labels())), image.original};
    return write_recorded(path, encode_label_map(label, has_suffix(path, ".gz")), std::move(record));
  }
  // Formats of several files, and wide labels: their digest is only known when they are there.
  write_restored_labels(path, restored, image, format);
  record.output = digest_of_file(path);
  write_output_record(path, record);
}

void log_case_time(const std::string& name, const WindowReport& report) {
  const std::chrono::duration<double> after = std::chrono::steady_clock::now() - report.last_window;
  std::string constant;
  if (report.constant_windows > 0)
    constant =
        fmt::format(", {} of {} windows are constant and share outputs", report.constant_windows, report.windows);
  log::info(fmt::format("{}: network {:.2f} s, after the last window {:.2f} s{}", name, report.network_seconds,
                        after.count(), constant));
}

CaseCounts predict_cases(Predictor& predictor, CaseStages& stages, bool progress, CasePasses passes) {
  return Pipeline(predictor, stages, std::move(passes)).run(progress);
}

}  // namespace nnunet
