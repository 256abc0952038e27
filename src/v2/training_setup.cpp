#include "nnunet/v2/training_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/json_fields.h"
#include "nnunet/v2/cross_validation.h"

namespace nnunet::v2 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemedy = "run nnUNetv2_plan_and_preprocess, or correct the file";

void require_fold(const std::string& fold) {
  const bool number = !fold.empty() && fold.size() < 10 &&
                      std::ranges::all_of(fold, [](unsigned char c) { return c >= '0' && c <= '9'; });
  if (fold != "all" && !number)
    throw Error("FOLD", fmt::format("\"{}\" is no fold", fold), "give a number from 0 on, or all");
}

Json read_description(const fs::path& file, const std::string& what) {
  if (!fs::exists(file))
    throw Error(file.string(), "is not there",
                fmt::format("run {} for this dataset; it writes into $nnUNet_preprocessed", what));
  return read_python_json(file);
}

/// A child's entries replace the parent's; the checks were made by v2_configuration.
Json in_file_order(const Json& configurations, const std::string& name) {
  const Json& own = configurations.at(name);
  const auto parent = own.find("inherits_from");
  if (parent == own.end()) return own;
  Json whole = in_file_order(configurations, parent->get<std::string>());
  for (const auto& [key, value] : own.items()) whole[key] = value;
  return whole;
}

std::vector<std::string> next_stage_names(const nlohmann::json& configuration) {
  const auto found = configuration.find("next_stage");
  if (found == configuration.end() || found->is_null()) return {};
  if (found->is_string()) return {found->get<std::string>()};
  return found->get<std::vector<std::string>>();
}

TrainingFolders folders_of(const TrainingNames& names, const TrainerRecipe& recipe, const V2Description& description,
                           const JsonFields& configuration) {
  const ModelName own{recipe.name, description.plans, names.configuration};
  TrainingFolders folders;
  folders.dataset = preprocessed_folder() / names.dataset;
  folders.cases = folders.dataset / configuration.text("data_identifier");
  folders.model = model_folder(names.dataset, own);
  folders.fold = folders.model / ("fold_" + names.fold);
  if (description.previous_stage) {
    const ModelName previous{recipe.name, description.plans, *description.previous_stage};
    folders.previous = model_folder(names.dataset, previous) / "predicted_next_stage" / names.configuration;
  }
  return folders;
}

}  // namespace

std::vector<int> mirror_axes(const TrainerRecipe& recipe, int dim) {
  const int count = recipe.mirroring == Mirroring::all ? dim : recipe.mirroring == Mirroring::first_axes ? dim - 1 : 0;
  std::vector<int> axes;
  for (int axis = 0; axis < count; ++axis) axes.push_back(axis);
  return axes;
}

TrainingSetup training_setup(const TrainingNames& names) {
  require_fold(names.fold);
  TrainingSetup setup;
  setup.names = names;
  setup.names.dataset = dataset_name(names.dataset);
  setup.recipe = trainer_recipe(names.trainer);
  const fs::path dataset = preprocessed_folder() / setup.names.dataset;
  const fs::path plans_file = dataset / (names.plans + ".json"), dataset_file = dataset / "dataset.json";
  setup.plans = read_description(plans_file, "nnUNetv2_plan_and_preprocess, or nnUNetv2_plan_experiment,");
  setup.dataset = read_description(dataset_file, "nnUNetv2_plan_and_preprocess");

  const V2Files files{setup.plans, setup.dataset, plans_file.string(), dataset_file.string()};
  const nlohmann::json configuration = v2_configuration(files, names.configuration);
  const JsonFields fields(configuration, plans_file.string(), kRemedy,
                          fmt::format("configurations.{}.", names.configuration));
  const auto dim = static_cast<int>(fields.list("patch_size").size());
  const V2Training training{setup.recipe.batch_norm ? "nnUNetTrainerBN" : setup.recipe.known_name,
                            mirror_axes(setup.recipe, dim)};
  V2Plan plan = read_v2_plan(files, names.configuration, training);
  setup.model = std::move(plan.model);
  setup.description = std::move(plan.description);
  setup.description.trainer = setup.recipe.name;
  setup.configuration = in_file_order(setup.plans.at("configurations"), names.configuration);
  setup.labels = dataset_labels(setup.dataset, dataset_file.string());
  setup.batch_size = fields.whole("batch_size", 1, 1 << 20);
  setup.batch_dice = fields.boolean("batch_dice");
  setup.folders = folders_of(setup.names, setup.recipe, setup.description, fields);
  for (const std::string& next : next_stage_names(configuration)) {
    const nlohmann::json of_next = v2_configuration(files, next);
    const JsonFields next_fields(of_next, plans_file.string(), kRemedy, fmt::format("configurations.{}.", next));
    setup.next_stages.emplace_back(next, setup.folders.dataset / next_fields.text("data_identifier"));
  }
  return setup;
}

void copy_descriptions(const TrainingSetup& setup) {
  const fs::path fingerprint = setup.folders.dataset / "dataset_fingerprint.json";
  write_python_json(setup.folders.model / "plans.json", setup.plans, Keys::as_they_are);
  write_python_json(setup.folders.model / "dataset.json", setup.dataset, Keys::as_they_are);
  if (fs::exists(fingerprint)) write_text(setup.folders.model / "dataset_fingerprint.json", read_text(fingerprint));
}

}  // namespace nnunet::v2
