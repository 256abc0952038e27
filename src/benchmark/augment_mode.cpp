#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "benchmark_data.h"
#include "modes.h"
#include "nnunet/core/parallel.h"
#include "nnunet/train/training_recipe.h"
#include "peak_memory.h"
#include "steps.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Batches made one after the other by the thread that asks for them: each one's time is what it costs a core.
StepTimes on_one_core(const BenchmarkData& data, LoaderOptions options, const EpochSampling& sampling,
                      std::int64_t batches, std::int64_t warmup) {
  options.num_workers = 0;
  Loader loader = data.loader(options, sampling, batches);
  return time_steps(loader, torch::kCPU, warmup, [](const Batch&) {});
}

// Start and end of the epoch included: nothing is ready before and nothing is left after.
double patches_with_workers(const BenchmarkData& data, const LoaderOptions& options, const EpochSampling& sampling,
                            std::int64_t batches) {
  Loader loader = data.loader(options, sampling, batches);
  Batch batch;
  std::int64_t patches = 0;
  const auto start = Clock::now();
  for (loader.start_epoch(0); loader.next(batch);) patches += batch.image_shape.front();
  return static_cast<double>(patches) / seconds_since(start);
}

// As many batches as one core makes in some seconds.
std::int64_t enough_batches(const BenchmarkData& data, const LoaderOptions& options, const EpochSampling& sampling) {
  constexpr double kSeconds = 2;
  const StepTimes few = on_one_core(data, options, sampling, 4, 0);
  return std::max<std::int64_t>(10, std::llround(kSeconds * static_cast<double>(few.seconds.size()) / few.total()));
}

}  // namespace

BenchmarkReport benchmark_augmentation(const BenchmarkOptions& options) {
  BenchmarkOptions complete = options;
  complete.train = with_defaults(options.train);
  const TrainOptions& o = complete.train;
  const BenchmarkData data(complete);
  LoaderOptions loading = loader_options(reference_augmentation(), o, data.config(), torch::kCPU);
  const EpochSampling sampling{.seed = o.seed, .oversampling = o.oversampling};

  loading.num_workers = std::max(1, o.num_workers);
  const std::int64_t batches = o.train_batches > 0 ? o.train_batches : enough_batches(data, loading, sampling);
  const StepTimes one = on_one_core(data, loading, sampling, batches, o.warmup);
  const double with_workers = patches_with_workers(data, loading, sampling, batches);
  const double per_core = static_cast<double>(one.images) * static_cast<double>(one.seconds.size()) / one.total();

  BenchmarkReport report{options.mode, {}, {}};
  report.setup = {{"task", data.config().task},
                  {"dim", std::to_string(o.cases.dim)},
                  {"patch", shape_text(one.patch)},
                  {"batch", std::to_string(one.images)},
                  {"workers", fmt::format("{} on {} cores", loading.num_workers, available_cores())},
                  {"data", data.description()}};
  report.add(summarise(one.seconds), with_workers, "patches/s with all workers", "batch on one core");
  report.figures.push_back({"throughput_augment_per_core", "throughput, patches/s on one core", per_core});
  report.figures.push_back({"peak_memory_mib", "peak memory, MiB", peak_memory_mib(torch::kCPU)});
  return report;
}

}  // namespace nnunet
