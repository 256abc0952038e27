#pragma once
#include "nnunet/benchmark/benchmark.h"

namespace nnunet::app {

/// Measures, prints the table and adds to perf.json and perf.md: what `benchmark`, `train --benchmark` and
/// `predict --benchmark` have in common.
void run_and_report(const BenchmarkOptions& options);

}  // namespace nnunet::app
