#include "nnunet/train/auto_training.h"

#include <fmt/format.h>

#include "auto_choices.h"
#include "auto_decisions.h"
#include "auto_fitting.h"
#include "auto_planning.h"
#include "auto_report.h"
#include "auto_trainings.h"
#include "nnunet/train/epoch_loop.h"

namespace nnunet {
namespace {

AutoResult train_all(AutoRun& run) {
  const v2::TrainingSchedule schedule = fit_trainings(run, plan_dataset(run));
  const AutoDecisions decisions = auto_decisions(run, schedule);
  announce(run, schedule, decisions);
  const AutoTrainings trainings = trainings_of(run, schedule);
  train_models(run, trainings);
  const AutoOutcome found = outcome_of(run, trainings);
  const std::filesystem::path script = write_auto_script(run, found);
  AutoResult result{run.folders.output, run.folders.report(),
                    fmt::format("{} IMAGES LABEL_MAPS", v2::shell_word(script.string())), found.final_dice(), ""};
  write_auto_report(run, trainings, decisions, found, result.command);
  return result;
}

AutoResult interrupted(const AutoRun& run, const std::string& signal) {
  AutoResult result;
  result.output = run.folders.output;
  result.interrupted_by = signal;
  return result;
}

}  // namespace

AutoResult train_automatically(AutoOptions options) {
  check_auto_options(options);
  if (std::filesystem::is_directory(options.dataset))
    options.dataset = std::filesystem::absolute(options.dataset).string();
  AutoRun run(std::move(options));
  try {
    return train_all(run);
  } catch (const AutoInterrupted& stop) {
    return interrupted(run, stop.signal);
  } catch (const StopRequested&) {
    return interrupted(run, "a signal");
  }
}

}  // namespace nnunet
