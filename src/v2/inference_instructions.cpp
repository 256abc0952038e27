#include "nnunet/v2/inference_instructions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <set>

#include "nnunet/v2/cross_validation.h"

namespace nnunet::v2 {
namespace {

/// The entry of a configuration, or of the one that it inherits from.
std::optional<std::string> configured(const Json& plans, std::string configuration, const char* key) {
  for (std::set<std::string> seen; seen.insert(configuration).second;) {
    if (!plans.contains("configurations") || !plans["configurations"].contains(configuration)) return std::nullopt;
    const Json& entries = plans["configurations"][configuration];
    if (entries.contains(key) && entries[key].is_string()) return entries[key].get<std::string>();
    if (!entries.contains("inherits_from") || !entries["inherits_from"].is_string()) return std::nullopt;
    configuration = entries["inherits_from"].get<std::string>();
  }
  return std::nullopt;
}

/// One line, or with a previous stage two.
std::string predict_commands(const InferenceInformation& information, const ModelName& model, const std::string& output,
                             bool probabilities) {
  const auto command = [&](const std::string& configuration, const std::string& to) {
    return fmt::format("nnUNetv2_predict -d {} -i INPUT_FOLDER -o {} -f {} -tr {} -c {} -p {}", information.dataset, to,
                       fmt::join(information.folds, " "), model.trainer, configuration, model.plans);
  };
  std::string text, line = command(model.configuration, output);
  const Json plans = read_python_json(model_folder(information.dataset, model) / "plans.json");
  if (const auto stage = configured(plans, model.configuration, "previous_stage")) {
    const std::string folder = output + "_PREV_STAGE";
    text = command(*stage, folder) + "\n";
    line += " -prev_stage_predictions " + folder;
  }
  return fmt::format("{}{}{}\n", text, line, probabilities ? " --save_probabilities" : "");
}

}  // namespace

Json inference_information_json(const InferenceInformation& information) {
  Json considered = Json::array(), selected = Json::array(), results = Json::object();
  for (const ModelName& model : information.considered)
    considered.push_back({{"configuration", model.configuration}, {"plans", model.plans}, {"trainer", model.trainer}});
  for (const ModelName& model : information.best.models)
    selected.push_back(
        {{"configuration", model.configuration}, {"plans_identifier", model.plans}, {"trainer", model.trainer}});
  for (const auto& [name, dice] : information.results) results[name] = dice;
  return {{"all_results", results},
          {"best_model_or_ensemble",
           {{"postprocessing_file", information.best.postprocessing.string()},
            {"result_on_crossval_post_pp", information.best.dice_after},
            {"result_on_crossval_pre_pp", information.best.dice_before},
            {"selected_model_or_models", selected},
            {"some_plans_file", information.best.plans.string()}}},
          {"considered_models", considered},
          {"dataset_name_or_id", information.dataset},
          {"ensembling_allowed", information.ensembling},
          {"folds", information.folds}};
}

std::string inference_instructions(const InferenceInformation& information) {
  const auto& models = information.best.models;
  std::string text = models.size() > 1 ? "Best is the ensemble of these models. Predict with each of them:\n\n"
                                       : "Best is this model. Predict with it:\n\n";
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < models.size(); ++i) {
    folders.push_back(models.size() > 1 ? fmt::format("OUTPUT_FOLDER_MODEL_{}", i + 1) : "OUTPUT_FOLDER");
    text += predict_commands(information, models[i], folders.back(), models.size() > 1);
  }
  if (models.size() > 1)
    text += fmt::format("\nThen ensemble them:\n\nnnUNetv2_ensemble -i {} -o OUTPUT_FOLDER\n", fmt::join(folders, " "));
  return text + fmt::format(
                    "\nThen postprocess the label maps:\n\nnnUNetv2_apply_postprocessing -i OUTPUT_FOLDER "
                    "-o OUTPUT_FOLDER_PP -pp_pkl_file {} -plans_json {}\n",
                    information.best.postprocessing.string(), information.best.plans.string());
}

}  // namespace nnunet::v2
