#include "resume_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "nnunet/core/some_names.h"

namespace nnunet {
namespace {

/// Options that decide which cases are trained on or validated, or how the loss is formed.
constexpr std::array<std::string_view, 5> kRefused{"fold", "nfolds", "focal", "local_dice", "test_batches"};
/// Options that decide what the steps of an epoch are.
constexpr std::array<std::string_view, 5> kSteps{"batch_size", "nvol", "data2d_dim", "train_batches", "seed"};

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string change(std::string_view what, std::string_view before, std::string_view now) {
  return fmt::format("{}: {} before, {} now", what, before, now);
}

void compare_options(const TrainingRecord& before, const TrainingRecord& now, ResumeCheck& check) {
  for (const auto& [name, value] : now.options) {
    const auto found = before.options.find(name);
    const bool refuses = is_one_of(kRefused, name);
    if (found == before.options.end()) {
      if (refuses) check.unknown.push_back(name);
    } else if (found->second != value) {
      (refuses ? check.refused : check.said).push_back(change(name, found->second, value));
      if (is_one_of(kSteps, name)) check.epoch_anew = true;
    }
  }
}

std::string ct_text(const std::optional<CtStats>& ct) {
  return ct ? fmt::format("{} {} {} {}", ct->min, ct->max, ct->mean, ct->std) : "none";
}

/// What the folder was made with that config.json's own entries do not say.
std::string preprocess_option(const DataConfig& data, const char* key) {
  const auto options = nlohmann::json::parse(data.options, nullptr, /*allow_exceptions=*/false);
  return options.is_object() && options.contains(key) ? options[key].dump() : "";
}

/// Empty on one side: not known there.
void compare_known(std::string_view what, const std::string& before, const std::string& now, ResumeCheck& check) {
  if (!before.empty() && !now.empty() && before != now) check.refused.push_back(change(what, before, now));
}

void compare_data(const DataConfig& before, const DataConfig& now, ResumeCheck& check) {
  const auto compare = [&](std::string_view what, const auto& a, const auto& b) {
    if (a != b) check.refused.push_back(change(what, fmt::format("{}", a), fmt::format("{}", b)));
  };
  compare_known("task", before.task, now.task, check);
  compare("modality", before.modality, now.modality);
  compare("CT statistics", ct_text(before.ct), ct_text(now.ct));
  compare("channels", before.in_channels, now.in_channels);
  compare("classes", before.n_class, now.n_class);
  compare_known("labels", fmt::format("{}", fmt::join(before.labels, ", ")),
                fmt::format("{}", fmt::join(now.labels, ", ")), check);
  compare("patch", shape_text(before.patch_size), shape_text(now.patch_size));
  compare("spacing", fmt::format("{}", fmt::join(before.spacings, " ")),
          fmt::format("{}", fmt::join(now.spacings, " ")));
  for (const char* const key : {"dilation", "exec_mode"})
    compare_known(std::string("preprocess --") + key, preprocess_option(before, key), preprocess_option(now, key),
                  check);
}

void compare_cases(std::string_view what, const CaseIdentities& before, const CaseIdentities& now, ResumeCheck& check) {
  std::vector<std::string> added, gone, changed;
  for (const auto& [name, content] : now) {
    const auto found = before.find(name);
    if (found == before.end())
      added.push_back(name);
    else if (!content.empty() && !found->second.empty() && content != found->second)
      changed.push_back(name);
  }
  for (const auto& [name, content] : before)
    if (!now.contains(name)) gone.push_back(name);
  std::vector<std::string> parts;
  if (!added.empty()) parts.push_back(fmt::format("{} new ({})", added.size(), some_names(added)));
  if (!gone.empty()) parts.push_back(fmt::format("{} gone ({})", gone.size(), some_names(gone)));
  if (!changed.empty())
    parts.push_back(fmt::format("{} with another content ({})", changed.size(), some_names(changed)));
  if (!parts.empty()) check.refused.push_back(fmt::format("{} cases: {}", what, fmt::join(parts, ", ")));
}

}  // namespace

std::vector<std::string> leaked_cases(const TrainingRecord& before, const TrainingRecord& now) {
  const bool same_task = before.data.task == now.data.task;
  std::vector<std::string> leaked;
  for (const auto& [name, content] : now.validation)
    for (const CaseIdentities* const trained : {&before.train, &before.trained_before}) {
      const auto found = trained->find(name);
      if (found == trained->end() || (!same_task && found->second != content)) continue;
      leaked.push_back(name);
      break;
    }
  return leaked;
}

ResumeCheck compare_trainings(const TrainingRecord& before, const TrainingRecord& now) {
  ResumeCheck check;
  compare_data(before.data, now.data, check);
  compare_options(before, now, check);
  if (before.has_cases) {
    compare_cases("training", before.train, now.train, check);
    compare_cases("validation", before.validation, now.validation, check);
  } else {
    check.unknown.insert(check.unknown.begin(), "the cases");
  }
  check.leaked = leaked_cases(before, now);
  if (!check.refused.empty()) check.epoch_anew = true;
  return check;
}

void inherit_cases(const TrainingRecord& before, TrainingRecord& now) {
  for (const CaseIdentities* const trained : {&before.train, &before.trained_before})
    for (const auto& [name, content] : *trained)
      if (!now.train.contains(name)) now.trained_before.emplace(name, content);
}

}  // namespace nnunet
