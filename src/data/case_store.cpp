#include "nnunet/data/case_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "case_record.h"
#include "nnunet/core/error.h"
#include "nnunet/core/some_names.h"

namespace nnunet {

namespace fs = std::filesystem;
using namespace case_store;

namespace {

/// Cases that stay open. Each has four mappings at most, of which a process may have 65530.
constexpr std::size_t kMostOpen = 4096;

constexpr const char* kTrainPrevious = "train the previous stage's folds to their end: their validation makes it";

[[noreturn]] void fail_damaged(const fs::path& file, const std::string& problem) {
  throw Error(file.string(), problem, kRemedy);
}

/// Why a folder is none of ours, for people who know it as nnU-Net's.
Error no_store(const fs::path& folder) {
  constexpr const char* kMake = "run nnUNetv2_preprocess of this program";
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const fs::path kind = entry->path().extension();
    if (kind == ".b2nd" || kind == ".npz")
      return {
          folder.string(),
          fmt::format("holds cases that nnU-Net preprocessed itself ({}), which were not taken over", kind.string()),
          fmt::format("{}: it writes its own beside them", kMake)};
  }
  return {folder.string(), "there are no preprocessed cases", kMake};
}

/// A whole file of one type and number of axes.
NpyFile open_array(const fs::path& file, const std::string& type, std::size_t axes) {
  NpyFile array(file);
  if (array.dtype() != type || array.shape().size() != axes)
    fail_damaged(file, fmt::format("holds {} values of {} axes, expected {} and {}", array.dtype(),
                                   array.shape().size(), type, axes));
  return array;
}

Shape3 shape_of(const NpyFile& array) {
  const auto& shape = array.shape();
  return {shape[shape.size() - 3], shape[shape.size() - 2], shape[shape.size() - 1]};
}

void require_shape(const NpyFile& array, const Shape3& size, const fs::path& file) {
  if (shape_of(array) != size)
    fail_damaged(file, fmt::format("is {}, but the image is {}", shape_text(shape_of(array)), shape_text(size)));
}

std::vector<std::string> missing_of(const fs::path& folder, const StoreList& list) {
  std::vector<std::string> missing;
  std::error_code failure;
  for (const std::string& name : list.cases)
    if (!is_plain_name(name) || !fs::exists(folder / (name + kImage), failure) ||
        !fs::exists(record_path(folder, name), failure))
      missing.push_back(name);
  return missing;
}

}  // namespace

std::optional<std::vector<std::string>> missing_cases(const fs::path& folder) {
  std::error_code failure;
  if (!fs::exists(list_file(folder), failure)) return std::nullopt;
  return missing_of(folder, read_list(folder));
}

StoredCase::StoredCase(std::string name, NpyFile x, NpyFile y, NpyFile locations)
    : name_(std::move(name)),
      x_(std::move(x)),
      y_(std::move(y)),
      locations_(std::move(locations)),
      size_(shape_of(x_)) {}

std::span<const std::array<std::int32_t, 3>> StoredCase::locations(std::size_t i) const {
  static_assert(sizeof(std::array<std::int32_t, 3>) == 3 * sizeof(std::int32_t));
  const auto* first = reinterpret_cast<const std::array<std::int32_t, 3>*>(locations_.values<std::int32_t>().data());
  return {first + requests_[i].first, requests_[i].count};
}

CaseStore::CaseStore(fs::path folder) : folder_(std::move(folder)) {
  std::error_code failure;
  if (!fs::exists(list_file(folder_), failure)) throw no_store(folder_);
  StoreList list = read_list(folder_);
  if (list.version != kVersion)
    throw Error(folder_.string(),
                fmt::format("its cases are of version {}, this program reads version {}", list.version, kVersion),
                kRemedy);
  if (const std::vector<std::string> missing = missing_of(folder_, list); !missing.empty())
    throw Error(folder_.string(),
                fmt::format("{} of {} cases are missing, since preprocessing was interrupted or failed: {}",
                            missing.size(), list.cases.size(), some_names(missing)),
                "run nnUNetv2_preprocess again: what is finished is kept");
  names_ = std::move(list.cases);
  std::ranges::sort(names_);
  made_with_ = std::move(list.made_with);
}

std::shared_ptr<const StoredCase> CaseStore::open(const std::string& name) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(name); found != open_.end()) return found->second;
  }
  // Outside of the lock: others need not wait for the disk. Where two open a case at the same time, the first stays.
  std::shared_ptr<const StoredCase> made = open_files(name);
  const std::lock_guard lock(mutex_);
  if (open_.size() >= kMostOpen) open_.clear();
  return open_.emplace(name, std::move(made)).first->second;
}

std::shared_ptr<const StoredCase> CaseStore::open_files(const std::string& name) const {
  if (!std::ranges::binary_search(names_, name))
    throw Error(folder_.string(), fmt::format("there is no case {}", name), "check its name");
  const CaseRecord record = read_record(folder_, name);
  std::shared_ptr<StoredCase> c(new StoredCase(name, open_array(file(name, kImage), "f4", 4),
                                               open_array(file(name, kLabel), "i2", 3),
                                               open_array(file(name, kLocations), "i4", 2)));
  if (volume(c->size_) == 0 || c->channels() == 0) fail_damaged(file(name, kImage), "has no voxels");
  require_shape(c->y_, c->size_, file(name, kLabel));

  const auto& rows = c->locations_.shape();
  std::size_t places = 0;
  for (const LocationCount& one : record.locations) {
    c->requests_.push_back({one.labels, places, one.count});
    places += one.count;
  }
  if (rows[1] != 3 || static_cast<std::size_t>(rows[0]) != places)
    fail_damaged(file(name, kLocations), fmt::format("is {}, expected {}x3", shape_text(rows), places));
  const auto values = c->locations_.values<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < 0 || values[i] >= c->size_[i % 3])
      fail_damaged(file(name, kLocations), "holds a place outside of the image");

  if (!previous_.empty()) {
    const fs::path labels = previous_labels(name);
    std::error_code failure;
    if (!fs::exists(labels, failure))
      throw Error(labels.string(), "the previous stage has no label map of this case", kTrainPrevious);
    c->previous_ = open_array(labels, "i2", 3);
    require_shape(*c->previous_, c->size_, labels);
  }
  return c;
}

StoredOrigin CaseStore::origin(const std::string& name) const {
  return read_record(folder_, name).origin;
}

void CaseStore::attach_previous(fs::path folder) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    throw Error(folder.string(), "there are no label maps of the previous stage", "train the previous stage first");
  const std::lock_guard lock(mutex_);
  previous_ = std::move(folder);
  open_.clear();
}

void CaseStore::require_previous(const std::vector<std::string>& names) const {
  if (previous_.empty()) return;
  std::vector<std::string> missing;
  std::error_code failure;
  std::ranges::copy_if(names, std::back_inserter(missing),
                       [&](const std::string& name) { return !fs::exists(previous_labels(name), failure); });
  if (!missing.empty())
    throw Error(previous_.string(),
                fmt::format("{} of {} cases have no label map of the previous stage: {}", missing.size(), names.size(),
                            some_names(missing)),
                kTrainPrevious);
}

void write_previous_stage(const fs::path& folder, const std::string& name, const Array<std::int16_t>& labels) {
  if (!is_plain_name(name)) throw Error(name, "cannot be the name of a file", "rename the case");
  write_npy(folder / (name + ".npy"), labels);
}

}  // namespace nnunet
