#include "benchmark.h"

#include <fmt/format.h>

#include <iostream>

#include "commands.h"
#include "nnunet/core/error.h"
#include "nnunet/core/job.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "options/benchmark.h"
#include "options/parser.h"
#include "processes.h"
#include "torch_door.h"

namespace nnunet::app {

namespace {

void run_serve(const TrainOptions& o, ServerFlags f) {
  if (f.options.load.model.empty())
    throw Error("--model", "is not given", "name a model of the server (curl URL/v1/models lists them)");
  require_writable_folder(o.results);
  if (!f.csv.empty()) {
    require_file_suffix(f.csv, "--csv", {".csv"});
    require_writable_file(f.csv);
  }
  if (!f.api_key_file.empty()) f.options.load.server.api_key = read_api_key(f.api_key_file);
  f.options.load.warmup = o.warmup;
  const auto reports = benchmark_serving(f.options);
  for (const BenchmarkReport& report : reports) save_report(report, o.results, o.logname);
  if (!f.csv.empty()) write_text(f.csv, serve_csv(reports));
  std::cout << serve_table(reports) << std::flush;
}

void run(const BenchmarkFlags& flags) {
  if (flags.options.mode == "serve") return run_serve(flags.options.train, flags.server);
  BenchmarkOptions o = flags.options;
  start_processes(o.train, flags.procs);
  bind_to_cores(o.train);
  require_writable_folder(o.train.results);
  if (o.mode == "train" && o.train.train_batches == 0) o.train.train_batches = kBenchmarkBatches;
  if (o.mode == "predict" && o.train.test_batches == 0) o.train.test_batches = kBenchmarkBatches;
  run_and_report(o);
}

}  // namespace

void run_and_report(const BenchmarkOptions& options) {
  const BenchmarkReport report = run_benchmark(options);
  if (job_place().rank != 0) return;  // the first process speaks for all
  save_report(report, options.train.results, options.train.logname);
  std::cout << report.table() << std::flush;
}

void benchmark_forward(const PredictFlags& flags) {
  const InferenceFlags& o = flags.inference;
  BenchmarkOptions b;
  b.mode = "predict";
  b.synthetic = false;
  b.train.cases = o.cases;
  b.train.results = o.results;
  b.train.logname = o.logname;
  b.train.network = o.model.network;
  b.train.compute = o.model.compute;
  b.train.windows = o.model.windows;
  b.train.test_batches = o.test_batches;
  b.train.warmup = flags.warmup;
  run_and_report(b);
}

void add_benchmark(CLI::App& program) {
  add_command<BenchmarkFlags>(program, benchmark_command, run);
}

}  // namespace nnunet::app
