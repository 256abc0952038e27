#include "benchmark.h"

#include <fmt/format.h>

#include "process_options.h"
#include "shared_options.h"

namespace nnunet::app {
namespace {

Group place_group(TrainOptions& o) {
  const Option results = results_folder(o.results)
                             .described("Folder for the log, its .md and trace.json")
                             .by_default("/results where it exists, else .");
  auto options = place_options(o.cases, results, o.compute.gpus);
  options.push_back(
      logname(o.logname).described("Name of the log in --results, dllogger's format; a .md table lies beside it"));
  return {"Data and results", std::move(options)};
}

Group synthetic_group(BenchmarkOptions& o) {
  return {"Synthetic data (instead of those in --data)",
          {
              patch_size(o.patch_size),
              option("--in_channels", o.in_channels, "Channels of an image").positive().by_default("the task's"),
              option("--n_class", o.n_class, "Classes, background included").between(2, 256).by_default("the task's"),
              case_count(o.cases)
                  .described("Volumes, or images to preprocess")
                  .positive()
                  .by_default("2 to 8 volumes, together at most 256 MiB; 24 images"),
          }};
}

Group network_group(TrainOptions& o) {
  return {"Network",
          joined({network_options(o.network),
                  {engine(o.compute.engine)},
                  precision_options(o.compute),
                  {activation_checkpointing(o.activation_checkpointing)
                       .described("train: keep few activations and compute the others again (see train)")}})};
}

Group batch_group(BenchmarkOptions& o) {
  return {"Batches",
          {
              batch_size(o.train.batch_size).by_default("2 in 3D, in predict 4; 64 in 2D"),
              nvol(o.train.nvol),
              num_workers(o.train.num_workers),
              job_count(o.n_jobs).described("preprocess: cases at a time; -1: one a core"),
          }};
}

Group length_group(TrainOptions& o) {
  return {"Length",
          {
              train_batches(o.train_batches)
                  .described("train, augment: batches of each of the two passes")
                  .positive()
                  .by_default(fmt::format("train {}; augment: as many as one core makes in 2 s", kBenchmarkBatches)),
              test_batches(o.test_batches)
                  .described("predict: batches of each of the two passes; export: cases")
                  .positive()
                  .by_default(fmt::format("predict {}; export 20", kBenchmarkBatches)),
              warmup(o.warmup)
                  .described("train, predict, augment: so many batches of the second pass do not count; serve: "
                             "requests of each client before it counts")
                  .not_negative(),
          }};
}

Group server_group(ServerFlags& flags) {
  LoadOptions& load = flags.options.load;
  return {"serve: a running server",
          {
              url(load.server.url).described("Its http or https address"),
              model(load.model),
              option("--batch_sizes", flags.options.batch_sizes, "Offline: patches a request, one client")
                  .positive()
                  .by_default("1 2 4 8, as far as the model takes them"),
              option("--concurrency", flags.options.concurrency,
                     "Online: clients, one patch a request; the server joins them to batches")
                  .between(1, 1024)
                  .by_default("1 2 4 8 16"),
              option("--measure_s", load.seconds, "Seconds for each of these").positive().in("s"),
              option("--requests", load.requests, "So many requests instead of --measure_s")
                  .positive()
                  .by_default("as many as there is time for"),
              csv_file(flags.csv).described("Write the table to this CSV file"),
              api_key_file(flags.api_key_file),
              trusted_certificates(load.server.trust),
              timeout(load.timeout),
          }};
}

}  // namespace

BenchmarkFlags::BenchmarkFlags() {
  options.train.cases.task = "04";
  options.train.logname = "perf.json";
  options.train.results = std::filesystem::is_directory("/results") ? "/results" : ".";
}

Command benchmark_command(BenchmarkFlags& flags) {
  BenchmarkOptions& o = flags.options;
  return {
      .name = "benchmark",
      .summary = "Measure a part of the program: throughput, latency, memory, share of what the machine can do",
      .groups = {{"",
                  {
                      option("--mode", o.mode,
                             "train: optimisation steps (Adam); predict: the bare forward; augment: the loader with "
                             "augmentation, no network; augment_v2: the same as nnU-Net v2 does it; preprocess: a raw "
                             "dataset; export: what follows the network in "
                             "predict: logits to a label map in a .nii.gz file; serve: patches to a running server")
                          .one_of({"train", "predict", "preprocess", "augment", "augment_v2", "export", "serve"}),
                      profile(o.train.profile)
                          .described("train, predict: trace three further steps into trace.json, for "
                                     "chrome://tracing or Perfetto"),
                  }},
                 place_group(o.train),
                 synthetic_group(o),
                 network_group(o.train),
                 batch_group(o),
                 length_group(o.train),
                 server_group(flags.server),
                 process_options(o.train, flags.procs)},
      .notes =
          "Prints throughput, latency (mean and percentiles), peak memory and, of networks, GFLOP/s (convolutions, "
          "two a multiply-add), the machine's peak\nand the time spent waiting for data; adds a line to perf.json "
          "and a row to perf.md in --results. Where --data does not hold the task,\nsynthetic data are used.",
      .examples = {{.line = "nnunet benchmark"},
                   {.line = "nnunet benchmark --mode predict --task 01 --dim 2 --batch_size 64 --amp"},
                   {.line =
                        "nnunet benchmark --mode train --patch_size 64 64 64 --in_channels 2 --n_class 5 --profile"},
                   {.line = "nnunet benchmark --mode serve --url http://127.0.0.1:8000 --model heart --csv load.csv"}},
  };
}

}  // namespace nnunet::app
