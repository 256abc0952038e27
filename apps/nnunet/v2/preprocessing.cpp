// nnUNetv2_preprocess, nnUNetv2_plan_and_preprocess.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/progress.h"
#include "nnunet/v2/environment.h"
#include "nnunet/v2/preprocess.h"
#include "v2/commands.h"
#include "v2/exit_code.h"
#include "v2/planning_steps.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

/// -np for each configuration.
std::vector<int> threads_of(const V2CaseFlags& flags) {
  const std::size_t count = flags.configurations.size();
  if (flags.threads.size() == 1) return std::vector<int>(count, flags.threads.front());
  if (!flags.threads.empty() && flags.threads.size() != count)
    throw Error("-np", fmt::format("{} numbers for {} configurations", flags.threads.size(), count),
                "give one number, or one for each");
  if (!flags.threads.empty()) return flags.threads;
  std::vector<int> usual;
  for (const std::string& configuration : flags.configurations)
    usual.push_back(configuration == "2d" || configuration == "3d_lowres" ? 8 : 4);
  return usual;
}

void check_threads(const std::vector<int>& threads) {
  if (std::ranges::any_of(threads, [](int n) { return n < 1; }))
    throw Error("-np", "is not above 0", "give the number of cases at a time");
}

void say(const std::string& configuration, const v2::PreprocessingReport& report) {
  log::info(fmt::format("{}: {} cases made, {} kept, {} failed in {}: {}", configuration, report.made, report.kept,
                        report.failed.size(), format_duration(report.seconds), report.folder.string()));
  if (report.made > 0)
    log::info(fmt::format("memory: a case needs up to {}; {} were used in all{}", format_bytes(report.case_memory),
                          format_bytes(peak_memory()),
                          report.memory_limit > 0 ? ", limit " + format_bytes(report.memory_limit) : ""));
  if (!report.failed.empty())
    log::error(fmt::format("{}: not preprocessed: {}; repair these cases and run the command again", configuration,
                           fmt::join(report.failed, ", ")));
}

/// Returns how many cases failed.
int preprocess_dataset(const std::string& name, const std::string& plans, const V2CaseFlags& flags) {
  const std::string dataset = v2::dataset_name(name);
  v2::PreprocessingOptions options;
  options.raw = v2::raw_dataset_folder(name);
  options.preprocessed = v2::preprocessed_folder() / dataset;
  options.plans = plans;
  options.progress = !flags.no_progress;
  const V2Files files = v2::read_v2_files(options.preprocessed, plans);
  const std::vector<std::string> planned = v2_configurations(files);
  const auto is_planned = [&](const std::string& one) { return std::ranges::find(planned, one) != planned.end(); };
  std::vector<std::string> wanted;
  std::ranges::copy_if(flags.configurations, std::back_inserter(wanted), is_planned);
  v2::require_own_stores(options.preprocessed, files, wanted);
  const std::vector<int> threads = threads_of(flags);
  log::info(fmt::format("preprocessing {}", dataset));
  int failed = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    options.configuration = flags.configurations[i];
    if (!is_planned(options.configuration)) {
      log::info(fmt::format("{}: not in {}.json, left out", options.configuration, plans));
      continue;
    }
    options.threads = v2::case_threads(threads[i]);
    const v2::PreprocessingReport report = v2::preprocess_configuration(options);
    say(options.configuration, report);
    failed += static_cast<int>(report.failed.size());
  }
  return failed + v2::copy_references(options.raw, options.preprocessed);
}

}  // namespace

int run_v2_preprocess(const V2PreprocessFlags& flags) {
  check_threads(threads_of(flags.cases));
  int failed = 0;
  for (const std::string& dataset : flags.datasets) failed += preprocess_dataset(dataset, flags.plans, flags.cases);
  return exit_code(failed);
}

int run_v2_plan_and_preprocess(const V2PlanAndPreprocessFlags& flags) {
  check_threads(threads_of(flags.cases));
  const v2::PlannerOptions planner = checked_planner_options(flags.planner);
  for (const std::string& dataset : flags.datasets)
    extract_fingerprint(dataset, flags.fingerprint, !flags.cases.no_progress);
  std::string plans;
  for (const std::string& dataset : flags.datasets) plans = write_plans(dataset, planner);
  if (flags.no_preprocessing) return 0;
  int failed = 0;
  for (const std::string& dataset : flags.datasets) failed += preprocess_dataset(dataset, plans, flags.cases);
  return exit_code(failed);
}

}  // namespace nnunet::app
