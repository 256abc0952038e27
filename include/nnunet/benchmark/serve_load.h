#pragma once
#include <string>
#include <vector>

#include "nnunet/benchmark/report.h"
#include "nnunet/client/load.h"

namespace nnunet {

/// What is asked of a server (`nnunet benchmark --mode serve`).
struct ServeLoadOptions {
  LoadOptions load;                         ///< batch and concurrency come from the lists
  std::vector<std::int64_t> batch_sizes{};  ///< offline: one client, so many patches a request; empty: 1, 2, 4, 8
  std::vector<int> concurrency{};           ///< online: so many clients, one patch a request; empty: 1, 2, 4, 8, 16
};

/// The tests of the reference system's Triton scripts: offline, then online; a report each. Throws Error as
/// measure_load.
std::vector<BenchmarkReport> benchmark_serving(const ServeLoadOptions& options);

/// A row a report: throughput, latency and where it goes.
std::string serve_table(const std::vector<BenchmarkReport>& reports);
/// The same as CSV, with the names of NVIDIA's perf_analyzer and ms instead of microseconds.
std::string serve_csv(const std::vector<BenchmarkReport>& reports);

}  // namespace nnunet
