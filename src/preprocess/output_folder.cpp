#include "nnunet/preprocess/output_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/digest.h"
#include "nnunet/io/earlier_digest.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"
#include "nnunet/io/output_record.h"
#include "nnunet/plan/reference_plan.h"

namespace nnunet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* config_name = "config.json";
constexpr const char* kinds[] = {"_x.npy", "_y.npy", "_meta.npy"};

// The case list relative to the dataset, so that a moved dataset is the same one.
std::vector<std::string> list_entries(const Dataset& dataset, const std::vector<CaseFiles>& cases) {
  std::vector<std::string> entries;
  for (const CaseFiles& c : cases) {
    entries.push_back(c.name);
    entries.push_back(c.image.lexically_relative(dataset.folder).generic_string());
    entries.push_back(c.label ? c.label->lexically_relative(dataset.folder).generic_string() : "");
  }
  for (const auto* names : {&dataset.modality, &dataset.labels})
    entries.insert(entries.end(), names->begin(), names->end());
  return entries;
}

std::string list_digest(const std::vector<std::string>& entries) {
  Digest digest;
  for (const std::string& entry : entries) digest.add_entry(entry);
  return digest.hex();
}

json describe(const PreprocessOptions& options, const std::string& task, const Parameters& p, const Dataset& dataset,
              const std::vector<CaseFiles>& cases) {
  json ct = nullptr;
  if (p.must_collect_ct()) ct = "collected";
  if (p.ct) ct = {p.ct->min, p.ct->max, p.ct->mean, p.ct->std};
  return {{"task", task},
          {"dim", options.dim},
          {"exec_mode", options.exec_mode},
          {"dilation", options.training() && options.dilation},
          {"patch_size", p.patch_size},
          {"spacing", p.spacing.empty() ? json("collected") : json(p.spacing)},
          {"ct_stats", ct},
          {"case list", list_digest(list_entries(dataset, cases))}};
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

// All files that a folder of these cases may hold.
std::set<std::string> file_names(const std::vector<std::string>& cases) {
  std::set<std::string> names{config_name};
  for (const std::string& c : cases)
    if (is_plain_name(c))
      for (const char* kind : kinds) names.insert(c + kind);
  return names;
}

Error refusal(const fs::path& folder, const std::string& what) {
  return {folder.string(), "the folder " + what, "choose other --results, or make it anew with --overwrite"};
}

json options_of(const DataConfig& config) {
  json options = json::parse(config.options, nullptr, false);
  return options.is_object() ? options : json::object();
}

// What config.json says each case was made from.
class RecordedSources {
 public:
  explicit RecordedSources(const DataConfig* config) {
    if (config != nullptr) sources_ = options_of(*config).value("sources", json::object());
  }

  // Empty: nothing that can be understood.
  std::vector<FileRecord> of(const std::string& name) const {
    const auto found = sources_.find(name);
    if (found == sources_.end() || !found->is_array()) return {};
    std::vector<FileRecord> records;
    for (const json& text : *found) {
      const auto record = parse_file_record(text.is_string() ? text.get<std::string>() : "");
      if (!record) return {};
      records.push_back(*record);
    }
    return records;
  }

 private:
  json sources_ = json::object();
};

// What all parts have to agree on.
std::string without_cases(DataConfig config) {
  config.cases.clear();
  config.options.clear();
  return config_text(config);
}

}  // namespace

OutputFolder::OutputFolder(fs::path path, const PreprocessOptions& options, const std::string& task,
                           const Parameters& parameters, const Dataset& dataset, const std::vector<CaseFiles>& cases)
    : path_(std::move(path)),
      cases_(cases),
      part_(options.part),
      with_label_(options.exec_mode != "test"),
      with_meta_(!options.training()),
      options_(describe(options, task, parameters, dataset, cases).dump()) {
  std::vector<std::string> names;
  for (const CaseFiles& c : cases) {
    require_name_fits(file(c.name, with_meta_ ? "_meta.npy" : "_x.npy"));
    names.push_back(c.name);
  }
  std::error_code failure;

  // In this order: other parts may start now, and config.json is always there before the first output.
  const bool has_outputs = std::any_of(names.begin(), names.end(),
                                       [&](const std::string& n) { return fs::exists(file(n, "_x.npy"), failure); });
  std::optional<DataConfig> config;
  try {
    config = read_recorded();
  } catch (const Error&) {
    if (!options.overwrite) throw;
  }
  if (config && !options.overwrite) {
    const std::string what = difference(*config, earlier_list_digest(list_entries(dataset, cases)));
    if (!what.empty()) throw refusal(path_, "was made with other options or data: " + what);
    std::erase_if(config->cases, [&](const CaseInfo& c) { return !has_files(c.name); });
    former_ = std::move(config);
    sort_out_listed(parameters);
    sort_out_unlisted();
  } else if (options.overwrite) {
    if (config)
      for (const CaseInfo& c : config->cases) names.push_back(c.name);
    remove_outputs(names);
  } else if (has_outputs) {
    throw refusal(path_, "holds outputs of these cases but no config.json that says how they were made");
  }
  require_writable_folder(path_);
  std::set<std::string> own = file_names(part_.alone() ? names : part_.own(names));
  own.erase(config_name);
  remove_leftovers(path_, own);
  remove_leftovers(path_, {config_name}, Writer::several);
}

