#include "nnunet/data/case_store_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>

#include "case_record.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/some_names.h"
#include "nnunet/io/npy.h"
#include "nnunet/io/output_record.h"

namespace nnunet {

namespace fs = std::filesystem;
using namespace case_store;

namespace {

void remove_file(const fs::path& file) {
  std::error_code failure;
  fs::remove(file, failure);
  if (failure) throw Error(file.string(), "cannot be replaced: " + failure.message(), "check its permissions");
}

/// A later version's cases are not thrown away for an earlier one's.
void require_known_version(const fs::path& folder) {
  std::error_code failure;
  if (!fs::exists(list_file(folder), failure)) return;
  int version = 0;
  try {
    version = read_list(folder).version;
  } catch (const Error&) {
    return;  // it is written anew
  }
  if (version > kVersion)
    throw Error(folder.string(), fmt::format("a later version of this program wrote its cases (version {})", version),
                "use that version, or remove the folder");
}

/// Names of the cases that have a record, whose files are ours.
std::vector<std::string> recorded_cases(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(records_folder(folder), failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure))
    if (entry->path().extension() == ".json") names.push_back(entry->path().stem().string());
  return names;
}

Array<std::int32_t> joined(const std::vector<ClassLocations>& locations) {
  std::size_t count = 0;
  for (const ClassLocations& one : locations) count += one.voxels.size();
  Array<std::int32_t> all({static_cast<std::int64_t>(count), 3});
  std::size_t i = 0;
  for (const ClassLocations& one : locations)
    for (const auto& voxel : one.voxels)
      for (const std::int64_t place : voxel) all.values[i++] = static_cast<std::int32_t>(place);
  return all;
}

void write_bytes(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw Error(path.string(), "cannot be written", "check the disk's free space");
}

}  // namespace

CaseStoreWriter::CaseStoreWriter(fs::path folder, nlohmann::json made_with, const std::vector<CaseSources>& cases)
    : folder_(std::move(folder)), made_with_(std::move(made_with)) {
  require_known_version(folder_);
  require_writable_folder(folder_);
  const fs::path own = list_file(folder_).parent_path();
  require_writable_folder(own);
  lock_.emplace(own, folder_, "another preprocessing", "wait for it");
  sort_out(cases);

  StoreList list{kVersion, made_with_, {}};
  std::set<std::string> files, records;
  for (const CaseSources& c : cases) {
    list.cases.push_back(c.name);
    for (const char* kind : kKinds) files.insert(c.name + kind);
    records.insert(c.name + ".json");
  }
  std::ranges::sort(list.cases);
  write_text(list_file(folder_), json_text(list));
  remove_leftovers(folder_, files);
  remove_leftovers(records_folder(folder_), records);
  remove_leftovers(own, {list_file(folder_).filename().string()});
}

void CaseStoreWriter::sort_out(const std::vector<CaseSources>& cases) {
  std::map<std::string, std::vector<std::string>> anew;  // by reason
  for (const CaseSources& c : cases) {
    bool& finished = finished_[c.name] = false;
    std::error_code failure;
    if (!is_plain_name(c.name) || !fs::exists(record_path(folder_, c.name), failure)) continue;
    const std::string why = why_anew(c);
    finished = why.empty();
    if (finished) continue;
    if (fs::exists(folder_ / (c.name + kImage), failure)) anew[why].push_back(c.name);
    remove_case(c.name);
  }
  for (const auto& [why, names] : anew)
    log::warn(fmt::format("{}: {} case{} made anew, since {}: {}", folder_.string(), names.size(),
                          names.size() == 1 ? " is" : "s are", why, some_names(names)));
  remove_others(cases);
}

// Empty: the case can be kept.
std::string CaseStoreWriter::why_anew(const CaseSources& c) const {
  std::error_code failure;
  for (const char* kind : kKinds)
    if (!fs::is_regular_file(folder_ / (c.name + kind), failure)) return "a file is missing";
  const std::optional<CaseRecord> record = find_record(folder_, c.name);
  if (!record) return "its record cannot be understood";
  if (std::string what = first_difference(record->made_with, made_with_); !what.empty()) return what;
  if (record->sources.size() != c.files.size()) return "it was made from another number of files";
  const std::int64_t made = time_of_change(folder_ / (c.name + kImage));
  CaseRecord now = *record;
  for (std::size_t i = 0; i < c.files.size(); ++i) {
    const auto source = unchanged(c.files[i], record->sources[i], made);
    if (!source) return "its image or label has changed";
    now.sources[i] = *source;
  }
  if (now.sources != record->sources) write_text(record_path(folder_, c.name), json_text(now));  // copied since
  return {};
}

// The record last: without it the files would be nobody's.
void CaseStoreWriter::remove_case(const std::string& name) const {
  for (const char* kind : kKinds) remove_file(folder_ / (name + kind));
  remove_file(record_path(folder_, name));
}

void CaseStoreWriter::remove_others(const std::vector<CaseSources>& cases) const {
  std::vector<std::string> gone;
  for (const std::string& name : recorded_cases(folder_))
    if (!finished_.contains(name)) gone.push_back(name);
  for (const std::string& name : gone) remove_case(name);
  std::ranges::sort(gone);
  if (!gone.empty())
    log::info(fmt::format("{}: {} preprocessed case{} removed that the dataset's {} cases lack now: {}",
                          folder_.string(), gone.size(), gone.size() == 1 ? " is" : "s are", cases.size(),
                          some_names(gone)));
}

bool CaseStoreWriter::has_foreign_files(const std::string& name) const {
  std::error_code failure;
  return !fs::exists(record_path(folder_, name), failure) &&
         std::ranges::any_of(kKinds, [&](const char* kind) { return fs::exists(folder_ / (name + kind), failure); });
}

void CaseStoreWriter::require_free(const std::string& name) const {
  if (!is_plain_name(name)) throw Error(name, "cannot be the name of a case's files", "rename the case");
  if (has_foreign_files(name))
    throw Error(
        (folder_ / name).string(),
        fmt::format("there are files {}{} that this program did not make, or whose record is gone", name, kImage),
        "move them away");
}

PendingFiles CaseStoreWriter::write(const std::string& name, PreprocessedCase&& item,
                                    const std::vector<ClassLocations>& locations, const ReaderProperties& reader,
                                    const std::vector<FileRecord>& sources) const {
  PendingFiles files;
  CaseRecord record{kVersion, made_with_, sources, {}, {}};
  for (const ClassLocations& one : locations) record.locations.push_back({one.labels, one.voxels.size()});
  record.origin.reader = reader;
  PreprocessedCase& grid = record.origin.grid;
  const Array<float> x = std::move(item.x);
  const Array<std::int16_t> label = std::move(item.label.value());
  grid = std::move(item);
  grid.label.reset();
  files.write(record_path(folder_, name), [&](const fs::path& path) { write_bytes(path, json_text(record)); });
  write_npy(files, folder_ / (name + kLabel), label);
  write_npy(files, folder_ / (name + kLocations), joined(locations));
  write_npy(files, folder_ / (name + kImage), x);
  return files;
}

void CaseStoreWriter::publish(const std::string& name, PendingFiles& files) const {
  require_free(name);
  files.publish();
}

}  // namespace nnunet
