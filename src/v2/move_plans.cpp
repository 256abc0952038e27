#include <fmt/format.h>

#include "nnunet/core/error.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/planner.h"
#include "plans_name.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

Json plans_to_move(const fs::path& file, const std::string& dataset) {
  if (!fs::exists(file))
    throw Error(file.string(), "there are no such plans",
                fmt::format("make them: nnUNetv2_plan_experiment -d {}, or give another name", dataset));
  Json plans = read_python_json(file);
  if (!plans.is_object() || !plans.contains("configurations") || !plans["configurations"].is_object())
    throw Error(file.string(), "it holds no \"configurations\": these are no plans", "give the name of plans");
  return plans;
}

/// Data that was made by plans of the old name is not the target's.
void rename_data(Json& plans, const std::string& from, const std::string& to) {
  for (Json& configuration : plans["configurations"]) {
    if (!configuration.is_object() || !configuration.contains("data_identifier") ||
        !configuration["data_identifier"].is_string())
      continue;
    const auto name = configuration["data_identifier"].get<std::string>();
    configuration["data_identifier"] =
        name.starts_with(from) ? to + name.substr(from.size()) : fmt::format("{}_{}", to, name);
  }
}

/// What users added to plans that are there must not be lost.
void require_nothing_lost(const fs::path& file, const Json& plans) {
  if (!fs::exists(file)) return;
  const Json there = read_python_json(file);
  if (!there.is_object() || !there.contains("configurations")) return;
  for (const auto& [name, configuration] : there["configurations"].items())
    if (!plans["configurations"].contains(name))
      throw Error(
          file.string(),
          fmt::format("plans of this name are there, and have a configuration {} that the moved ones lack", name),
          "give another -tp, or delete the file");
}

}  // namespace

fs::path move_plans_between_datasets(const MovePlansOptions& options) {
  const std::string name = options.new_plans.value_or(options.source_plans);
  check_plans_name(options.source_plans, "-sp");
  check_plans_name(name, "-tp");
  Json plans = plans_to_move(preprocessed_folder() / options.source / fmt::format("{}.json", options.source_plans),
                             options.source);
  const fs::path raw = raw_folder() / options.target, target = preprocessed_folder() / options.target,
                 file = target / fmt::format("{}.json", name);
  plans["dataset_name"] = options.target;
  if (name != options.source_plans) rename_data(plans, options.source_plans, name);
  plans["image_reader_writer"] = planned_reader(raw, read_python_json(raw / "dataset.json"), true);
  plans["plans_name"] = name;
  require_nothing_lost(file, plans);
  write_python_json(file, plans, Keys::as_they_are);
  return file;
}

}  // namespace nnunet::v2
