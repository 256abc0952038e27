#include <fmt/format.h>

#include <chrono>

#include "benchmark_data.h"
#include "modes.h"
#include "nnunet/core/job.h"
#include "nnunet/core/log.h"
#include "nnunet/distributed/process_group.h"
#include "nnunet/infer/engine.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/network/unet.h"
#include "nnunet/plan/flops.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_engine/torch_engine.h"
#include "nnunet/train/placement.h"
#include "nnunet/train/reference_recipe.h"
#include "peak.h"
#include "peak_memory.h"
#include "steps.h"
#include "trace.h"

// What trains or runs a network.
namespace nnunet {

namespace {

constexpr std::int64_t kTracedSteps = 3;

struct NetworkBenchmark {
  BenchmarkOptions o;
  JobPlace place = job_place();
  torch::Device device;
  ProcessGroup group;
  Precision precision;
  BenchmarkData data;
  NetworkPlan plan;
  UNet network;

  explicit NetworkBenchmark(const BenchmarkOptions& options)
      : o(options),
        device(to_torch(choose_engine_device(o.train.compute.engine, o.train.compute.gpus, &other_engines(), place))),
        group(place, device, std::chrono::seconds(o.train.dist_timeout)),
        precision(choose_precision(o.train.compute.amp, o.train.compute.precision, from_torch(device))),
        data(o),
        plan(make_network_plan(data.config().patch_size, data.config().spacings, data.config().in_channels,
                               data.config().n_class, o.train.network)),
        network(plan) {
    network->initialize(o.train.seed);
    network->place(device);
  }

  // flops: of one image.
  BenchmarkReport measure(std::int64_t steps, double NetworkFlops::*flops, const StepFunction& step) {
    const LoaderOptions loading = loader_options({}, o.train, data.config(), device);
    // The same batches for each.
    const auto source = data.loader(loading, {.seed = o.train.seed, .centred = true}, steps);
    const StepTimes times = time_steps(*source, device, o.train.warmup, step);
    const double memory = peak_memory_mib(device);
    if (o.train.profile) trace(*source, step);

    const Latency latency = summarise(times.seconds);
    const double images_a_second = 1000 * static_cast<double>(times.images * group.size()) / latency.mean;
    const double gflops = images_a_second * (count_flops(plan, times.patch).*flops) / 1e9;
    Peak peak = measure_peak(precision, device);
    peak.gflops *= group.size();
    const auto batches = static_cast<double>(times.seconds.size());
    BenchmarkReport report{o.mode, setup(times, peak), {}};
    report.add(latency, images_a_second, "img/s", "batch");
    report.figures.push_back({"gflops_" + o.mode, "convolutions, GFLOP/s", gflops});
    report.figures.push_back({"peak_gflops", "the machine's peak, GFLOP/s", peak.gflops});
    report.figures.push_back({"peak_percent", "share of the peak, %", 100 * gflops / peak.gflops});
    report.figures.push_back({"peak_memory_mib", "peak memory, MiB", memory});
    report.figures.push_back({"data_wait_ms", "waiting for data, ms a batch", 1000 * times.data_seconds / batches});
    report.figures.push_back(
        {"data_wait_percent", "waiting for data, % of the time", 100 * times.data_seconds / times.total()});
    return report;
  }

  void trace(BatchSource& source, const StepFunction& step) const {
    require_writable_folder(o.train.results);
    const auto path = o.train.results / (group.leads() ? "trace.json" : fmt::format("trace_{}.json", group.rank()));
    const bool written = write_trace(path, device, [&] { trace_steps(source, device, kTracedSteps, step); });
    log::info(written ? "trace of further steps: " + path.string() : "ranges of further steps were sent as NVTX");
  }

  std::string arithmetic() const {
    return precision_name(precision) + (o.train.activation_checkpointing ? ", activations recomputed" : "");
  }

  std::vector<std::pair<std::string, std::string>> setup(const StepTimes& times, const Peak& peak) const {
    return {{"task", data.config().task},
            {"dim", std::to_string(o.train.cases.dim)},
            {"patch", shape_text(times.patch)},
            {"batch", std::to_string(times.images)},
            {"processes", std::to_string(group.size())},
            {"precision", arithmetic()},
            {"device", device.is_cpu() ? fmt::format("cpu, {} threads", torch::get_num_threads()) : device.str()},
            {"data", data.description()},
            {"peak", peak.how}};
  }
};

// The batch of predict is --batch_size here, too.
BenchmarkOptions prediction_options(BenchmarkOptions o) {
  if (o.train.batch_size == 0) o.train.batch_size = o.train.windows.val_batch_size;
  if (o.train.batch_size == 0) o.train.batch_size = o.train.cases.dim == 3 ? 4 : 64;
  return o;
}

BenchmarkOptions training_options(const BenchmarkOptions& options) {
  BenchmarkOptions o = options;
  o.train = with_defaults(options.train);
  o.train.optimizer.name = "adam";
  return o;
}

}  // namespace

BenchmarkReport benchmark_training(const BenchmarkOptions& options) {
  NetworkBenchmark bench(training_options(options));
  bench.network->train();
  place_for_training(bench.network, bench.o.train, bench.data.config().patch_size, bench.precision, bench.device);
  const TrainingRecipe recipe = reference_recipe(bench.o.train, {}, bench.data.config(), bench.precision);
  TrainingState state = first_state(recipe, bench.network, bench.precision, bench.device);
  TrainStep step(state, Loss(recipe.loss),
                 step_options(recipe, bench.o.train, bench.precision, bench.device, bench.group), bench.device,
                 bench.group);
  return bench.measure(bench.o.train.train_batches, &NetworkFlops::training_step,
                       [&](const Batch& batch) { step(batch); });
}

BenchmarkReport benchmark_prediction(const BenchmarkOptions& options) {
  NetworkBenchmark bench(prediction_options(options));
  const auto engine =
      make_engine({bench.plan, bench.data.config(), state_dict(*bench.network), {}},
                  {bench.o.train.compute.engine, bench.precision, from_torch(bench.device), &other_engines()});
  bench.network = nullptr;
  BenchmarkReport report = bench.measure(bench.o.train.test_batches, &NetworkFlops::forward, [&](const Batch& batch) {
    const auto image = torch::from_blob(batch.image.get(), batch.image_shape).to(bench.device);
    RECORD_USER_SCOPE("forward");
    engine_forward(*engine, image);
  });
  report.setup.emplace_back("engine", engine->description());
  return report;
}

}  // namespace nnunet
