#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>

#include "benchmark_data.h"
#include "folder_patches.h"
#include "modes.h"
#include "nnunet/core/parallel.h"
#include "nnunet/data/patch_loader.h"
#include "nnunet/train/training_recipe.h"
#include "peak_memory.h"
#include "steps.h"

namespace nnunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Batches made by so many workers, an epoch of so many batches.
using MakeSource = std::function<std::unique_ptr<BatchSource>(int workers, std::int64_t batches)>;

// Batches made one after the other by the thread that asks for them: each one's time is what it costs a core.
StepTimes on_one_core(const MakeSource& make, std::int64_t batches, std::int64_t warmup) {
  return time_steps(*make(0, batches), torch::kCPU, warmup, [](const Batch&) {});
}

// Start and end of the epoch included: nothing is ready before and nothing is left after.
double patches_with_workers(const MakeSource& make, int workers, std::int64_t batches) {
  const auto source = make(workers, batches);
  Batch batch;
  std::int64_t patches = 0;
  const auto start = Clock::now();
  for (source->start_epoch(0); source->next(batch);) patches += batch.image_shape.front();
  return static_cast<double>(patches) / seconds_since(start);
}

// As many batches as one core makes in some seconds.
std::int64_t enough_batches(const MakeSource& make) {
  constexpr double kSeconds = 2;
  const StepTimes few = on_one_core(make, 4, 0);
  return std::max<std::int64_t>(10, std::llround(kSeconds * static_cast<double>(few.seconds.size()) / few.total()));
}

/// The reference system's patches.
MakeSource reference_patches(const BenchmarkData& data, const TrainOptions& o) {
  LoaderOptions loading = loader_options(reference_augmentation(), o, data.config(), torch::kCPU);
  const EpochSampling sampling{.seed = o.seed, .oversampling = o.oversampling};
  return [&data, loading, sampling](int workers, std::int64_t batches) mutable {
    loading.num_workers = workers;
    return data.loader(loading, sampling, batches);
  };
}

/// nnU-Net v2's of the same cases.
MakeSource v2_patches(const BenchmarkData& data, const TrainOptions& o) {
  const auto cases = std::make_shared<const FolderPatches>(data.folder(), data.cases());
  const ModelPlan& plan = data.folder().plan();
  PatchLoaderOptions loading = patch_loader_options(plan, default_augmentation(plan));
  loading.batch_size = o.batch_size;
  loading.seed = o.seed;
  return [cases, loading](int workers, std::int64_t batches) mutable {
    loading.num_workers = workers;
    loading.steps = batches;
    return load_patches(cases, cases->names(), loading);
  };
}

}  // namespace

BenchmarkReport benchmark_augmentation(const BenchmarkOptions& options) {
  BenchmarkOptions complete = options;
  complete.train = with_defaults(options.train);
  const TrainOptions& o = complete.train;
  const BenchmarkData data(complete);
  const MakeSource make = options.mode == "augment" ? reference_patches(data, o) : v2_patches(data, o);

  const int workers = std::max(1, o.num_workers);
  const std::int64_t batches = o.train_batches > 0 ? o.train_batches : enough_batches(make);
  const StepTimes one = on_one_core(make, batches, o.warmup);
  const double with_workers = patches_with_workers(make, workers, batches);
  const double per_core = static_cast<double>(one.images) * static_cast<double>(one.seconds.size()) / one.total();

  BenchmarkReport report{options.mode, {}, {}};
  report.setup = {{"task", data.config().task},
                  {"dim", std::to_string(o.cases.dim)},
                  {"patch", shape_text(one.patch)},
                  {"batch", std::to_string(one.images)},
                  {"workers", fmt::format("{} on {} cores", workers, available_cores())},
                  {"data", data.description()}};
  report.add(summarise(one.seconds), with_workers, "patches/s with all workers", "batch on one core");
  report.figures.push_back({"throughput_augment_per_core", "throughput, patches/s on one core", per_core});
  report.figures.push_back({"peak_memory_mib", "peak memory, MiB", peak_memory_mib(torch::kCPU)});
  return report;
}

}  // namespace nnunet
