#include "nnunet/v2/environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <set>

#include "decathlon.h"
#include "nnunet/core/error.h"
#include "nnunet/core/parallel.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> folder_in(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

fs::path required(const char* variable, const char* what) {
  if (const auto folder = folder_in(variable)) return *folder;
  throw Error(variable, fmt::format("the environment variable is not set; it names the folder of {}", what),
              fmt::format("set it: export {}=FOLDER", variable));
}

std::optional<int> whole_number(const std::string& text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::array kVariables{"nnUNet_preprocessed", "nnUNet_raw", "nnUNet_results"};

/// Whether the word is a folder itself: a path, or a task of the Decathlon.
bool is_folder(const std::string& word) {
  return word.find('/') != std::string::npos || word.starts_with("Task");
}

std::string name_of_folder(const std::string& word) {
  const std::string name = (fs::path(word) / "").parent_path().filename().string();
  if (name.starts_with("Dataset")) return name;
  const TaskName task = task_name(word);
  return fmt::format("Dataset{:03}_{}", task.number, task.name);
}

}  // namespace

fs::path raw_folder() {
  return required("nnUNet_raw", "raw datasets");
}

fs::path preprocessed_folder() {
  return required("nnUNet_preprocessed", "preprocessed datasets");
}

fs::path results_folder() {
  return required("nnUNet_results", "trained models");
}

int case_threads(int asked) {
  if (asked <= 0) {
    const char* const variable = std::getenv("nnUNet_def_n_proc");
    asked = variable == nullptr ? 8 : whole_number(variable).value_or(0);
    if (asked <= 0)
      throw Error("nnUNet_def_n_proc", "the environment variable is no number above 0", "unset it, or set it to 8");
  }
  return std::min(asked, available_cores());
}

std::vector<std::string> datasets_with_id(int id) {
  const std::string start = fmt::format("Dataset{:03}", id);
  std::set<std::string> names;
  for (const char* const variable : kVariables) {
    const auto folder = folder_in(variable);
    std::error_code absent;
    if (!folder || !fs::is_directory(*folder, absent)) continue;
    for (const auto& entry : fs::directory_iterator(*folder, absent))
      if (const std::string name = entry.path().filename().string(); entry.is_directory() && name.starts_with(start))
        names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::string dataset_name(const std::string& name_or_id) {
  if (is_folder(name_or_id)) return name_of_folder(name_or_id);
  if (name_or_id.starts_with("Dataset")) return name_or_id;
  const auto id = whole_number(name_or_id);
  if (!id || *id < 0)
    throw Error(name_or_id, "is neither the number nor the name of a dataset", "give 4, or Dataset004_Hippocampus");
  const std::vector<std::string> names = datasets_with_id(*id);
  if (names.empty()) {
    std::vector<std::string> searched;
    for (const char* const variable : kVariables)
      searched.push_back(fmt::format("{}={}", variable, folder_in(variable).value_or("(not set)").string()));
    throw Error(fmt::format("dataset {}", name_or_id), fmt::format("there is no folder Dataset{:03}_..", *id),
                fmt::format("searched: {}", fmt::join(searched, ", ")));
  }
  if (names.size() > 1)
    throw Error(fmt::format("dataset {}", name_or_id),
                fmt::format("several names have this number: {}", fmt::join(names, ", ")),
                "rename one of them, or give the whole name");
  return names.front();
}

fs::path raw_dataset_folder(const std::string& name_or_id) {
  if (!is_folder(name_or_id)) return raw_folder() / dataset_name(name_or_id);
  return name_or_id.starts_with("Task") && name_or_id.find('/') == std::string::npos ? raw_folder() / name_or_id
                                                                                     : fs::path(name_or_id);
}

ModelName model_name(const std::string& folder) {
  const std::size_t first = folder.find("__"),
                    second = first == std::string::npos ? first : folder.find("__", first + 2);
  if (second == std::string::npos || folder.find("__", second + 2) != std::string::npos)
    throw Error(folder, "is not named TRAINER__PLANS__CONFIGURATION", "give a trained model's folder");
  return {folder.substr(0, first), folder.substr(first + 2, second - first - 2), folder.substr(second + 2)};
}

std::string folds_text(const std::vector<std::string>& folds) {
  return fmt::format("{}", fmt::join(folds, "_"));
}

std::vector<std::string> fold_names(const std::vector<int>& folds) {
  std::vector<std::string> names;
  for (const int fold : folds) names.push_back(std::to_string(fold));
  return names;
}

std::vector<std::string> file_names(const fs::path& folder, const std::string& ending) {
  std::error_code code;
  std::vector<std::string> names;
  if (!fs::is_directory(folder, code)) throw Error(folder.string(), "there is no such folder", "check the path");
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (const std::string name = entry.path().filename().string(); name.ends_with(ending) && entry.is_regular_file())
      names.push_back(name);
  if (code) throw Error(folder.string(), code.message(), "check its permissions");
  std::ranges::sort(names);
  return names;
}

}  // namespace nnunet::v2
