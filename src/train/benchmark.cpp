#include "nnunet/train/benchmark.h"

#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_legacy.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "nnunet/core/error.h"
#include "nnunet/core/progress.h"
#include "nnunet/data/split.h"
#include "nnunet/io/atomic_file.h"
#include "nnunet/report/dllogger.h"
#include "nnunet/train/step.h"

namespace nnunet {

namespace {

double percentile(const std::vector<double>& sorted, double q) {
  const double position = q / 100.0 * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

void synchronise(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

// What both benchmarks share: network and data as the options say.
struct Bench {
  TrainOptions o;
  torch::Device device;
  Precision precision;
  PreprocessedFolder folder;
  UNet network;

  explicit Bench(const TrainOptions& options)
      : o(with_defaults(options)),
        device(choose_device(o.gpus)),
        precision(choose_precision(o.amp, o.precision, device)),
        folder(o.data, o.task, o.dim),
        network(make_network_plan(folder.config().patch_size, folder.config().spacings, folder.config().in_channels,
                                  folder.config().n_class, o.network)) {
    network->initialize(o.seed);
    network->place(device);
  }

  // The fold's training cases, repeated until they fill the steps.
  Loader loader(std::int64_t steps) const {
    const auto cases = split_fold(folder, o.nfolds, o.fold).train;
    const bool volumes = o.dim == 2 && o.data2d_dim == 3;
    const std::int64_t per_batch = volumes ? o.nvol : o.batch_size;
    const auto count = static_cast<std::int64_t>(cases.size());
    std::vector<std::int64_t> repeated;
    for (std::int64_t i = 0; i < std::max(count, steps * per_batch); ++i)
      repeated.push_back(cases[static_cast<std::size_t>(i % count)]);
    LoaderOptions l = loader_options(o, folder.config(), device);
    l.augment = false;
    l.limit_batches = steps;
    return Loader(folder, std::move(repeated), l);
  }

  BenchmarkResult measure(const std::string& name, std::int64_t steps, const std::function<void(const Batch&)>& body) {
    Loader batches = loader(steps);
    std::vector<double> seconds;
    Batch batch;
    for (std::int64_t pass = 0; pass < 2; ++pass) {
      batches.start_epoch(pass);
      const std::int64_t total = batches.batches_per_epoch();
      if (pass == 1 && o.warmup >= total)
        throw Error("--warmup", fmt::format("{} steps of {} leave none to measure", o.warmup, total),
                    "measure more steps with --train_batches / --test_batches");
      Progress progress(pass == 0 ? "warm-up" : "benchmark", total, "steps");
      auto start = std::chrono::steady_clock::now();
      for (std::int64_t step = 0; batches.next(batch); ++step) {
        body(batch);
        synchronise(device);
        const auto now = std::chrono::steady_clock::now();
        if (pass == 1 && step >= o.warmup) seconds.push_back(std::chrono::duration<double>(now - start).count());
        start = now;
        progress.advance();
      }
    }
    const BenchmarkResult r = summarise(seconds, batch.image_shape[0]);
    write(name, r);
    return r;
  }

  void write(const std::string& name, const BenchmarkResult& r) const {
    const auto ms = [](double v) { return rounded(v, 3); };
    nlohmann::ordered_json data;
    data["throughput_" + name] = ms(r.images_per_second);
    data["latency_" + name + "_mean"] = ms(r.mean_ms);
    data["latency_" + name + "_50"] = ms(r.p50_ms);
    data["latency_" + name + "_90"] = ms(r.p90_ms);
    data["latency_" + name + "_95"] = ms(r.p95_ms);
    data["latency_" + name + "_99"] = ms(r.p99_ms);
    require_writable_folder(o.results);
    DllLogger(o.results / (o.logname == "logs.json" ? "perf.json" : o.logname), false)
        .log(nlohmann::ordered_json::array(), data);
    fmt::print("{}: {:.2f} img/s, latency per batch mean {:.1f}, 50% {:.1f}, 90% {:.1f}, 95% {:.1f}, 99% {:.1f} ms\n",
               name, r.images_per_second, r.mean_ms, r.p50_ms, r.p90_ms, r.p95_ms, r.p99_ms);
  }
};

}  // namespace

BenchmarkResult summarise(std::vector<double> seconds, std::int64_t batch_size) {
  if (seconds.empty()) throw Error("benchmark", "no step was measured", "run more steps than --warmup");
  std::sort(seconds.begin(), seconds.end());
  const double mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  const auto ms = [&](double q) { return 1000 * percentile(seconds, q); };
  return {static_cast<double>(batch_size) / mean, 1000 * mean, ms(50), ms(90), ms(95), ms(99)};
}

BenchmarkResult benchmark_training(const TrainOptions& options) {
  Bench bench(options);
  TrainOptions adam = bench.o;
  adam.optimizer.name = "adam";
  bench.network->train();
  TrainStep step(bench.network, adam, bench.precision, bench.device);
  std::optional<torch::autograd::profiler::RecordProfile> trace;
  if (bench.o.profile) {
    require_writable_folder(bench.o.results);
    trace.emplace((bench.o.results / "trace.json").string());
  }
  return bench.measure("train", bench.o.train_batches, [&](const Batch& batch) { step(batch); });
}

BenchmarkResult benchmark_prediction(const TrainOptions& options) {
  Bench bench(options);
  bench.o.batch_size = bench.o.val_batch_size;
  bench.network->eval();
  const torch::NoGradGuard no_grad;
  return bench.measure("predict", bench.o.test_batches, [&](const Batch& batch) {
    const auto image = torch::from_blob(batch.image.get(), batch.image_shape).to(bench.device);
    const AutocastScope autocast(bench.precision, bench.device);
    bench.network->forward(image);
  });
}

}  // namespace nnunet
