#include "auto_outcome.h"

#include <cmath>

#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/postprocessing.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

fs::path model_path(const AutoFolders& folders, const v2::ModelName& model) {
  return folders.results() / folders.dataset / model.folder();
}

double number_or_nan(const v2::Json& value) {
  return value.is_number() ? value.get<double>() : std::nan("");
}

v2::PredictingModel predicting(const AutoFolders& folders, const v2::ModelName& model) {
  v2::PredictingModel one{model_path(folders, model), {}};
  const v2::Json plans = v2::read_python_json(one.folder / "plans.json");
  const v2::Json& configuration = plans.at("configurations").at(model.configuration);
  if (configuration.contains("previous_stage"))
    one.previous_stage =
        model_path(folders, {model.trainer, model.plans, configuration["previous_stage"].get<std::string>()});
  return one;
}

void compare(AutoRun& run, const AutoTrainings& trainings) {
  run.record.stage("compare", [&] {
    std::vector<int> folds;
    for (const std::string& fold : trainings.folds) folds.push_back(std::stoi(fold));
    const bool several = trainings.models.size() > 1;
    v2::find_best_configuration({run.folders.dataset, trainings.models, folds, several, true, run.threads});
    return v2::Json::object();
  });
}

v2::PredictionRoute route_of(const AutoFolders& folders, const std::vector<v2::ModelName>& models,
                             const std::vector<std::string>& folds) {
  v2::PredictionRoute route;
  for (const v2::ModelName& model : models) route.models.push_back(predicting(folders, model));
  route.folds = folds;
  return route;
}

/// From inference_information.json, which find_best_configuration has written for these folds.
AutoOutcome compared_outcome(const AutoFolders& folders, const std::vector<std::string>& folds) {
  const v2::Json found = v2::read_python_json(folders.results() / folders.dataset / "inference_information.json");
  const v2::Json& best = found.at("best_model_or_ensemble");
  AutoOutcome outcome;
  for (const v2::Json& one : best.at("selected_model_or_models"))
    outcome.best.push_back({one.at("trainer").get<std::string>(), one.at("plans_identifier").get<std::string>(),
                            one.at("configuration").get<std::string>()});
  for (const auto& [name, dice] : found.at("all_results").items())
    outcome.models.emplace_back(name, number_or_nan(dice));
  const fs::path plans = best.at("some_plans_file").get<std::string>();
  outcome.validated = plans.parent_path();
  outcome.best_name = outcome.best.size() > 1 ? outcome.validated.filename().string() : outcome.best.front().folder();
  outcome.dice = number_or_nan(best.at("result_on_crossval_pre_pp"));
  outcome.dice_after = number_or_nan(best.at("result_on_crossval_post_pp"));
  outcome.route = route_of(folders, outcome.best, folds);
  const fs::path postprocessing = best.at("postprocessing_file").get<std::string>();
  if (!v2::read_postprocessing(postprocessing).empty()) {
    outcome.route.postprocessing = postprocessing;
    outcome.route.plans = plans;
  }
  return outcome;
}

AutoOutcome fitted_outcome(const AutoFolders& folders, const std::vector<v2::ModelName>& models) {
  AutoOutcome outcome;
  for (const v2::ModelName& model : models) {
    const fs::path validated = model_path(folders, model) / "fold_all" / "validation";
    const double dice = v2::read_summary_dice(validated / "summary.json").foreground_mean;
    outcome.models.emplace_back(model.folder(), dice);
    if (!outcome.best.empty() && !(dice > outcome.dice)) continue;
    outcome.best = {model};
    outcome.best_name = model.folder();
    outcome.dice = outcome.dice_after = dice;
    outcome.validated = validated;
  }
  outcome.route = route_of(folders, outcome.best, {"all"});
  return outcome;
}

}  // namespace

AutoOutcome outcome_of(AutoRun& run, const AutoTrainings& trainings) {
  if (trainings.folds.front() == "all") return fitted_outcome(run.folders, trainings.models);
  compare(run, trainings);
  return compared_outcome(run.folders, trainings.folds);
}

}  // namespace nnunet
