#include "options/preprocess.h"

#include <fmt/format.h>

#include <iostream>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/core/memory.h"
#include "nnunet/core/progress.h"
#include "nnunet/preprocess/pipeline.h"
#include "options/parser.h"

namespace nnunet::app {

namespace {

void run(PreprocessFlags& flags) {
  PreprocessOptions& options = flags.options;
  log::set_quiet(options.quiet);
  options.place = job_place();
  options.part = flags.parts.choose(options.place);
  const PreprocessReport report = preprocess_dataset(options);
  const std::int64_t failed = report.failed(), all = static_cast<std::int64_t>(report.cases.size());
  if (!options.quiet) {
    std::cout << report.table();
    const std::string part =
        options.part.alone() ? "" : fmt::format(" (part {} of {})", options.part.id, options.part.count);
    std::cout << fmt::format("{} of {} cases{} in {}, {}\n", all - failed, all, part, report.folder.string(),
                             format_duration(report.seconds));
    std::cout << fmt::format("Memory: a case needs up to {}; {} were used in all{}\n", format_bytes(report.case_memory),
                             format_bytes(peak_memory()),
                             report.memory_limit > 0 ? ", limit " + format_bytes(report.memory_limit) : "");
    std::cout.flush();
  }
  if (failed == 0) return;
  std::string reasons;
  for (const CaseReport& c : report.cases)
    if (!c.error.empty()) reasons += "\n  " + c.error;
  throw Error(report.folder.string(), fmt::format("{} of {} cases could not be preprocessed:{}", failed, all, reasons),
              "repair them and run the command again: finished cases are kept");
}

}  // namespace

void add_preprocess(CLI::App& program) {
  add_command<PreprocessFlags>(program, preprocess_command, run);
}

}  // namespace nnunet::app
