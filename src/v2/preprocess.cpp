#include "nnunet/v2/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <utility>

#include "nnunet/core/case_failure.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "nnunet/core/progress.h"
#include "nnunet/data/case_store_writer.h"
#include "nnunet/io/image_case.h"
#include "nnunet/preprocess/case_memory.h"
#include "nnunet/preprocess/class_locations.h"
#include "nnunet/preprocess/transpose.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<CaseSources> sources_of(const std::vector<RawCase>& cases) {
  std::vector<CaseSources> sources;
  for (const RawCase& c : cases) {
    CaseSources& one = sources.emplace_back(CaseSources{c.name, c.images});
    one.files.push_back(c.label);
  }
  return sources;
}

ImageFormat format_of(const V2Description& description, const std::string& plans_name) {
  const auto reader = image_reader_from_name(description.reader);
  if (!reader)
    throw Error(plans_name, fmt::format("\"image_reader_writer\" is \"{}\", which is not known", description.reader),
                "use one of nnU-Net's readers: SimpleITKIO, NibabelIO, NaturalImage2DIO, Tiff3DIO, ..");
  return {.ending = description.file_ending, .reader = *reader, .numbered = true};
}

/// Values that dataset.json declares.
std::set<int> declared_labels(const LabelSpec& labels) {
  std::set<int> values;
  for (const LabelEntry& entry : labels.entries) values.insert(entry.values.begin(), entry.values.end());
  if (labels.ignore) values.insert(*labels.ignore);
  return values;
}

/// A label that the loss has no class for would only be found after hours of training.
void require_declared(const Array<std::uint16_t>& label, const std::set<int>& declared, const fs::path& file) {
  std::array<bool, 65536> known{};
  for (const int value : declared) known[static_cast<std::size_t>(value)] = true;
  const auto undeclared = std::ranges::find_if(label.values, [&](std::uint16_t v) { return !known[v]; });
  if (undeclared != label.values.end())
    throw Error(file.string(), fmt::format("holds the label {}, which dataset.json does not declare", *undeclared),
                "correct the label map, or add the label to \"labels\"");
}

class Preprocessing {
 public:
  Preprocessing(const PreprocessingOptions& options, V2Plan plan, const std::string& plans_name, fs::path folder)
      : options_(options),
        plan_(std::move(plan)),
        format_(format_of(plan_.description, plans_name)),
        requests_(location_requests(plan_.model.labels)),
        declared_(declared_labels(plan_.model.labels)),
        cases_(training_cases(options.raw)),
        writer_(std::move(folder), store_settings(plan_), sources_of(cases_)),
        memory_(options.memory > 0 ? options.memory : available_memory() / 10 * 8) {}

  PreprocessingReport run() {
    const Clock::time_point start = Clock::now();
    choose_open();
    const int jobs = options_.threads > 0 ? options_.threads : available_cores();
    const auto all = static_cast<std::int64_t>(open_.size());
    report_.kept = static_cast<std::int64_t>(cases_.size()) - all;
    if (options_.progress && all > 0) progress_ = std::make_unique<Progress>("preprocess", all, "cases");
    parallel_for(all, jobs, [&](std::int64_t k) {
      // The last cases share the cores that have no case of their own any more.
      const std::int64_t at_a_time = std::min<std::int64_t>(all - k, jobs);
      make(cases_[open_[static_cast<std::size_t>(k)]], jobs / static_cast<int>(at_a_time));
    });
    progress_.reset();
    publish(std::exchange(pending_, {}));
    std::ranges::sort(report_.failed);
    report_.folder = writer_.folder();
    report_.memory_limit = memory_.limit();
    report_.seconds = seconds_since(start);
    return report_;
  }

 private:
  struct Pending {
    const RawCase* raw;
    PendingFiles files;
  };

