#include "nnunet/train/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "nnunet/infer/engine.h"
#include "nnunet/network/memory_format.h"
#include "nnunet/torch_bridge/autocast.h"
#include "nnunet/torch_bridge/device.h"

namespace nnunet {

namespace {

void synchronise(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

/// The best of a few; infinite where the memory does not suffice.
double seconds_of(UNet& network, const torch::Tensor& image, Precision precision) {
  constexpr int kWarmUp = 2, kRuns = 3;
  double best = std::numeric_limits<double>::infinity();
  try {
    for (int run = 0; run < kWarmUp + kRuns; ++run) {
      synchronise(image.device());
      const auto start = std::chrono::steady_clock::now();
      torch::Tensor logits;
      {
        const AutocastScope autocast(precision, image.device());
        logits = network->forward(image);
      }
      logits.backward(torch::ones_like(logits));
      synchronise(image.device());
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      if (run >= kWarmUp) best = std::min(best, seconds.count());
      network->zero_grad();
    }
  } catch (const c10::OutOfMemoryError&) {
    network->zero_grad();
  }
  return best;
}

}  // namespace

torch::MemoryFormat fastest_format(UNet& network, const torch::Tensor& image, Precision precision) {
  const bool training = network->is_training();
  network->eval();  // running statistics stay as they are
  double best = std::numeric_limits<double>::infinity();
  const torch::MemoryFormat last = channels_last_format(image.dim());
  torch::MemoryFormat fastest = last;
  std::string report;
  for (const auto format : {last, torch::MemoryFormat::Contiguous}) {
    network->place(image.device(), format);
    const double seconds = seconds_of(network, image, precision);
    report += fmt::format("{} {:.1f} ms", format == last ? "channels last" : ", channels first", 1000 * seconds);
    if (seconds < best) {
      best = seconds;
      fastest = format;
    }
  }
  network->train(training);
  log::info("forward and backward: " + report);
  return fastest;
}

bool trains_natively(const TrainOptions& o, Precision precision, torch::Device device, const ProcessGroup& group) {
  if (o.compute.engine != "auto" && o.compute.engine != "native" && o.compute.engine != "libtorch")
    throw Error("--engine", fmt::format("{} cannot train", o.compute.engine), "choose auto, native or libtorch");
  if (o.compute.engine == "libtorch") return false;
  std::string problem;
  if (!runs_natively(precision, from_torch(device))) problem = "it computes in fp32 and bf16 on the CPU";
  if (o.activation_checkpointing) problem = "it has no --activation_checkpointing";
  if (o.sync_batchnorm && !group.alone()) problem = "it has no --sync_batchnorm";
  if (o.compute.engine == "native" && !problem.empty())
    throw Error("--engine native", problem, "use --engine libtorch");
  return problem.empty();
}

void place_for_training(UNet& network, const TrainOptions& options, const std::vector<std::int64_t>& patch,
                        Precision precision, torch::Device device, const ProcessGroup& group) {
  // Gradients of the native engine come in the standard layout; the optimizer wants both alike.
  if (trains_natively(options, precision, device, group))
    return network->place(device, torch::MemoryFormat::Contiguous);
  network->place(device);
  if (!device.is_cuda()) return;
  std::vector<std::int64_t> shape{options.batch_size, network->plan().in_channels};
  shape.insert(shape.end(), patch.begin(), patch.end());
  const torch::Tensor image = torch::randn(shape, torch::TensorOptions().device(device));
  network->place(device, fastest_format(network, image, precision));
}

}  // namespace nnunet
