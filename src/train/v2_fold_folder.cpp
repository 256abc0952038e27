#include "v2_fold_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/train/results.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

/// The files of a training that a new one would write over or be mistaken for.
bool is_of_training(const std::string& name) {
  static constexpr std::array<std::string_view, 4> whole{"progress.png", "debug.json", "validation",
                                                         "benchmark_result.json"};
  return std::ranges::find(whole, name) != whole.end() || (name.starts_with("checkpoint_") && name.ends_with(".pth")) ||
         (name.starts_with("training_log_") && name.ends_with(".txt"));
}

Value names_value(const std::vector<std::string>& names) {
  return Value(names);
}

std::set<std::string> names_from(const Value* value, const std::string& source) {
  std::set<std::string> names;
  if (value == nullptr) return names;
  for (const Value& name : value->as_list(source)) names.insert(name.as_string(source));
  return names;
}

void compare_cases(const char* what, const Value* before, const std::vector<std::string>& now,
                   const std::string& source) {
  if (before == nullptr) return;
  const std::set<std::string> old = names_from(before, source), cases(now.begin(), now.end());
  if (old == cases) return;
  std::vector<std::string> added;
  std::ranges::set_difference(cases, old, std::back_inserter(added));
  throw Error(source,
              fmt::format("it was trained with {} {} cases, {} are asked for now, {} of them others", old.size(), what,
                          cases.size(), added.size()),
              "put back the splits_final.json and the cases that it was trained with, or train anew (without --c)");
}

}  // namespace

std::optional<fs::path> V2FoldFolder::newest() const {
  for (const char* const name : {kFinal, kLatest, kBest})
    if (has(name)) return file(name);
  return std::nullopt;
}

fs::path V2FoldFolder::required(const std::string& name) const {
  if (has(name)) return file(name);
  throw Error(file(name).string(), "is not there, so there is nothing to validate",
              name == kFinal ? "train to the end first (--c goes on)" : "train first, with checkpoints");
}

void V2FoldFolder::prepare() const {
  require_writable_folder(folder_);
  remove_leftovers(folder_,
                   [](const std::string& name) { return is_of_training(name) ? Writer::self : Writer::nobody; });
}

void V2FoldFolder::keep_earlier() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored))
    if (const std::string name = entry.path().filename().string(); is_of_training(name)) names.push_back(name);
  if (names.empty()) return;
  const fs::path earlier = nnunet::keep_earlier(folder_, names);
  log::warn(
      fmt::format("{} held an earlier training: moved to {} (--c continues one)", folder_.string(), earlier.string()));
}

void V2FoldFolder::remove_latest() const {
  std::error_code ignored;
  fs::remove(file(kLatest), ignored);
}

std::unique_ptr<FolderLock> lock_of(const V2FoldFolder& folder) {
  return std::make_unique<FolderLock>(folder.path(), folder.path(), "another training",
                                      "wait for it, or train another fold");
}

Value::Dict note_value(const V2TrainingNote& note) {
  return {{"version", 1},
          {"seed", std::to_string(note.seed)},
          {"iterations", note.iterations},
          {"batch_size", note.batch_size},
          {"train", names_value(note.split.train)},
          {"val", names_value(note.split.val)}};
}

std::vector<std::string> compare_note(const Value& own, const V2TrainingNote& now, const std::string& source) {
  std::vector<std::string> differences;
  if (own.is_none()) return differences;
  compare_cases("training", own.find("train"), now.split.train, source);
  compare_cases("validation", own.find("val"), now.split.val, source);
  const auto compare = [&](const char* what, const std::string& before, const std::string& value) {
    if (before != value) differences.push_back(fmt::format("{}: {} before, {} now", what, before, value));
  };
  if (const Value* const seed = own.find("seed")) compare("seed", seed->as_string(source), std::to_string(now.seed));
  if (const Value* const steps = own.find("iterations"))
    compare("iterations an epoch", std::to_string(steps->as_int(source)), std::to_string(now.iterations));
  if (const Value* const batch = own.find("batch_size"))
    compare("batch size", std::to_string(batch->as_int(source)), std::to_string(now.batch_size));
  return differences;
}

std::vector<std::string> trained_on(const Value& own, const std::vector<std::string>& cases,
                                    const std::string& source) {
  std::vector<std::string> found;
  if (own.is_none()) return found;
  const std::set<std::string> trained = names_from(own.find("train"), source);
  std::ranges::copy_if(cases, std::back_inserter(found),
                       [&](const std::string& name) { return trained.contains(name); });
  return found;
}

}  // namespace nnunet
