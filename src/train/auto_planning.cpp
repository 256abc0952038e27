#include "auto_planning.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/parallel.h"
#include "nnunet/torch_bridge/gpu_memory.h"
#include "nnunet/v2/auto_plan.h"
#include "nnunet/v2/dataset_integrity.h"
#include "nnunet/v2/fingerprint.h"
#include "nnunet/v2/planner.h"
#include "nnunet/v2/preprocess.h"
#include "nnunet/v2/raw_dataset.h"

namespace nnunet {
namespace {

using v2::Json;

constexpr std::size_t kFewestCases = 5;

Json check_dataset(const AutoRun& run) {
  v2::require_dataset_integrity(run.folders.raw, run.threads);
  const std::size_t count = v2::training_cases(run.folders.raw).size();
  if (count < kFewestCases && std::ranges::find(run.asked.folds, "all") == run.asked.folds.end())
    throw Error(run.folders.raw.string(), fmt::format("{} cases are too few for five folds", count),
                fmt::format("add some, up to {} at least, or train on all of them by --folds all", kFewestCases));
  return Json{{"cases", count}};
}

v2::PlannerChoice planner(const AutoRun& run) {
  if (run.asked.memory_target <= 0) {
    constexpr std::int64_t unknown = std::int64_t{64} << 30;
    const std::int64_t memory = available_memory();
    return v2::choose_planner({run.on_gpu ? gpu_memory(0) : 0, memory > 0 ? memory : unknown, available_cores()});
  }
  v2::PlannerChoice choice;
  choice.options.gpu_memory_target = run.asked.memory_target;
  choice.reason = fmt::format("the default planner for {} GB, as asked for", run.asked.memory_target);
  return choice;
}

Json make_plans(const AutoRun& run) {
  const v2::PlannerChoice choice = planner(run);
  log::info(choice.reason);
  const v2::PlannedExperiment planned = v2::plan_experiment(run.folders.dataset, choice.options, run.folders.raw);
  return {{"reason", choice.reason}, {"plans", planned.file.stem().string()}};
}

void require_configurations(const std::vector<std::string>& asked, const std::vector<std::string>& planned) {
  for (const std::string& name : asked)
    if (std::ranges::find(planned, name) == planned.end())
      throw Error("--configurations", fmt::format("the plans have no {}", name),
                  fmt::format("choose among {}", fmt::join(planned, ", ")));
}

}  // namespace

std::vector<std::string> plan_dataset(AutoRun& run) {
  run.record.stage("check", [&] { return check_dataset(run); });
  run.record.stage("fingerprint", [&] {
    v2::ensure_fingerprint(run.folders.raw.string(), {run.threads, false, true}, false);
    return Json::object();
  });
  run.record.stage("plan", [&] { return make_plans(run); });
  const std::vector<std::string> planned =
      v2_configurations(v2::read_v2_files(run.folders.preprocessed_dataset(), run.plans()));
  require_configurations(run.asked.configurations, planned);
  return planned;
}

}  // namespace nnunet
