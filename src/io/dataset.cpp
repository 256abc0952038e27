#include "nnunet/io/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <system_error>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/json_reading.h"
#include "nnunet/io/nifti.h"

namespace nnunet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kSeeGuide = "see docs/custom-dataset.md for an example";

/// The number that a text consists of, or -1.
int whole_number(const std::string& text) {
  int value = -1;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc{} && end == text.data() + text.size() ? value : -1;
}

/// What one file says, with its name for messages.
class DatasetReader {
 public:
  explicit DatasetReader(const fs::path& folder) : folder_(folder) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) {
      throw Error(folder.string(), "the dataset's folder does not exist", "check the path");
    }
    folder_ = fs::canonical(folder);
    file_ = folder_ / "dataset.json";
    if (!fs::exists(file_)) throw Error(file_.string(), "the file does not exist", kSeeGuide);
    root_ = read_json(file_);
    if (!root_.is_object()) fail("is not a JSON object");
  }

  Dataset read() const {
    Dataset dataset;
    dataset.folder = folder_;
    const auto name = root_.find("name");
    dataset.name = name != root_.end() && name->is_string() ? name->get<std::string>() : folder_.filename().string();
    dataset.modality = modality();
    warn_of_modality(dataset.modality, file_.string());
    dataset.labels = labels();
    if (!root_.contains("training") && !root_.contains("test")) fail("has neither \"training\" nor \"test\"");
    dataset.training = cases("training", true);
    dataset.test = cases("test", false);
    if (dataset.training.empty() && dataset.test.empty()) fail("lists no cases");
    check_count("numTraining", dataset.training.size());
    check_count("numTest", dataset.test.size());
    return dataset;
  }

  void require_paths_inside() const {
    for (const char* key : {"training", "test"}) {
      const auto list = root_.find(key);
      if (list == root_.end() || !list->is_array()) continue;
      for (std::size_t i = 0; i < list->size(); ++i) {
        const json& entry = (*list)[i];
        const std::string where = fmt::format("{}[{}]", key, i);
        if (entry.is_string()) require_inside(entry, where);
        for (const char* part : {"image", "label"})
          if (entry.is_object() && entry.contains(part)) require_inside(entry[part], where);
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& problem, const std::string& remedy = kSeeGuide) const {
    throw Error(file_.string(), problem, remedy);
  }

  /// {"0": "a", "1": "b"} as a list.
  std::vector<std::string> numbered(const json& object, const std::string& key) const {
    std::vector<std::string> values(object.size());
    std::set<int> seen;
    for (const auto& [number, value] : object.items()) {
      const int i = whole_number(number);
      if (i < 0 || static_cast<std::size_t>(i) >= values.size() || !seen.insert(i).second) {
        fail(fmt::format("\"{}\" is not numbered from 0 to {} (\"{}\")", key, object.size() - 1, number));
      }
      if (!value.is_string()) fail(fmt::format("\"{}\" has a name that is not text ({})", key, quoted(value)));
      values[static_cast<std::size_t>(i)] = value.get<std::string>();
    }
    return values;
  }

  const json& object(const std::string& key) const {
    const json& value = root_.at(key);
    if (!value.is_object() || value.empty()) fail(fmt::format("\"{}\" is not a JSON object with entries", key));
    return value;
  }

  /// "channel_names" is nnU-Net v2's word for it.
  std::vector<std::string> modality() const {
    for (const char* key : {"modality", "channel_names"}) {
      if (root_.contains(key)) return numbered(object(key), key);
    }
    fail("has no \"modality\"");
  }

  /// MSD: {"0": "background", ...}; nnU-Net v2: {"background": 0, ...}.
  std::vector<std::string> labels() const {
    if (!root_.contains("labels")) fail("has no \"labels\"");
    const json& named = object("labels");
    std::vector<std::string> result;
    if (named.begin()->is_string()) {
      result = numbered(named, "labels");
    } else {
      result = numbered(inverted(named), "labels");
    }
    if (result.size() < 2) fail("\"labels\" has the background only");
    if (result.size() > 256) fail("\"labels\" has more than 256 classes");
    return result;
  }

  json inverted(const json& named) const {
    json numbers = json::object();
    for (const auto& [name, value] : named.items()) {
      if (value.is_array())
        fail(fmt::format("the label \"{}\" is a region of several labels", name), "list plain labels");
      if (!value.is_number_integer()) fail(fmt::format("the label \"{}\" has no whole number", name));
      if (name == "ignore") fail("has an \"ignore\" label, which is not supported", "remove it");
      if (!numbers.emplace(value.dump(), name).second)
        fail(fmt::format("the label number {} is used twice", value.dump()));
    }
    return numbers;
  }

  std::vector<CaseFiles> cases(const std::string& key, bool labelled) const {
    std::vector<CaseFiles> result;
    if (!root_.contains(key)) return result;
    if (!root_[key].is_array()) fail(fmt::format("\"{}\" is not a list", key));
    std::map<std::string, fs::path> images;
    for (const json& entry : root_[key]) {
      result.push_back(one_case(entry, fmt::format("{}[{}]", key, result.size()), labelled));
      const CaseFiles& last = result.back();
      if (const auto [former, first] = images.emplace(last.name, last.image); !first)
        fail(fmt::format("\"{}\" has the case {} twice: {} and {}", key, last.name, former->second.filename().string(),
                         last.image.filename().string()),
             "give each case its own file name");
    }
    return result;
  }

  CaseFiles one_case(const json& entry, const std::string& where, bool labelled) const {
    CaseFiles files;
    if (entry.is_string() && !labelled) {
      files.image = listed(entry, where);
    } else if (entry.is_object()) {
      if (!entry.contains("image")) fail(fmt::format("{} has no \"image\"", where));
      files.image = listed(entry["image"], where);
      if (entry.contains("label")) files.label = listed(entry["label"], where);
      if (labelled && !files.label) fail(fmt::format("{} has no \"label\"", where));
    } else {
      fail(fmt::format("{} is not an entry with \"image\"{}", where, labelled ? " and \"label\"" : ""));
    }
    files.name = nifti_stem(files.image);
    if (files.name.empty() || files.name == ".") fail(fmt::format("{} has an image without a name", where));
    return files;
  }

  /// The absolute path of a listed file, wherever that lies.
  fs::path listed(const json& value, const std::string& where) const {
    if (!value.is_string() || value.get<std::string>().empty())
      fail(fmt::format("{} has a path that is not text", where));
    const std::string text = value.get<std::string>();
    if (text.find('\0') != std::string::npos) fail(fmt::format("{} has a path with a zero byte", where));
    return folder_ / fs::path(text).lexically_normal();
  }

  void require_inside(const json& value, const std::string& where) const {
    const fs::path path = listed(value, where);
    if (!within(path.lexically_normal(), folder_) || !within(resolved(path), folder_))
      fail(fmt::format("{} has a path that leaves the dataset's folder ({})", where, quoted(value)), "");
  }

  static bool within(const fs::path& path, const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
  }

  /// All symbolic links followed, those that lead to nothing too.
  static fs::path resolved(fs::path path) {
    constexpr int kMaxLinks = 40;
    for (int i = 0; i < kMaxLinks; ++i) {
      std::error_code failure;
      path = fs::weakly_canonical(path, failure);
      if (failure) return {};
      const fs::path link = dangling_link(path);
      if (link.empty()) return path;
      path = link.parent_path() / fs::read_symlink(link) / path.lexically_relative(link);
    }
    return {};
  }

  static fs::path dangling_link(const fs::path& path) {
    fs::path part;
    for (const fs::path& step : path) {
      part /= step;
      std::error_code ignored;
      if (fs::is_symlink(fs::symlink_status(part, ignored))) return part;
    }
    return {};
  }

  void check_count(const char* key, std::size_t count) const {
    const auto found = root_.find(key);
    if (found == root_.end() || !found->is_number_integer() || *found == count) return;
    log::warn(fmt::format("{}: {} is {}, but {} cases are listed; the list counts", file_.string(), key, quoted(*found),
                          count));
  }

  fs::path folder_, file_;
  json root_;
};

}  // namespace

Dataset read_dataset(const fs::path& folder) {
  return DatasetReader(folder).read();
}

void require_dataset_inside(const fs::path& folder) {
  DatasetReader(folder).require_paths_inside();
}

}  // namespace nnunet
