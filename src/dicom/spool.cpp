#include "nnunet/dicom/spool.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <sstream>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/durable_move.h"

namespace nnunet::dicom {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIncoming = "incoming";
constexpr const char* kReceiving = "receiving";
constexpr const char* kWaiting = "waiting";
constexpr const char* kSegmented = "segmented";
constexpr const char* kDone = "done";
constexpr const char* kFailed = "failed";
constexpr const char* kImages = "images";
constexpr const char* kInstances = "instances.txt";

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_directory(ignored)) found.push_back(entry.path());
  return found;
}

std::size_t count_files(const fs::path& folder) {
  std::error_code ignored;
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder, ignored), fs::directory_iterator()));
}

/// When a file was last put into the series, or taken out.
fs::file_time_type last_change(const fs::path& series) {
  std::error_code ignored;
  return fs::last_write_time(series / kImages, ignored);
}

/// The one that was changed first, of those that are wanted.
std::optional<fs::path> oldest(const fs::path& folder, const std::set<std::string>& but) {
  std::optional<fs::path> found;
  for (const fs::path& series : folders_in(folder))
    if (!but.contains(series.filename().string()) && (!found || last_change(series) < last_change(*found)))
      found = series;
  return found;
}

/// A name that is free: NAME, NAME-2, ..
fs::path free_name(const fs::path& path) {
  fs::path name = path;
  for (int i = 2; fs::exists(name); ++i) name = fmt::format("{}-{}", path.string(), i);
  return name;
}

std::string text_of_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc)};
}

std::uint64_t bytes_in(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  return bytes;
}

}  // namespace

std::vector<fs::path> Spool::Job::objects() const {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".dcm") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> Spool::Job::instances() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(images())) names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

Spool::Spool(const SpoolOptions& options) : options_(options) {
  require_writable_folder(options_.folder.parent_path().empty() ? fs::path(".") : options_.folder.parent_path());
  make_private_folder(options_.folder);
  require_writable_folder(options_.folder);
  lock_ =
      std::make_unique<FolderLock>(options_.folder, options_.folder, "another node", "give this one its own --spool");
  for (const char* const state : {kIncoming, kReceiving, kWaiting, kSegmented, kDone, kFailed})
    make_private_folder(place(state));
  for (const auto& entry : fs::directory_iterator(place(kIncoming))) fs::remove_all(entry.path());
  take_stock();
}

/// What an earlier process left: series that are received start to wait anew, and the images of those that it had
/// delivered go.
void Spool::take_stock() {
  constexpr std::chrono::hours long_ago(24 * 30);
  for (const fs::path& series : folders_in(place(kReceiving))) last_[series.filename().string()] = Clock::now();
  if (!options_.keep)
    for (const fs::path& series : folders_in(place(kDone))) {
      const Job job{series.filename().string(), series};
      if (fs::exists(job.images())) {  // it ended between delivering and removing
        fs::remove_all(job.images());
        for (const fs::path& object : job.objects()) fs::remove(object);
      }
      std::error_code failure;
      const auto written = fs::last_write_time(series / kInstances, failure);
      if (failure || fs::file_time_type::clock::now() - written > long_ago) fs::remove_all(series);
    }
  used_ = bytes_in(options_.folder);
}

fs::path Spool::place(const char* state, const std::string& series) const {
  return series.empty() ? options_.folder / state : options_.folder / state / series;
}

std::uint64_t Spool::room(std::string& why_not) {
  const std::lock_guard lock(mutex_);
  if (used_ >= options_.most_bytes) used_ = bytes_in(options_.folder);  // somebody may have cleared `failed`
  std::error_code failure;
  const fs::space_info disk = fs::space(options_.folder, failure);
  if (used_ >= options_.most_bytes) {
    why_not = "the spool holds as much as it may";
    return 0;
  }
  if (failure || disk.available <= options_.free_bytes) {
    why_not = "the spool's disk is full";
    return 0;
  }
  return std::min<std::uint64_t>(options_.most_bytes - used_, disk.available - options_.free_bytes);
}

fs::path Spool::incoming() {
  const std::lock_guard lock(mutex_);
  return place(kIncoming, fmt::format("{:08}.dcm", ++next_file_));
}

void Spool::forget(const fs::path& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
}

std::size_t Spool::add(const fs::path& file, const std::string& series, const std::string& instance) {
  const std::lock_guard lock(mutex_);
  gather(series);
  const fs::path folder = place(kReceiving, series), target = folder / kImages / (instance + ".dcm");
  make_private_folder(folder);
  make_private_folder(folder / kImages);
  std::error_code ignored;
  const std::uint64_t bytes = fs::file_size(file);
  const std::uint64_t replaced = fs::exists(target, ignored) ? fs::file_size(target, ignored) : 0;
  move_file_durably(file, target);
  used_ += bytes - replaced;
  last_[series] = Clock::now();
  return count_files(folder / kImages);
}

