#pragma once
#include "command.h"
#include "nnunet/benchmark/options.h"
#include "nnunet/benchmark/serve_load.h"

namespace nnunet::app {

/// --mode serve: a server that runs already.
struct ServerFlags {
  ServeLoadOptions options;
  std::filesystem::path api_key_file, csv;
};

/// Batches of a pass in modes train and predict: enough for a minute on two cores with the default task.
inline constexpr std::int64_t kBenchmarkBatches = 30;

struct BenchmarkFlags {
  BenchmarkFlags();  ///< another task, log and folder than training has

  BenchmarkOptions options;
  ServerFlags server;
  int procs = 1;
};

Command benchmark_command(BenchmarkFlags& flags);

}  // namespace nnunet::app