std::optional<DataConfig> OutputFolder::read_recorded() const {
  std::error_code failure;
  if (!fs::exists(path_ / config_name, failure)) return std::nullopt;
  return read_planned_config(path_ / config_name).config;
}

// Finished cases of this part: those whose files are as they were are kept, the others made anew.
void OutputFolder::sort_out_listed(const Parameters& parameters) {
  const RecordedSources recorded(&*former_);
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const CaseFiles& c = cases_[i];
    const CaseInfo* info = former_->find_case(c.name);
    if (!part_.owns(i) || info == nullptr) continue;
    const std::vector<fs::path> files = source_files(c);
    std::vector<FileRecord> sources = recorded.of(c.name);
    const std::int64_t made = time_of_change(file(c.name, "_x.npy"));
    bool same = sources.size() == files.size();
    for (std::size_t k = 0; same && k < files.size(); ++k) {
      const auto now = unchanged(files[k], sources[k], made);
      same = now.has_value();
      if (same) sources[k] = *now;
    }
    if (same) {
      kept_[c.name] = {*info, std::move(sources)};
    } else {
      refuse_if_collected(parameters, c, *info);
      changed.push_back(c.name);
    }
  }
  for (const std::string& name : changed) {
    log::warn(name + ": its image or label has changed since it was preprocessed; it is made anew");
    remove_case(name);
  }
}

// Spacing and intensity statistics of the folder may come from the image that has changed: then all cases would have to
// be made anew.
void OutputFolder::refuse_if_collected(const Parameters& parameters, const CaseFiles& files,
                                       const CaseInfo& info) const {
  std::error_code failure;
  for (const fs::path& source : source_files(files))
    if (!fs::exists(source, failure)) throw refusal(path_, "was made from files that are gone: " + source.string());
  if (!with_label_) return;  // parameters come from training cases
  const auto other_spacing = [&] {
    try {
      return read_nifti_info(files.image).geometry.spacing != info.spacing;
    } catch (const Error&) {
      return true;
    }
  };
  if (parameters.must_collect_ct() || (parameters.spacing.empty() && other_spacing()))
    throw refusal(path_, fmt::format("was made with spacing or CT statistics of images or labels that have changed "
                                     "since, those of case {} for one",
                                     files.name));
}

// Files of cases that config.json does not list: a killed run came no further, and what they were made from may have
// changed since. Own ones go; other parts will replace theirs.
void OutputFolder::sort_out_unlisted() {
  std::error_code failure;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const std::string& name = cases_[i].name;
    if (former_->find_case(name) != nullptr || !is_plain_name(name)) continue;
    if (part_.owns(i))
      remove_case(name);
    else if (const auto written = fs::last_write_time(file(name, "_x.npy"), failure); !failure)
      unlisted_[name] = written;
  }
}

// Which option differs from the ones recorded; empty: none. earlier_list: the list of cases as earlier versions record
// it.
std::string OutputFolder::difference(const DataConfig& config, const std::string& earlier_list) const {
  json mine = json::parse(options_), recorded = options_of(config);
  if (recorded.empty()) return "config.json does not record them";
  const json sources = recorded.value("sources", json()), list = recorded.value("case list", json());
  const bool same_list = list == mine["case list"] || list == earlier_list;
  for (const char* key : {"sources", "case list"}) recorded.erase(key);
  mine.erase("case list");
  if (std::string what = first_difference(recorded, mine); !what.empty()) return what;
  if (!same_list) return "the dataset's list of cases differs";
  if (!sources.is_object())
    return "config.json does not record which files they were made from (an earlier version of this program wrote it)";
  return {};
}

bool OutputFolder::has_files(const std::string& name) const {
  std::error_code failure;
  if (!is_plain_name(name)) return false;
  return fs::is_regular_file(file(name, "_x.npy"), failure) &&
         (!with_label_ || fs::is_regular_file(file(name, "_y.npy"), failure)) &&
         (!with_meta_ || fs::is_regular_file(file(name, "_meta.npy"), failure));
}

bool OutputFolder::is_finished(const std::string& name, const DataConfig* listed) const {
  if (!has_files(name)) return false;
  const auto old = unlisted_.find(name);
  if (old == unlisted_.end() || (listed != nullptr && listed->find_case(name) != nullptr)) return true;
  std::error_code failure;
  return fs::last_write_time(file(name, "_x.npy"), failure) != old->second && !failure;
}

const FinishedCase* OutputFolder::finished(const std::string& name) const {
  const auto found = kept_.find(name);
  return found == kept_.end() ? nullptr : &found->second;
}

