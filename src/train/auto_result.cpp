#include "auto_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/auto_report.h"
#include "nnunet/v2/cross_validation.h"
#include "nnunet/v2/postprocessing.h"
#include "nnunet/v2/raw_dataset.h"
#include "nnunet/v2/training_setup.h"
#include "v2_fold_folder.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownCases = 3;

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

v2::ReportedFold reported_fold(const AutoStory& story, const v2::ModelName& model, const std::string& fold,
                               const v2::DatasetLabels& labels) {
  const v2::TrainingSetup setup =
      v2::training_setup({story.folders.dataset, model.configuration, fold, story.trainer, model.plans});
  v2::ReportedFold one{model.configuration, fold, {}, 0, 0, {}};
  const v2::SummaryDice summary = v2::read_summary_dice(setup.folders.validation() / "summary.json");
  for (const v2::LabelOrRegion& label : labels.foreground) {
    const auto found = summary.mean.find(label.key());
    one.dice.push_back(found == summary.mean.end() ? std::nan("") : found->second);
  }
  one.mean = summary.foreground_mean;
  const std::string stage = fmt::format("train {}, fold {}", model.configuration, fold);
  for (const auto& [name, seconds] : story.record.seconds())
    if (name == stage) one.seconds = seconds;
  one.log = load_v2_checkpoint(setup.folders.fold / V2FoldFolder::kFinal, *setup.model.network).logging;
  return one;
}

/// A case without a picture is better than no report.
void draw(v2::ReportedCase& one, const std::vector<v2::RawCase>& raw, const AutoFolders& folders,
          const fs::path& validated, const std::string& ending) try {
  const auto found = std::ranges::find(raw, one.name, &v2::RawCase::name);
  if (found == raw.end() || found->images.empty()) return;
  const std::string file = one.name + ending;
  v2::draw_case(one, found->images.front(), folders.references() / file, validated / file);
} catch (const Error& e) {
  log::warn(fmt::format("no picture of {} in the report: {}", one.name, e.what()));
}

/// The best and the worst, none of them twice.
void add_cases(v2::AutoReport& report, const AutoFolders& folders, const fs::path& validated,
               const v2::DatasetLabels& labels) {
  std::vector<v2::ReportedCase> cases = v2::scored_cases(validated / "summary.json", labels);
  const std::size_t worst = std::min(kShownCases, cases.size() / 2), best = std::min(kShownCases, cases.size() - worst);
  const std::vector<v2::RawCase> raw = v2::training_cases(folders.raw);
  for (std::size_t i = 0; i < best; ++i) report.best_cases.push_back(std::move(cases[i]));
  for (std::size_t i = 0; i < worst; ++i) report.worst_cases.push_back(std::move(cases[cases.size() - 1 - i]));
  for (auto* const list : {&report.best_cases, &report.worst_cases})
    for (v2::ReportedCase& one : *list) draw(one, raw, folders, validated, labels.file_ending);
}

v2::Png file_content(const fs::path& path) {
  const std::string bytes = read_text(path);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

std::string summary_of(const AutoStory& story, const AutoOutcome& outcome, double dice) {
  const bool on_all = story.folds.front() == "all";
  return fmt::format("The best model is {}. Its mean Dice over the foreground is {:.4f}, {}.", outcome.best_name, dice,
                     on_all ? "on the cases that it was trained on, so no estimate for new ones"
                            : "on cases that it was not trained on");
}

}  // namespace

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
  for (const v2::ModelName& model : outcome.best) outcome.route.models.push_back(predicting(folders, model));
  outcome.route.folds = folds;
  const fs::path postprocessing = best.at("postprocessing_file").get<std::string>();
  if (!v2::read_postprocessing(postprocessing).empty()) {
    outcome.route.postprocessing = postprocessing;
    outcome.route.plans = plans;
  }
  return outcome;
}

AutoOutcome fitted_outcome(const std::vector<v2::ModelName>& models, const AutoFolders& folders) {
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
  outcome.route = {{predicting(folders, outcome.best.front())}, {"all"}, {}, {}};
  return outcome;
}

void write_auto_report(const AutoStory& story, const AutoOutcome& outcome, const std::string& command) {
  const fs::path dataset_json = story.folders.preprocessed_dataset() / "dataset.json";
  const v2::Json dataset = v2::read_python_json(dataset_json);
  const v2::DatasetLabels labels = v2::dataset_labels(dataset, dataset_json.string());
  v2::AutoReport report;
  report.dataset = story.folders.dataset;
  report.decisions = story.decisions;
  report.classes = v2::scored_names(dataset, labels);
  for (const v2::ModelName& model : story.models)
    for (const std::string& fold : story.folds) report.folds.push_back(reported_fold(story, model, fold, labels));
  v2::draw_curves(story.folders.curves(), report.folds);
  report.curves = file_content(story.folders.curves());
  report.models = outcome.models;
  report.best = outcome.best_name;
  report.dice_before = outcome.dice;
  report.dice_after = outcome.dice_after;
  report.postprocessed = !outcome.route.postprocessing.empty();
  report.summary = summary_of(story, outcome, report.postprocessed ? outcome.dice_after : outcome.dice);
  add_cases(report, story.folders, outcome.validated, labels);
  report.stages = story.record.seconds();
  report.command = command;
  for (const v2::PredictingModel& model : outcome.route.models) report.model_folders.push_back(model.folder);
  write_text(story.folders.report(), v2::auto_report_html(report));
}

}  // namespace nnunet
