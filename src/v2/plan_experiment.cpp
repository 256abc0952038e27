#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "copy_atomically.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/planner.h"
#include "nnunet/v2/raw_dataset.h"
#include "nnunet/v2/splits.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kPlannedNames{"2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"};

/// The folders of a dataset and the files in them that a planner reads and writes.
struct DatasetFolders {
  fs::path raw, preprocessed;

  DatasetFolders(const std::string& dataset, const fs::path& raw_dataset)
      : raw(raw_dataset.empty() ? raw_folder() / dataset : raw_dataset),
        preprocessed(preprocessed_folder() / dataset) {}

  fs::path fingerprint() const { return preprocessed / "dataset_fingerprint.json"; }
};

Json fingerprint_of(const fs::path& file, const std::string& dataset) {
  if (!fs::exists(file))
    throw Error(file.string(), "the dataset has no fingerprint yet",
                fmt::format("make it: nnUNetv2_extract_fingerprint -d {}", dataset));
  return read_python_json(file);
}

/// Configurations that users added by hand are kept; so is what a planner made before and now does not.
void keep_configurations(const fs::path& file, Json& plans) {
  if (!fs::exists(file)) return;
  const Json earlier = read_python_json(file);
  if (!earlier.is_object() || !earlier.contains("configurations") || !earlier["configurations"].is_object())
    throw Error(file.string(), "it holds no \"configurations\": these are no plans",
                "delete or rename it, or give another -overwrite_plans_name");
  Json& configurations = plans["configurations"];
  for (const auto& [name, configuration] : earlier["configurations"].items()) {
    if (configurations.contains(name)) continue;
    configurations[name] = configuration;
    const bool planned = std::ranges::find(kPlannedNames, name) != kPlannedNames.end();
    if (planned)
      log::warn(
          fmt::format("{}: the configuration {} is of earlier plans and kept, but the new plans have none; "
                      "delete it from the file unless you need it",
                      file.string(), name));
    else
      log::info(fmt::format("{}: the configuration {} is kept", file.string(), name));
  }
}

}  // namespace

PlannedExperiment plan_experiment(const std::string& dataset, const PlannerOptions& options,
                                  const fs::path& raw_dataset) {
  const std::string plans_name = options.plans_name.empty() ? default_plans_name(options.planner) : options.plans_name;
  const DatasetFolders folders(dataset, raw_dataset);
  const fs::path dataset_json = folders.raw / "dataset.json", raw_splits = folders.raw / kSplitsFile,
                 splits = folders.preprocessed / kSplitsFile;
  PlannerInput input{.dataset_name = dataset,
                     .reader = {},
                     .dataset = read_dataset_description(folders.raw),
                     .fingerprint = fingerprint_of(folders.fingerprint(), dataset),
                     .dataset_file = dataset_json.string(),
                     .fingerprint_file = folders.fingerprint().string()};
  input.reader = planned_reader(folders.raw, input.dataset);
  PlannedExperiment planned{folders.preprocessed / fmt::format("{}.json", plans_name), make_plans(input, options)};
  keep_configurations(planned.file, planned.plans);
  const bool raw_has_splits = fs::exists(raw_splits), copy_splits = raw_has_splits && !fs::exists(splits);
  if (copy_splits)
    (void)read_splits(raw_splits);  // says what is wrong with it
  else if (raw_has_splits)
    require_same_splits(raw_splits, splits);

  if (copy_splits) copy_atomically(raw_splits, splits);
  const fs::path copy = folders.preprocessed / "dataset.json";
  if (input.dataset == read_python_json(dataset_json))
    copy_atomically(dataset_json, copy);
  else  // of the Medical Segmentation Decathlon
    write_python_json(copy, input.dataset, Keys::as_they_are);
  write_python_json(planned.file, planned.plans, Keys::as_they_are);
  return planned;
}

}  // namespace nnunet::v2
