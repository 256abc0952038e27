#include "nnunet/v2/splits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/data/folds.h"
#include "nnunet/preprocess/numpy_random.h"
#include "nnunet/v2/python_json.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr int kFolds = 5;
constexpr std::uint32_t kSeed = 12345;
constexpr double kTrainShare = 0.8;
constexpr std::size_t kNamedCases = 5;
constexpr const char* kRemedy =
    R"(it holds a list of {"train": [names], "val": [names]}; correct it, or delete it for five folds by chance)";

Names case_names(const Json& fold, const char* list, std::size_t number, const std::string& file) {
  if (!fold.is_object() || !fold.contains(list) || !fold[list].is_array())
    throw Error(file, fmt::format("fold {} has no list \"{}\"", number, list), kRemedy);
  Names names;
  for (const Json& name : fold[list]) {
    if (!name.is_string())
      throw Error(file, fmt::format("fold {}, \"{}\": {} is no name of a case", number, list, name.dump()), kRemedy);
    names.push_back(name.get<std::string>());
  }
  return names;
}

std::uint32_t fold_number(const std::string& fold) {
  std::uint32_t number = 0;
  const auto [end, code] = std::from_chars(fold.data(), fold.data() + fold.size(), number);
  constexpr std::uint32_t most = ~std::uint32_t{0} - kSeed;
  if (code != std::errc() || end != fold.data() + fold.size() || number > most)
    throw Error(fmt::format("fold {}", fold), "is neither a number from 0 on nor \"all\"", "give 0 to 4, or all");
  return number;
}

/// numpy's choice without replacement.
Split random_split(std::uint32_t fold, const Names& cases) {
  const auto order = NumpyRandom(kSeed + fold).permutation(static_cast<std::uint32_t>(cases.size()));
  const auto count = static_cast<std::ptrdiff_t>(kTrainShare * static_cast<double>(cases.size()));
  const std::set<std::uint32_t> train(order.begin(), order.begin() + count);
  Split split;
  for (std::ptrdiff_t i = 0; i < count; ++i) split.train.push_back(cases[order[static_cast<std::size_t>(i)]]);
  for (std::uint32_t i = 0; i < order.size(); ++i)
    if (!train.contains(i)) split.val.push_back(cases[i]);
  return split;
}

std::string first_names(const std::set<std::string>& names) {
  const Names first(names.begin(),
                    std::next(names.begin(), static_cast<std::ptrdiff_t>(std::min(names.size(), kNamedCases))));
  return fmt::format("{}{}", fmt::join(first, ", "), names.size() > kNamedCases ? ", .." : "");
}

void check_split(const Split& split, const std::string& fold, const Names& cases, const std::string& file) {
  const std::set<std::string> known(cases.begin(), cases.end()), train(split.train.begin(), split.train.end());
  std::set<std::string> unknown, both;
  for (const Names* const list : {&split.train, &split.val}) {
    if (list->empty())
      throw Error(file, fmt::format("fold {} has no {} case", fold, list == &split.val ? "validation" : "training"),
                  "put at least one case into each list, or train the fold \"all\"");
    std::ranges::copy_if(*list, std::inserter(unknown, unknown.end()),
                         [&](const std::string& name) { return !known.contains(name); });
  }
  if (!unknown.empty())
    throw Error(file,
                fmt::format("fold {} has {} cases that are not among the preprocessed ones: {}", fold, unknown.size(),
                            first_names(unknown)),
                "preprocess them, or correct the file");
  std::ranges::copy_if(split.val, std::inserter(both, both.end()),
                       [&](const std::string& name) { return train.contains(name); });
  if (!both.empty())
    log::warn(fmt::format("{}: fold {} trains on {} of its validation cases: {}. Its validation says little then.",
                          file, fold, both.size(), first_names(both)));
}

}  // namespace

std::vector<Split> read_splits(const fs::path& file) {
  const Json json = read_python_json(file);
  if (!json.is_array()) throw Error(file.string(), "it is no list of folds", kRemedy);
  std::vector<Split> splits;
  for (std::size_t i = 0; i < json.size(); ++i)
    splits.push_back({case_names(json[i], "train", i, file.string()), case_names(json[i], "val", i, file.string())});
  return splits;
}

void write_splits(const fs::path& file, const std::vector<Split>& splits) {
  Json json = Json::array();
  for (const Split& split : splits) json.push_back(Json{{"train", split.train}, {"val", split.val}});
  write_python_json(file, json, Keys::sorted);
}

std::vector<Split> five_fold_splits(Names cases) {
  if (cases.size() < kFolds)
    throw Error(kSplitsFile, fmt::format("{} cases are too few for {} folds", cases.size(), kFolds),
                fmt::format("add cases, write a {} of your own, or train the fold \"all\"", kSplitsFile));
  std::ranges::sort(cases);
  std::vector<Split> splits;
  for (int fold = 0; fold < kFolds; ++fold) {
    const Fold indices = make_fold(static_cast<std::int64_t>(cases.size()), kFolds, fold, kSeed);
    Split& split = splits.emplace_back();
    for (const std::int64_t i : indices.train) split.train.push_back(cases[static_cast<std::size_t>(i)]);
    for (const std::int64_t i : indices.val) split.val.push_back(cases[static_cast<std::size_t>(i)]);
  }
  return splits;
}

std::vector<Split> read_or_make_splits(const fs::path& folder, const Names& cases) {
  const fs::path file = folder / kSplitsFile;
  if (fs::exists(file)) return read_splits(file);
  const auto splits = five_fold_splits(cases);
  write_splits(file, splits);
  log::info(fmt::format("{}: made, {} folds of {} cases", file.string(), splits.size(), cases.size()));
  return splits;
}

Split fold_of(const std::vector<Split>& splits, const std::string& fold, Names cases, const std::string& file) {
  std::ranges::sort(cases);
  if (fold == "all") return {cases, cases};
  const std::uint32_t number = fold_number(fold);
  Split split;
  if (number < splits.size()) {
    split = splits[number];
  } else {
    log::info(fmt::format("{} has {} folds; fold {} is a random split of its own, 80 % of the cases for training", file,
                          splits.size(), fold));
    split = random_split(number, cases);
  }
  check_split(split, fold, cases, file);
  return split;
}

Split split_of_fold(const fs::path& folder, const std::string& fold, const Names& cases) {
  const auto splits = fold == "all" ? std::vector<Split>() : read_or_make_splits(folder, cases);
  return fold_of(splits, fold, cases, (folder / kSplitsFile).string());
}

void require_same_splits(const fs::path& raw, const fs::path& file) {
  const auto theirs = read_splits(raw), ours = read_splits(file);
  const auto as_set = [](const Names& names) { return std::set<std::string>(names.begin(), names.end()); };
  for (std::size_t i = 0; i < theirs.size(); ++i)
    if (i >= ours.size() || as_set(theirs[i].train) != as_set(ours[i].train) ||
        as_set(theirs[i].val) != as_set(ours[i].val))
      throw Error(file.string(), fmt::format("fold {} is not that of {}", i, raw.string()),
                  "delete the one that does not count; folds that were trained already follow the first");
}

}  // namespace nnunet::v2
