#pragma once
#include <vector>

#include "nnunet/train/options.h"

namespace nnunet {

/// Throughput and latencies of a series of batches, as the reference's benchmark reports them.
struct BenchmarkResult {
  double images_per_second = 0;
  double mean_ms = 0, p50_ms = 0, p90_ms = 0, p95_ms = 0, p99_ms = 0;  ///< per batch
};

/// seconds: per batch; batch_size: images in each. Percentiles with numpy's linear interpolation.
BenchmarkResult summarise(std::vector<double> seconds, std::int64_t batch_size);

/// The reference's `--benchmark`: training cases repeated, centre crops, no augmentation, Adam; one warm pass, then a
/// second one whose steps after `warmup` are timed from batch start to batch start, loader included. train_batches
/// steps a pass (0: one epoch). Writes RESULTS/perf.json (or --logname) and prints a line. With profile:
/// RESULTS/trace.json.
BenchmarkResult benchmark_training(const TrainOptions& options);
/// The bare forward on patches (test_batches passes; 0: one epoch), batch val_batch_size.
BenchmarkResult benchmark_prediction(const TrainOptions& options);

}  // namespace nnunet
