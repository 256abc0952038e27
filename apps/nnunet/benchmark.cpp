#include "benchmark.h"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "commands.h"
#include "engine_commands.h"
#include "nnunet/benchmark/serve_load.h"
#include "nnunet/core/error.h"
#include "nnunet/core/job.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/io/names.h"
#include "number_checks.h"
#include "processes.h"
#include "shared_options.h"
#include "torch_door.h"

namespace nnunet::app {

namespace {

// Enough for a minute on two cores with the default task.
constexpr std::int64_t kBatches = 30;

BenchmarkOptions defaults() {
  BenchmarkOptions o;
  o.task = "04";
  o.logname = "perf.json";
  o.results = std::filesystem::is_directory("/results") ? "/results" : ".";
  return o;
}

void add_length_options(CLI::App& c, BenchmarkOptions& o) {
  const std::string group = "Length";
  c.add_option("--train_batches", o.train_batches,
               fmt::format("train, augment: batches of each of the two passes (default: train {}; augment: as many as "
                           "one core makes in 2 s)",
                           kBatches))
      ->check(positive())
      ->group(group);
  c.add_option(
       "--test_batches", o.test_batches,
       fmt::format("predict: batches of each of the two passes (default: {}); export: cases (default: 20)", kBatches))
      ->check(positive())
      ->group(group);
  c.add_option("--warmup", o.warmup,
               "train, predict, augment: so many batches of the second pass do not count; serve: requests of each "
               "client before it counts")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
}

void add_data_options(CLI::App& c, BenchmarkOptions& o) {
  const std::string group = "Batches";
  c.add_option("--batch_size", o.batch_size,
               "Patches (3D) or slices (2D) a batch (default: 2 in 3D, in predict 4; 64 in 2D)")
      ->check(positive())
      ->group(group);
  c.add_option("--nvol", o.nvol, "2D: volumes that share a batch")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_option("--num_workers", o.num_workers, "Threads that prepare batches")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  c.add_option("--n_jobs", o.n_jobs, "preprocess: cases at a time; -1: one a core")
      ->capture_default_str()
      ->group(group);
}

void add_synthetic_options(CLI::App& c, BenchmarkOptions& o) {
  const std::string group = "Synthetic data (instead of those in --data)";
  c.add_option("--patch_size", o.patch_size, "Patch in voxels (default: the task's)")
      ->expected(2, 3)
      ->type_name("[D] H W")
      ->group(group);
  c.add_option("--in_channels", o.in_channels, "Channels of an image (default: the task's)")
      ->check(positive())
      ->group(group);
  c.add_option("--n_class", o.n_class, "Classes, background included (default: the task's)")
      ->check(between(2, 256))
      ->group(group);
  c.add_option("--cases", o.cases,
               "Volumes, or images to preprocess (default: 2 to 8 volumes, together at most 256 MiB; 24 images)")
      ->check(positive())
      ->group(group);
}

/// --mode serve: a server that runs already.
struct ServerFlags {
  ServeLoadOptions options;
  std::filesystem::path api_key_file, csv;
  double timeout_s = 60;
};

void add_server_options(CLI::App& c, ServerFlags& f) {
  const std::string group = "serve: a running server";
  LoadOptions& load = f.options.load;
  c.add_option("--url", load.server.url, "Its http or https address")->capture_default_str()->group(group);
  c.add_option("--model", load.model, "Name of the model there")->group(group);
  c.add_option("--batch_sizes", f.options.batch_sizes,
               "Offline: patches a request, one client (default: 1 2 4 8, as far as the model takes them)")
      ->check(positive())
      ->group(group);
  c.add_option("--concurrency", f.options.concurrency,
               "Online: clients, one patch a request (default: 1 2 4 8 16; the server joins them to batches)")
      ->check(between(1, 1024))
      ->group(group);
  c.add_option("--measure_s", load.seconds, "Seconds for each of these")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  c.add_option("--requests", load.requests, "So many requests instead of --measure_s")->check(positive())->group(group);
  c.add_option("--csv", f.csv, "Write the table to this CSV file")->group(group);
  c.add_option("--api_key_file", f.api_key_file, "File whose first line is the key that the server asks for")
      ->group(group);
  c.add_option("--tls_ca", load.server.trust, "Certificates (PEM) to trust instead of the system's")->group(group);
  c.add_option("--timeout_s", f.timeout_s, "Seconds for one request")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
}

void run_serve(const BenchmarkOptions& o, ServerFlags f) {
  if (f.options.load.model.empty())
    throw Error("--model", "is not given", "name a model of the server (curl URL/v1/models lists them)");
  require_writable_folder(o.results);
  if (!f.csv.empty()) {
    require_file_suffix(f.csv, "--csv", {".csv"});
    require_writable_file(f.csv);
  }
  if (!f.api_key_file.empty()) f.options.load.server.api_key = read_api_key(f.api_key_file);
  f.options.load.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * f.timeout_s));
  f.options.load.warmup = o.warmup;
  const auto reports = benchmark_serving(f.options);
  for (const BenchmarkReport& report : reports) save_report(report, o.results, o.logname);
  if (!f.csv.empty()) write_text(f.csv, serve_csv(reports));
  std::cout << serve_table(reports) << std::flush;
}