std::vector<fs::path> OutputFolder::source_files(const CaseFiles& files) const {
  std::vector<fs::path> sources{files.image};
  if (with_label_ && files.label) sources.push_back(*files.label);
  return sources;
}

std::vector<FileRecord> OutputFolder::record_sources(const CaseFiles& files) const {
  std::vector<FileRecord> records;
  for (const fs::path& source : source_files(files)) records.push_back(record_file(source));
  return records;
}

std::optional<FinishedCase> OutputFolder::look_up(const CaseFiles& files) const {
  try {
    std::vector<FileRecord> sources = record_sources(files);
    const Geometry geometry = read_nifti_info(files.image).geometry;
    return FinishedCase{{files.name, geometry.spacing, geometry.shape, with_label_}, std::move(sources)};
  } catch (const Error&) {
    return std::nullopt;
  }
}

// listed: config.json as it is now.
std::vector<FinishedCase> OutputFolder::finished_cases(const DataConfig* listed,
                                                       const std::vector<std::optional<FinishedCase>>& own) const {
  const RecordedSources recorded(listed);
  std::vector<FinishedCase> found;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const CaseFiles& c = cases_[i];
    if (!is_finished(c.name, listed)) continue;
    const CaseInfo* info = listed != nullptr ? listed->find_case(c.name) : nullptr;
    if (own[i]) {
      found.push_back(*own[i]);
    } else if (info != nullptr) {
      found.push_back({*info, recorded.of(c.name)});
    } else if (!part_.owns(i)) {
      if (auto other = look_up(c)) found.push_back(std::move(*other));
    }
  }
  return found;
}

// Cases that failed have no sources in it: they may be repaired.
std::string OutputFolder::options_text(const std::vector<FinishedCase>& finished) const {
  json options = json::parse(options_), sources = json::object();
  for (const FinishedCase& c : finished) {
    json& own = sources[c.info.name] = json::array();
    for (const FileRecord& source : c.sources) own.push_back(record_text(source));
  }
  options["sources"] = std::move(sources);
  return options.dump(-1, ' ', false, json::error_handler_t::replace);
}

DataConfig OutputFolder::write_config(DataConfig config, const std::vector<std::optional<FinishedCase>>& own) const {
  while (true) {
    const std::optional<DataConfig> recorded = read_recorded();
    const std::vector<FinishedCase> finished = finished_cases(recorded ? &*recorded : nullptr, own);
    config.cases.clear();
    for (const FinishedCase& c : finished) config.cases.push_back(c.info);
    config.options = options_text(finished);
    if (recorded && config_text(*recorded) == config_text(config)) return config;
    if (recorded && without_cases(*recorded) != without_cases(config))
      throw Error((path_ / config_name).string(), "another part of the job found other parameters",
                  "remove the folder and give --spacing and, for CT, --ct_stats");
    write_text(path_ / config_name, planned_config_text(config));
  }
}

void OutputFolder::remove_outputs(const std::vector<std::string>& names) const {
  const std::set<std::string> own = file_names(names);
  // The output itself, or what an interrupted run left of it under a temporary name.
  const auto is_own = [&](const std::string& name) { return own.contains(name.substr(0, name.find(".tmp."))); };
  std::error_code failure;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path_, failure))
    if (!entry.is_directory() && is_own(entry.path().filename().string())) found.push_back(entry.path());
  for (const fs::path& p : found)
    if (!fs::remove(p, failure) && failure)
      throw Error(p.string(), "it cannot be removed: " + failure.message(), "check the folder's permissions");
}

void OutputFolder::remove_case(const std::string& name) const {
  std::error_code ignored;
  for (const char* kind : kinds) fs::remove(file(name, kind), ignored);
}

PendingFiles OutputFolder::write_case(const std::string& name, PreprocessedCase&& item) const {
  try {
    PendingFiles files;
    if (with_label_ && item.y) {
      const Shape3 s = item.y->spatial();
      item.y->shape = {1, s[0], s[1], s[2]};
      write_npy(files, file(name, "_y.npy"), *item.y);
    }
    if (with_meta_) {
      Array<std::int64_t> meta({3, 3});
      const std::array<Shape3, 3> rows{item.crop_start, item.crop_end, item.original};
      for (std::size_t r = 0; r < 3; ++r)
        std::copy(rows[r].begin(), rows[r].end(), meta.values.begin() + static_cast<std::ptrdiff_t>(3 * r));
      write_npy(files, file(name, "_meta.npy"), meta);
    }
    write_npy(files, file(name, "_x.npy"), item.x);
    return files;
  } catch (...) {
    remove_case(name);  // of an earlier run
    throw;
  }
}

void OutputFolder::publish(const std::string& name, PendingFiles& files) const {
  try {
    files.publish();
  } catch (...) {
    remove_case(name);
    throw;
  }
}

std::vector<std::int64_t> OutputFolder::case_shape(const std::string& name) const {
  return NpyFile(file(name, "_x.npy")).shape();
}

}  // namespace nnunet