/// What lies of a series elsewhere and is not worked on is received again, so that it is segmented as a whole.
void Spool::gather(const std::string& series) {
  if (active_.contains(series)) return;
  for (const char* const state : {kWaiting, kSegmented}) {
    const Job job{series, place(state, series)};
    if (!fs::exists(job.folder)) continue;
    for (const auto& entry : fs::directory_iterator(job.folder))  // an object, and how it was made
      if (entry.path().filename() != kImages) remove(entry.path());
    const fs::path target = place(kReceiving, series);
    if (fs::exists(target)) {
      make_private_folder(target / kImages);
      for (const auto& entry : fs::directory_iterator(job.images())) {
        const fs::path newer = target / kImages / entry.path().filename();
        if (fs::exists(newer))
          remove(entry.path());
        else
          move_file_durably(entry.path(), newer);
      }
      remove(job.folder);
    } else {
      move_folder_durably(job.folder, target);
    }
    last_[series] = Clock::now();
  }
}

Spool::Counts Spool::promote(const std::set<std::string>& held) {
  const std::lock_guard lock(mutex_);
  Counts counts;
  for (const fs::path& folder : folders_in(place(kReceiving))) {
    const std::string series = folder.filename().string();
    const auto [last, is_new] = last_.try_emplace(series, Clock::now());
    if (held.contains(series) || active_.contains(series) || Clock::now() - last->second < options_.series_timeout) {
      ++counts.receiving;
      continue;
    }
    gather(series);
    if (count_files(folder / kImages) == 0) {  // killed before its first instance was there
      remove(folder);
    } else {
      move_folder_durably(folder, place(kWaiting, series));
    }
    last_.erase(series);
  }
  counts.waiting = folders_in(place(kWaiting)).size();
  return counts;
}

std::optional<Spool::Job> Spool::next_waiting() {
  const std::lock_guard lock(mutex_);
  const auto folder = oldest(place(kWaiting), active_);
  if (!folder) return std::nullopt;
  const std::string series = folder->filename().string();
  active_.insert(series);
  return Job{series, *folder};
}

std::optional<Spool::Job> Spool::next_segmented(const std::set<std::string>& not_yet) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> but = active_;
  but.insert(not_yet.begin(), not_yet.end());
  const auto folder = oldest(place(kSegmented), but);
  if (!folder) return std::nullopt;
  const std::string series = folder->filename().string();
  active_.insert(series);
  return Job{series, *folder};
}

bool Spool::is_overtaken(const Job& job) const {
  const std::lock_guard lock(mutex_);
  return fs::exists(place(kReceiving, job.series));
}

std::vector<std::string> Spool::delivered_before(const Job& job) const {
  const fs::path list = place(kDone, job.series) / kInstances;
  if (!fs::exists(list)) return {};
  std::istringstream lines(read_text(list));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) names.push_back(line);
  std::ranges::sort(names);
  return names;
}

/// It is worked on no longer. False where more of it came meanwhile: what there was is with that now.
bool Spool::end(const Job& job) {
  active_.erase(job.series);
  if (!fs::exists(place(kReceiving, job.series))) return true;
  gather(job.series);
  return false;
}

void Spool::segmented(const Job& job) {
  const std::lock_guard lock(mutex_);
  if (!end(job)) return;
  for (const fs::path& object : job.objects()) used_ += fs::file_size(object);
  flush_folder(job.folder);
  const fs::path target = place(kSegmented, job.series);
  if (fs::exists(target)) remove(target);  // somebody put the series into the queue again
  move_folder_durably(job.folder, target);
}

void Spool::delivered(const Job& job) {
  std::string list;
  for (const std::string& name : job.instances()) list += name + '\n';
  const std::lock_guard lock(mutex_);
  active_.erase(job.series);  // what came meanwhile is another one's
  write_text(job.folder / kInstances, list);
  const fs::path done = place(kDone, job.series);
  if (fs::exists(done)) {
    if (options_.keep)
      move_folder_durably(done, free_name(done));
    else
      remove(done);
  }
  move_folder_durably(job.folder, done);
  if (options_.keep) return;
  for (const auto& entry : fs::directory_iterator(done))
    if (entry.path().filename() != kInstances) remove(entry.path());
}

fs::path Spool::failed(const Job& job, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!end(job)) return {};
  write_text(job.folder / "reason.txt", fmt::format("{}\n{}\n", text_of_now(), reason));
  const fs::path target = free_name(place(kFailed, job.series));
  move_folder_durably(job.folder, target);
  return target;
}

void Spool::drop(const Job& job) {
  const std::lock_guard lock(mutex_);
  if (end(job)) remove(job.folder);
}

void Spool::release(const Job& job) {
  const std::lock_guard lock(mutex_);
  end(job);
}

void Spool::remove(const fs::path& path) {
  const std::uint64_t bytes = fs::is_directory(path) ? bytes_in(path) : fs::file_size(path);
  fs::remove_all(path);
  used_ -= std::min(used_, bytes);
}

}  // namespace nnunet::dicom