void add_options(CLI::App& c, BenchmarkOptions& o) {
  c.add_option("--mode", o.mode,
               "train: optimisation steps (Adam); predict: the bare forward; augment: the loader with augmentation, no "
               "network; preprocess: a raw dataset; export: what follows the network in predict: logits to a label map "
               "in a .nii.gz file; serve: patches to a running server")
      ->check(CLI::IsMember({"train", "predict", "preprocess", "augment", "export", "serve"}))
      ->capture_default_str();
  add_place_options(c, o, "Folder for the log, its .md and trace.json (default: /results where it exists, else .)");
  c.get_option("--task")->capture_default_str();
  c.add_option("--logname", o.logname, "Name of the log in --results, dllogger's format; a .md table lies beside it")
      ->capture_default_str()
      ->group("Data and results");
  add_synthetic_options(c, o);
  add_network_options(c, o.network, "Network");
  add_engine_option(c, o.engine, "Network");
  add_precision_options(c, o, "Network");
  c.add_flag("--activation_checkpointing", o.activation_checkpointing,
             "train: keep few activations and compute the others again (see train)")
      ->group("Network");
  add_data_options(c, o);
  add_length_options(c, o);
  c.add_flag("--profile", o.profile,
             "train, predict: trace three further steps into trace.json, for chrome://tracing or Perfetto");
}

}  // namespace

void run_and_report(const BenchmarkOptions& options) {
  const BenchmarkReport report = run_benchmark(options);
  if (job_place().rank != 0) return;  // the first process speaks for all
  save_report(report, options.results, options.logname);
  std::cout << report.table() << std::flush;
}

void benchmark_forward(const RunOptions& options, const std::string& engine, std::int64_t warmup) {
  BenchmarkOptions b;
  static_cast<RunOptions&>(b) = options;
  b.mode = "predict";
  b.engine = engine;
  b.synthetic = false;
  b.warmup = warmup;
  run_and_report(b);
}

void add_benchmark(CLI::App& program) {
  auto* c = add_engine_command(program, "benchmark");
  c->footer(
      "Prints throughput, latency (mean and percentiles), peak memory and, of networks, GFLOP/s (convolutions, two a "
      "multiply-add), the machine's peak\nand the time spent waiting for data; adds a line to perf.json and a row to "
      "perf.md in --results. Where --data does not hold the task,\nsynthetic data are used.\n"
      "  nnunet benchmark\n"
      "  nnunet benchmark --mode predict --task 01 --dim 2 --batch_size 64 --amp\n"
      "  nnunet benchmark --mode train --patch_size 64 64 64 --in_channels 2 --n_class 5 --profile\n"
      "  nnunet benchmark --mode serve --url http://127.0.0.1:8000 --model heart --csv load.csv");
  const auto options = std::make_shared<BenchmarkOptions>(defaults());
  const auto procs = std::make_shared<int>(1);
  const auto server = std::make_shared<ServerFlags>();
  add_options(*c, *options);
  add_server_options(*c, *server);
  add_process_options(*c, *options, *procs);
  c->callback([options, procs, server] {
    if (options->mode == "serve") return run_serve(*options, *server);
    BenchmarkOptions o = *options;
    start_processes(o, *procs);
    bind_to_cores(o);
    require_writable_folder(o.results);
    if (o.mode == "train" && o.train_batches == 0) o.train_batches = kBatches;
    if (o.mode == "predict" && o.test_batches == 0) o.test_batches = kBatches;
    run_and_report(o);
  });
}

}  // namespace nnunet::app