  /// The largest first, so that none is left over when the others are done.
  void choose_open() {
    std::vector<std::uintmax_t> bytes(cases_.size());
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      if (writer_.finished(cases_[i].name)) continue;
      open_.push_back(i);
      std::error_code absent;
      for (const fs::path& image : cases_[i].images)
        if (const auto size = fs::file_size(image, absent); !absent) bytes[i] += size;
    }
    std::ranges::stable_sort(open_, [&](std::size_t a, std::size_t b) { return bytes[a] > bytes[b]; });
  }

  void make(const RawCase& c, int threads) {
    std::optional<PendingFiles> files;
    try {
      files = make_case(c, threads);
    } catch (const std::bad_alloc&) {
      fail(c, Error(c.name, "there is not enough memory", "work on fewer cases at a time (-np 1)"));
    } catch (const std::exception& e) {
      fail(c, e);
    }
    std::unique_lock lock(mutex_);
    if (files) pending_.push_back({&c, std::move(*files)});
    if (progress_) progress_->advance();
    publish_now_and_then(lock);
  }

  PendingFiles make_case(const RawCase& c, int threads) {
    writer_.require_free(c.name);
    if (c.images.empty()) throw Error(c.name, "it has no image of channel 0", "add CASE_0000, or list its images");
    std::vector<FileRecord> sources;
    for (const fs::path& image : c.images) sources.push_back(record_file(image));
    sources.push_back(record_file(c.label));

    std::optional<MemoryBudget::Share> share;
    CaseImage image = read_within_budget(c, share);
    const ReaderProperties reader = image.properties;
    PreprocessedCase item;
    {
      const Array<std::uint16_t> label = read_case_labels(c.label, image, format_);
      require_declared(label, declared_, c.label);
      item = preprocess_case(c.name, std::move(image.image), label, plan_.model.preprocess, threads);
    }
    const std::vector<ClassLocations> locations = draw_class_locations(*item.label, requests_);
    return writer_.write(c.name, std::move(item), locations, reader, sources);
  }

  /// What a case needs is known before it is read where the headers of its files are NIfTI's. Others are read one at a
  /// time, since only then their size is known, and wait for their share of the memory afterwards.
  CaseImage read_within_budget(const RawCase& c, std::optional<MemoryBudget::Share>& share) {
    if (std::ranges::all_of(c.images, is_nifti_name) && is_nifti_name(c.label)) {
      share.emplace(memory_, noted(c, expected_memory(c)));
      return read_case_image(c.image_case(), format_);
    }
    const std::lock_guard lock(reading_);
    CaseImage image = read_case_image(c.image_case(), format_);
    NiftiInfo info;
    info.geometry = image.image.geometry;
    info.channels = image.image.voxels.size(0);
    NiftiInfo label = info;
    label.channels = 1;
    share.emplace(memory_, noted(c, case_bytes(info, label)));
    return image;
  }

  /// An upper bound, but for what a reader that turns images needs where the axes' spacings differ.
  std::int64_t expected_memory(const RawCase& c) const {
    NiftiInfo image = read_nifti_info(c.images.front());
    // Channels are read one after the other and joined, which takes room for one more.
    const std::int64_t channel = volume(image.geometry.shape) * static_cast<std::int64_t>(sizeof(float));
    if (c.images.size() > 1) image.stored_bytes += image.channels * channel;
    if (reorients(format_.reader)) image.stored_bytes += image.channels * channel;
    image.channels *= static_cast<std::int64_t>(c.images.size());
    NiftiInfo label = read_nifti_info(c.label);
    label.stored_bytes += channel;  // label maps are read as images
    return case_bytes(image, label);
  }

  std::int64_t case_bytes(const NiftiInfo& image, const NiftiInfo& label) const {
    const PreprocessPlan& plan = plan_.model.preprocess;
    const Spacing3 spacing = in_order(image.geometry.spacing, plan.transpose);
    const Shape3 to = target_shape(plan, in_order(image.geometry.shape, plan.transpose), spacing);
    return std::max(case_memory(image, label, plan),
                    volume(to) * (4 * image.channels + 2) + class_locations_memory(to));
  }

  std::int64_t noted(const RawCase& c, std::int64_t bytes) {
    if (memory_.limit() > 0 && bytes > memory_.limit())
      log::warn(fmt::format("{}: it needs up to {} of memory, {} are available", c.name, format_bytes(bytes),
                            format_bytes(memory_.limit())));
    const std::lock_guard lock(mutex_);
    report_.case_memory = std::max(report_.case_memory, bytes);
    return bytes;
  }

  void fail(const RawCase& c, const std::exception& e) {
    log::error(case_failure(c.name, e));
    const std::lock_guard lock(mutex_);
    report_.failed.push_back(c.name);
  }

  /// One flush of the file system for all of these: one for each file would take longer than to make a small case.
  void publish(std::vector<Pending> pending) {
    if (pending.empty()) return;
    flush_file_system(writer_.folder());
    for (Pending& one : pending) {
      try {
        writer_.publish(one.raw->name, one.files);
        ++report_.made;  // one at a time publishes
      } catch (const std::exception& e) {
        fail(*one.raw, e);
      }
    }
  }

  /// An interrupted run loses the cases since the last time, no more: a twentieth of the time goes into this, unless
  /// that means to lose more than 10 s.
  void publish_now_and_then(std::unique_lock<std::mutex>& lock) {
    if (publishing_ || seconds_since(published_) < std::clamp(20 * publish_seconds_, 1.0, 10.0)) return;
    publishing_ = true;
    std::vector<Pending> pending = std::exchange(pending_, {});
    lock.unlock();
    const Clock::time_point start = Clock::now();
    publish(std::move(pending));
    lock.lock();
    publish_seconds_ = seconds_since(start);
    publishing_ = false;
    published_ = Clock::now();
  }

  const PreprocessingOptions& options_;
  const V2Plan plan_;
  const ImageFormat format_;
  const std::vector<std::vector<int>> requests_;
  const std::set<int> declared_;
  const std::vector<RawCase> cases_;
  CaseStoreWriter writer_;
  MemoryBudget memory_;
  std::vector<std::size_t> open_;  // cases to be made
  std::unique_ptr<Progress> progress_;
  std::mutex reading_;

  std::mutex mutex_;  // for what follows
  PreprocessingReport report_;
  std::vector<Pending> pending_;
  bool publishing_ = false;
  double publish_seconds_ = 0;  // that the last time took
  Clock::time_point published_ = Clock::now();
};

}  // namespace

PreprocessingReport preprocess_configuration(const PreprocessingOptions& options) {
  const V2Files files = read_v2_files(options.preprocessed, options.plans);
  fs::path folder = store_folder(options.preprocessed, files, options.configuration);
  return Preprocessing(options, read_v2_plan(files, options.configuration), files.plans_name, std::move(folder)).run();
}

}  // namespace nnunet::v2
