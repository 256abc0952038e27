#include <fmt/format.h>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/train/auto_training.h"
#include "options/auto.h"
#include "options/parser.h"
#include "run_program.h"

namespace nnunet::app {
namespace {

namespace fs = std::filesystem;

AutoOptions options_of(const AutoFlags& flags) {
  if (flags.amp && flags.fp32) throw Error("--amp and --fp32", "both are given", "leave one of them out");
  if (flags.device == "cuda" && torch_gpus() == 0)
    throw Error("--device cuda", "there is no GPU that can be used", "leave it out, or give cpu");
  AutoOptions o = flags.options;
  o.compute.gpus = flags.device == "cpu" ? 0 : -1;
  o.precision = flags.amp ? AutoPrecision::half : flags.fp32 ? AutoPrecision::full : AutoPrecision::chosen;
  o.program = fs::read_symlink("/proc/self/exe").parent_path() / "nnunet";
  return o;
}

void run(const AutoFlags& flags) {
  const AutoResult result = train_automatically(options_of(flags));
  if (!result.interrupted_by.empty()) {
    fmt::print("stopped by {}; go on with --continue\n", result.interrupted_by);
    end_program(kInterruptedExitCode);
  }
  fmt::print("mean Dice of the validation: {:.4f}\nreport: {}\npredict by: {}\n", result.dice, result.report.string(),
             result.command);
}

}  // namespace

void add_auto(CLI::App& program) {
  add_command<AutoFlags>(program, auto_command, run);
}

}  // namespace nnunet::app
