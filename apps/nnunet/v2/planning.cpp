// nnUNetv2_plan_experiment, nnUNetv2_move_plans_between_datasets.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/table.h"
#include "nnunet/plan/v2_plan.h"
#include "nnunet/v2/environment.h"
#include "v2/commands.h"
#include "v2/planner_options.h"
#include "v2/planning_steps.h"

namespace nnunet::app {
namespace {

std::string number(const v2::Json& value) {
  return value.is_number_float() ? fmt::format("{:.6g}", value.get<double>()) : value.dump();
}

/// A number or a list of them; what users left out of a configuration of their own is a dash.
std::string cell(const v2::Json& configuration, const char* place) {
  const v2::Json::json_pointer pointer(place);
  if (!configuration.contains(pointer)) return "-";
  const v2::Json& value = configuration.at(pointer);
  if (!value.is_array()) return number(value);
  std::vector<std::string> texts;
  for (const v2::Json& item : value) texts.push_back(number(item));
  return fmt::format("{}", fmt::join(texts, " x "));
}

/// Those that hold a network of their own, with what they inherit.
std::string configurations_table(const v2::PlannedExperiment& planned) {
  const V2Files files{planned.plans, {}, planned.file.string(), {}};
  Table table({"configuration", "spacing (mm)", "median size", "patch", "batch", "stages"});
  for (const auto& [name, own] : planned.plans["configurations"].items()) {
    if (!own.is_object() || !own.contains("architecture")) continue;
    try {
      const v2::Json one = v2_configuration(files, name);
      table.add({name, cell(one, "/spacing"), cell(one, "/median_image_size_in_voxels"), cell(one, "/patch_size"),
                 cell(one, "/batch_size"), cell(one, "/architecture/arch_kwargs/n_stages")});
    } catch (const Error& error) {
      log::warn(error.what());  // of a configuration that was added by hand
    }
  }
  return table.text();
}

}  // namespace

v2::PlannerOptions checked_planner_options(const V2PlannerFlags& flags) {
  const v2::PlannerOptions options = planner_options(flags);
  (void)v2::default_plans_name(options.planner);  // an unknown planner is said once, not for each dataset
  if (options.preprocessor != "DefaultPreprocessor")
    log::warn(
        fmt::format("-preprocessor_name: \"{}\" is written into the plans, but this program knows only "
                    "DefaultPreprocessor",
                    options.preprocessor));
  return options;
}

std::string write_plans(const std::string& dataset, const v2::PlannerOptions& options) {
  const auto planned = v2::plan_experiment(v2::dataset_name(dataset), options, v2::raw_dataset_folder(dataset));
  std::fputs(fmt::format("{}\n{}\n", planned.file.string(), configurations_table(planned)).c_str(), stdout);
  return planned.file.stem().string();
}

int run_v2_plan_experiment(const V2PlanExperimentFlags& flags) {
  const v2::PlannerOptions options = checked_planner_options(flags.planner);
  int failed = 0;
  for (const std::string& dataset : flags.datasets) {
    try {
      write_plans(dataset, options);
    } catch (const Error& error) {
      log::error(error.what());
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}

int run_v2_move_plans(const V2MovePlansFlags& flags) {
  v2::MovePlansOptions options{v2::dataset_name(flags.source), v2::dataset_name(flags.target), flags.source_plans, {}};
  if (!flags.target_plans.empty()) options.new_plans = flags.target_plans;
  log::info(fmt::format("{}: written", v2::move_plans_between_datasets(options).string()));
  return 0;
}

}  // namespace nnunet::app
