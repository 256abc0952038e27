#include "auto_decisions.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>

#include "auto_fitting.h"
#include "nnunet/core/log.h"
#include "nnunet/core/progress.h"
#include "nnunet/v2/preprocess.h"

namespace nnunet {
namespace {

std::string clock_time(double seconds_from_now) {
  const std::time_t then = std::time(nullptr) + static_cast<std::time_t>(seconds_from_now);
  std::tm local{};
  localtime_r(&then, &local);
  return fmt::format("{:%A %H:%M}", local);
}

std::string arithmetic(const AutoRun& run, const std::string& configuration) {
  if (!half_precision(run, configuration)) return "float32";
  return run.on_gpu ? "mixed precision, fp16" : "mixed precision, bf16";
}

std::string training_of(const AutoRun& run, const V2Files& files, const std::string& name) {
  const nlohmann::json configuration = v2_configuration(files, name);
  return fmt::format("patches of {} voxels, {} a batch; {}; {:.3g} s a batch, measured",
                     fmt::join(configuration.at("patch_size").get<std::vector<int>>(), " x "),
                     configuration.at("batch_size").get<int>(), arithmetic(run, name),
                     measured_cost(run, name).batch.training);
}

double seconds_ahead(const AutoRun& run, const v2::TrainingSchedule& schedule) {
  const double each = schedule.seconds / static_cast<double>(schedule.configurations.size() * schedule.folds.size());
  double ahead = 0;
  for (const std::string& configuration : schedule.configurations)
    for (const std::string& fold : schedule.folds)
      ahead += run.record.done(training_stage(configuration, fold)) ? 0 : each;
  return ahead;
}

}  // namespace

AutoDecisions auto_decisions(const AutoRun& run, const v2::TrainingSchedule& schedule) {
  const V2Files files = v2::read_v2_files(run.folders.preprocessed_dataset(), run.plans());
  AutoDecisions list{{"planned for", run.record.result("plan").at("reason").get<std::string>()}};
  for (const std::string& name : schedule.configurations) list.emplace_back(name, training_of(run, files, name));
  const bool one_for_time = run.asked.folds.empty() && schedule.folds.size() == 1;
  list.emplace_back("folds", fmt::format("{}{}", fmt::join(schedule.folds, ", "),
                                         one_for_time ? ": the time is too short for all five" : ""));
  const bool wished = run.asked.epochs || run.asked.iterations;
  list.emplace_back("length of a training",
                    fmt::format("{} epochs of {} batches, {}", schedule.length.epochs, schedule.length.iterations,
                                wished ? "as asked for" : fmt::format("for {:.3g} hours in all", run.asked.hours)));
  return list;
}

void announce(const AutoRun& run, const v2::TrainingSchedule& schedule, const AutoDecisions& decisions) {
  std::string text = "the plan:";
  for (const auto& [what, why] : decisions) text += fmt::format("\n  {}: {}", what, why);
  const double ahead = seconds_ahead(run, schedule);
  text += fmt::format("\n  trained in about {}, {}", format_duration(ahead), clock_time(ahead));
  log::info(text);
}

}  // namespace nnunet
