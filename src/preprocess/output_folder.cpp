#include "nnunet/preprocess/output_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/nifti.h"
#include "nnunet/io/npy.h"

namespace nnunet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* config_name = "config.json";
constexpr const char* kinds[] = {"_x.npy", "_y.npy", "_meta.npy"};

// FNV-1a, 64 bits: tells lists apart, no more.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    value_ = (value_ ^ 0xffU) * 0x100000001b3ULL;  // between entries
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

std::string size_text(const fs::path& path) {
  std::error_code failure;
  const auto size = fs::file_size(path, failure);
  return failure ? "absent" : std::to_string(size);
}

// The case list relative to the dataset, so that a moved dataset is the same one.
std::string list_hash(const Dataset& dataset, const std::vector<CaseFiles>& cases) {
  Hash hash;
  for (const CaseFiles& c : cases) {
    hash.add(c.name);
    hash.add(c.image.lexically_relative(dataset.folder).generic_string());
    hash.add(c.label ? c.label->lexically_relative(dataset.folder).generic_string() : "");
  }
  for (const std::string& m : dataset.modality) hash.add(m);
  for (const std::string& l : dataset.labels) hash.add(l);
  return hash.text();
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
          {"case list", list_hash(dataset, cases)}};
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

// What another part knows of its case; nothing when the image cannot be read here: that part will list it itself.
std::optional<CaseInfo> info_from_header(const CaseFiles& files, bool has_label) {
  try {
    const Geometry geometry = read_nifti_info(files.image).geometry;
    return CaseInfo{files.name, geometry.spacing, geometry.shape, has_label};
  } catch (const Error&) {
    return std::nullopt;
  }
}

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
  for (const CaseFiles& c : cases) names.push_back(c.name);
  std::error_code failure;
  const auto other = [&](const std::string& what) {
    return Error(path_.string(), "the folder " + what, "choose other --results, or make it anew with --overwrite");
  };

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
    const std::string what = difference(*config);
    if (!what.empty()) throw other("was made with other options or data: " + what);
    std::erase_if(config->cases, [&](const CaseInfo& c) { return !has_files(c.name); });
    former_ = std::move(config);
    sort_out_unlisted();
  } else if (options.overwrite) {
    if (config)
      for (const CaseInfo& c : config->cases) names.push_back(c.name);
    remove_outputs(names);
  } else if (has_outputs) {
    throw other("holds outputs of these cases but no config.json that says how they were made");
  }
  require_writable_folder(path_);
  remove_leftovers(path_, [own = file_names(part_.alone() ? names : part_.own(names))](const std::string& name) {
    return name == config_name ? Writer::several : own.contains(name) ? Writer::self : Writer::nobody;
  });
}

std::optional<DataConfig> OutputFolder::read_recorded() const {
  std::error_code failure;
  if (!fs::exists(path_ / config_name, failure)) return std::nullopt;
  return read_config(path_ / config_name);
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

// Which option differs from the ones recorded; empty: none.
std::string OutputFolder::difference(const DataConfig& config) const {
  const json mine = json::parse(options_);
  json recorded = json::parse(config.options, nullptr, false);
  if (!recorded.is_object()) return "config.json does not record them";
  const json sources = recorded.value("sources", json());
  recorded.erase("sources");
  for (const auto& [key, value] : mine.items()) {
    const json there = recorded.value(key, json());
    if (there != value)
      return key == "case list" ? "the dataset's list of cases differs"
                                : fmt::format("{} was {}, now {}", key, there.dump(), value.dump());
  }
  if (recorded.size() != mine.size()) return "config.json records options that are not known here";
  if (sources != source_hash(config.cases)) return "images or labels of finished cases have changed since";
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

// listed: config.json as it is now.
std::vector<CaseInfo> OutputFolder::finished_cases(const DataConfig* listed,
                                                   const std::vector<std::optional<CaseInfo>>& own) const {
  std::vector<CaseInfo> found;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const CaseFiles& c = cases_[i];
    if (!is_finished(c.name, listed)) continue;
    const CaseInfo* info = listed != nullptr ? listed->find_case(c.name) : nullptr;
    if (own[i]) {
      found.push_back(*own[i]);
    } else if (info != nullptr) {
      found.push_back(*info);
    } else if (!part_.owns(i)) {
      if (auto read = info_from_header(c, with_label_)) found.push_back(std::move(*read));
    }
  }
  return found;
}

// File sizes of what the finished cases were made from. Cases that failed are not in it: they may be repaired.
std::string OutputFolder::source_hash(const std::vector<CaseInfo>& finished) const {
  Hash hash;
  for (const CaseInfo& info : finished) {
    hash.add(info.name);
    const auto c = std::find_if(cases_.begin(), cases_.end(), [&](const CaseFiles& f) { return f.name == info.name; });
    if (c == cases_.end()) continue;
    hash.add(size_text(c->image));
    hash.add(c->label ? size_text(*c->label) : "");
  }
  return hash.text();
}

std::string OutputFolder::options_text(const std::vector<CaseInfo>& finished) const {
  json options = json::parse(options_);
  options["sources"] = source_hash(finished);
  return options.dump();
}

DataConfig OutputFolder::write_config(DataConfig config, const std::vector<std::optional<CaseInfo>>& own) const {
  while (true) {
    const std::optional<DataConfig> recorded = read_recorded();
    config.cases = finished_cases(recorded ? &*recorded : nullptr, own);
    config.options = options_text(config.cases);
    if (recorded && config_text(*recorded) == config_text(config)) return config;
    if (recorded && without_cases(*recorded) != without_cases(config))
      throw Error((path_ / config_name).string(), "another part of the job found other parameters",
                  "remove the folder and give --spacing and, for CT, --ct_stats");
    nnunet::write_config(path_ / config_name, config);
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
