#include "auto_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/v2/auto_report.h"
#include "nnunet/v2/evaluation.h"
#include "nnunet/v2/raw_dataset.h"
#include "nnunet/v2/training_setup.h"
#include "v2_fold_folder.h"

namespace nnunet {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownCases = 3;

double seconds_of(const AutoRecord& record, const std::string& stage) {
  for (const auto& [name, seconds] : record.seconds())
    if (name == stage) return seconds;
  return 0;
}

v2::ReportedFold reported_fold(const AutoRun& run, const AutoTrainings& trainings, const v2::ModelName& model,
                               const std::string& fold, const v2::DatasetLabels& labels) {
  const v2::TrainingSetup setup =
      v2::training_setup({run.folders.dataset, model.configuration, fold, trainings.trainer, model.plans});
  v2::ReportedFold one{model.configuration, fold, {}, 0, 0, {}};
  const v2::SummaryDice summary = v2::read_summary_dice(setup.folders.validation() / "summary.json");
  for (const v2::LabelOrRegion& label : labels.foreground) {
    const auto found = summary.mean.find(label.key());
    one.dice.push_back(found == summary.mean.end() ? std::nan("") : found->second);
  }
  one.mean = summary.foreground_mean;
  one.seconds = seconds_of(run.record, training_stage(model.configuration, fold));
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

std::string summary_of(const AutoTrainings& trainings, const AutoOutcome& outcome) {
  const bool on_all = trainings.folds.front() == "all";
  return fmt::format("The best model is {}. Its mean Dice over the foreground is {:.4f}, {}.", outcome.best_name,
                     outcome.final_dice(),
                     on_all ? "on the cases that it was trained on, so no estimate for new ones"
                            : "on cases that it was not trained on");
}

void add_folds(v2::AutoReport& report, const AutoRun& run, const AutoTrainings& trainings,
               const v2::DatasetLabels& labels) {
  for (const v2::ModelName& model : trainings.models)
    for (const std::string& fold : trainings.folds)
      report.folds.push_back(reported_fold(run, trainings, model, fold, labels));
  v2::draw_curves(run.folders.curves(), report.folds);
  report.curves = file_content(run.folders.curves());
}

void add_outcome(v2::AutoReport& report, const AutoOutcome& outcome) {
  report.models = outcome.models;
  report.best = outcome.best_name;
  report.dice_before = outcome.dice;
  report.dice_after = outcome.dice_after;
  report.postprocessed = outcome.postprocessed();
  for (const v2::PredictingModel& model : outcome.route.models) report.model_folders.push_back(model.folder);
}

}  // namespace

fs::path write_auto_script(const AutoRun& run, const AutoOutcome& outcome) {
  write_atomically(run.folders.script(), [&](const fs::path& temporary) {
    write_text(temporary, v2::predict_script(outcome.route, run.folders.output, run.asked.program));
    fs::permissions(temporary, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                    fs::perm_options::add);
  });
  return run.folders.script();
}

void write_auto_report(const AutoRun& run, const AutoTrainings& trainings, const AutoDecisions& decisions,
                       const AutoOutcome& outcome, const std::string& command) {
  const fs::path dataset_json = run.folders.preprocessed_dataset() / "dataset.json";
  const v2::Json dataset = v2::read_python_json(dataset_json);
  const v2::DatasetLabels labels = v2::dataset_labels(dataset, dataset_json.string());
  v2::AutoReport report;
  report.dataset = run.folders.dataset;
  report.decisions = decisions;
  report.classes = v2::scored_names(dataset, labels);
  report.summary = summary_of(trainings, outcome);
  report.stages = run.record.seconds();
  report.command = command;
  add_folds(report, run, trainings, labels);
  add_outcome(report, outcome);
  add_cases(report, run.folders, outcome.validated, labels);
  write_text(run.folders.report(), v2::auto_report_html(report));
}

}  // namespace nnunet
