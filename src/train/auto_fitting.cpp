#include "auto_fitting.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "auto_choices.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/precision.h"
#include "nnunet/core/progress.h"
#include "nnunet/train/v2_timing.h"
#include "nnunet/v2/preprocess.h"

namespace nnunet {
namespace {

using v2::Json;
using Names = std::vector<std::string>;
using Costs = std::map<std::string, v2::TrainingCost>;

constexpr const char *kFullres = "3d_fullres", *kCascade = "3d_cascade_fullres", *k2d = "2d";
constexpr double kSecondsPerHour = 3600, kMeasuringShare = 0.01, kLeastMeasuring = 1, kMostMeasuring = 60;
/// bf16 rounds more than float32: it has to be worth it.
constexpr double kWorthwhile = 1.1;

/// The cascade has the cases of 3d_fullres, and a network of nearly the same size.
std::string measured_as(const std::string& configuration) {
  return configuration == kCascade ? kFullres : configuration;
}

std::string measuring_stage(const std::string& configuration) {
  return "measure " + measured_as(configuration);
}

Json preprocess(const AutoRun& run, const std::string& configuration) {
  const std::filesystem::path preprocessed = run.folders.preprocessed_dataset();
  const v2::PreprocessingReport report = v2::preprocess_configuration({.raw = run.folders.raw,
                                                                       .preprocessed = preprocessed,
                                                                       .plans = run.plans(),
                                                                       .configuration = configuration,
                                                                       .threads = run.threads});
  if (!report.failed.empty() || v2::copy_references(run.folders.raw, preprocessed) > 0)
    throw Error(run.folders.raw.string(), "some cases could not be preprocessed", "the lines above say why");
  return Json{{"cases", report.made + report.kept}};
}

v2::TrainingCost time(const AutoRun& run, const std::string& configuration, bool half) {
  const std::string fold = run.asked.folds.empty() ? "0" : run.asked.folds.front();
  const double seconds =
      std::clamp(kMeasuringShare * run.asked.hours * kSecondsPerHour, kLeastMeasuring, kMostMeasuring);
  const v2::TrainingCost cost = time_v2(training_options(run, configuration, fold, "nnUNetTrainer", half), seconds);
  log::info(
      fmt::format("{}, {}: {:.3g} s a batch, {:.3g} s a validation batch, {:.2g} s for the "
                  "checkpoints of an epoch, {} the validation of a fold",
                  configuration, half ? "half precision" : "float32", cost.batch.training, cost.batch.validation,
                  cost.batch.epoch, format_duration(cost.final_validation)));
  return cost;
}

/// Both kinds of arithmetic are tried where it is open which is faster.
Json measure(const AutoRun& run, const std::string& configuration) {
  const bool chosen = run.asked.precision == AutoPrecision::chosen;
  const bool half = run.asked.precision == AutoPrecision::half || (chosen && run.on_gpu);
  const v2::TrainingCost cost = time(run, configuration, half);
  if (!chosen || run.on_gpu || !has_bf16_arithmetic()) return {{"half", half}, {"cost", cost_json(cost)}};
  const v2::TrainingCost other = time(run, configuration, true);
  const bool faster = other.batch.training * kWorthwhile < cost.batch.training;
  return {{"half", faster}, {"cost", cost_json(faster ? other : cost)}};
}

Costs prepare(AutoRun& run, const Names& configurations) {
  Costs costs;
  for (const std::string& each : configurations) {
    const std::string name = measured_as(each);
    run.record.stage("preprocess " + name, [&] { return preprocess(run, name); });
    run.record.stage(measuring_stage(name), [&] { return measure(run, name); });
    costs[each] = measured_cost(run, each);
  }
  return costs;
}

/// What is worth looking at before anything is known of the time.
Names first_choice(const AutoRun& run, const Names& planned) {
  if (!run.asked.configurations.empty()) return run.asked.configurations;
  return {std::ranges::find(planned, kFullres) == planned.end() ? k2d : kFullres};
}

/// The other configurations are looked at where the first leaves time for them.
v2::TrainingSchedule choose(AutoRun& run, const Names& planned, const Costs& first) {
  const v2::ScheduleWishes wishes{run.asked.configurations, run.asked.folds, run.asked.epochs, run.asked.iterations};
  v2::TrainingSchedule schedule = v2::training_schedule(first, run.seconds_left(), wishes);
  if (!run.asked.configurations.empty() || schedule.length != v2::TrainingLength{} || planned.size() < 2)
    return schedule;
  const Costs all = prepare(run, planned);
  return v2::training_schedule(all, run.seconds_left(), wishes);
}

}  // namespace

v2::TrainingSchedule fit_trainings(AutoRun& run, const Names& planned) {
  const Costs first = prepare(run, first_choice(run, planned));
  if (!run.record.done("schedule")) {
    const v2::TrainingSchedule schedule = choose(run, planned, first);
    run.record.stage("schedule", [&] { return schedule_json(schedule); });
  }
  const v2::TrainingSchedule schedule = schedule_of(run.record.result("schedule"));
  prepare(run, schedule.configurations);
  return schedule;
}

v2::TrainingCost measured_cost(const AutoRun& run, const std::string& configuration) {
  return cost_of(run.record.result(measuring_stage(configuration)).at("cost"));
}

bool half_precision(const AutoRun& run, const std::string& configuration) {
  return run.record.result(measuring_stage(configuration)).at("half").get<bool>();
}

}  // namespace nnunet
