#include "options/train.h"

#include <fmt/format.h>

#include "benchmark.h"
#include "commands.h"
#include "nnunet/core/interrupt.h"
#include "nnunet/train/trainer.h"
#include "options/parser.h"
#include "processes.h"
#include "run_program.h"

namespace nnunet::app {

namespace {

void run_training(const TrainOptions& o) {
  const TrainResult result = train(o);
  if (!result.leads) {
    if (!result.interrupted_by.empty()) end_program(kInterruptedExitCode);
    return;
  }
  if (result.best_mean_dice)
    fmt::print("best mean dice: {:.2f} (epoch {})\n", *result.best_mean_dice, *result.best_epoch);
  if (!result.best_checkpoint.empty())
    fmt::print("best checkpoint: {}\n", result.best_checkpoint.string());
  else if (!result.last_checkpoint.empty())
    fmt::print("checkpoint: {}\n", result.last_checkpoint.string());
  if (!result.interrupted_by.empty()) end_program(kInterruptedExitCode);
}

void run(const TrainFlags& flags) {
  start_processes(flags.options, flags.procs);
  bind_to_cores(flags.options);
  if (!flags.options.benchmark) return run_training(flags.options);
  BenchmarkOptions b;
  b.train = flags.options;
  b.synthetic = false;
  run_and_report(b);
}

}  // namespace

void add_train(CLI::App& program) {
  add_command<TrainFlags>(program, train_command, run);
}

}  // namespace nnunet::app
