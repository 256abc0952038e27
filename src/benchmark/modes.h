#pragma once
#include "nnunet/benchmark/benchmark.h"

/// The modes of run_benchmark, a file each.
namespace nnunet {

BenchmarkReport benchmark_training(const BenchmarkOptions& options);
BenchmarkReport benchmark_prediction(const BenchmarkOptions& options);
BenchmarkReport benchmark_augmentation(const BenchmarkOptions& options);
BenchmarkReport benchmark_preprocessing(const BenchmarkOptions& options);
BenchmarkReport benchmark_export(const BenchmarkOptions& options);

}  // namespace nnunet
