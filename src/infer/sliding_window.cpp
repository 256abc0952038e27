#include "nnunet/infer/sliding_window.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <algorithm>

#include "logit_adder.h"
#include "nnunet/core/array.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"
#include "window_kernels.h"
#include "window_plan.h"

namespace nnunet {
namespace {

using Clock = std::chrono::steady_clock;

void check(const torch::Tensor& volume, const WindowOptions& options) {
  const auto dims = options.patch_size.size();
  if (volume.dim() != 4)
    throw Error("sliding window", fmt::format("volume has {} axes, not 4 (C,D,H,W)", volume.dim()));
  if (volume.numel() == 0) throw Error("sliding window", "the volume is empty");
  if (dims != 2 && dims != 3) throw Error("sliding window", "the patch has neither two nor three sizes");
  if (std::ranges::any_of(options.patch_size, [](auto n) { return n < 1; }))
    throw Error("sliding window", "a patch size is not positive");
  if (!(options.overlap >= 0 && options.overlap < 1))
    throw Error("--overlap", fmt::format("{} is not in [0, 1)", options.overlap), "0.5 is usual");
  if (options.batch_size < 1) throw Error("--val_batch_size", "must be at least 1");
}

Shape3 size_of(const torch::Tensor& volume) {
  return {volume.size(1), volume.size(2), volume.size(3)};
}

/// The patch with a depth: 1 for windows of slices.
Shape3 patch_of(const WindowOptions& options) {
  const auto& p = options.patch_size;
  return p.size() == 3 ? Shape3{p[0], p[1], p[2]} : Shape3{1, p[0], p[1]};
}

/// One volume's pass through the network.
class Pass {
 public:
  Pass(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options,
       const std::vector<LogitSink*>& sinks)
      : volume_(volume.to(torch::kCPU, torch::kFloat32).contiguous()),
        forward_(forward),
        options_(options),
        sinks_(sinks),
        plan_(size_of(volume), patch_of(options), options.overlap, options.tta, options.patch_size.size() == 2),
        importance_(window_weights({plan_.patch.begin(), plan_.patch.end()}, options.blend)) {}

  WindowReport run() {
    const auto start = Clock::now();
    const std::size_t all = plan_.jobs.size(), batch = static_cast<std::size_t>(options_.batch_size);
    for (std::size_t begin = 0; begin < all; begin += batch) {
      const std::size_t end = std::min(all, begin + batch);
      const torch::Tensor logits = network(gather(begin, end));
      if (!adder_) make_adder(logits.size(1));
      adder_->settle();
      if (end == all) wait_for_device();
      for (std::size_t i = begin; i < end; ++i) add(i, logits[static_cast<std::int64_t>(i - begin)]);
    }
    adder_->settle();
    report_.windows = static_cast<std::int64_t>(all);
    report_.sum_bytes = adder_->bytes();
    if (!options_.device.is_cpu())
      report_.network_seconds = std::chrono::duration<double>(report_.last_window - start).count();
    return report_;
  }

 private:
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  /// Windows of jobs [begin, end), mirrored and padded on the way. On a GPU the copies go beside what it does.
  torch::Tensor gather(std::size_t begin, std::size_t end) const {
    const bool cpu = options_.device.is_cpu();
    const std::int64_t channels = volume_.size(0), depth = plan_.patch[0];
    std::vector<std::int64_t> shape{static_cast<std::int64_t>(end - begin), channels};
    shape.insert(shape.end(), options_.patch_size.begin(), options_.patch_size.end());
    auto windows = torch::empty(shape, torch::TensorOptions(torch::kFloat32).pinned_memory(!cpu));
    float* to = windows.mutable_data_ptr<float>();
    const std::int64_t area = plan_.patch[1] * plan_.patch[2];
    at::parallel_for(0, shape[0] * channels * depth, std::max<std::int64_t>(1, 32768 / area),
                     [&](std::int64_t first, std::int64_t last) {
                       for (std::int64_t i = first; i < last; ++i)
                         gather_slice(plan_.jobs[begin + static_cast<std::size_t>(i / (channels * depth))],
                                      i / depth % channels, i % depth, to + i * area);
                     });
    return cpu ? windows : windows.to(options_.device, torch::kFloat32, /*non_blocking=*/true);
  }

  /// Slice z of a window, as the network is to see it.
  void gather_slice(const WindowJob& job, std::int64_t channel, std::int64_t z, float* to) const {
    const auto [depth, height, width] = plan_.patch;
    const auto [size_z, size_y, size_x] = plan_.size;
    const std::int64_t from_z = job.start[0] + (job.mirrored(0) ? depth - 1 - z : z);
    const std::int64_t before = std::max<std::int64_t>(0, -job.start[2]), inside = std::min(size_x, width);
    for (std::int64_t y = 0; y < height; ++y, to += width) {
      const std::int64_t from_y = job.start[1] + (job.mirrored(1) ? height - 1 - y : y);
      const bool outside = from_z < 0 || from_z >= size_z || from_y < 0 || from_y >= size_y;
      if (outside || inside < width) std::fill_n(to, width, 0.0F);
      if (outside) continue;
      const float* from = volume_.const_data_ptr<float>() + ((channel * size_z + from_z) * size_y + from_y) * size_x +
                          job.start[2] + before;
      if (job.mirrored(2))
        copy_mirrored(from + inside - 1, to + width - before - inside, inside);
      else
        std::copy_n(from, inside, to + before);
    }
  }

  /// A GPU's network has done its work only now.
  void wait_for_device() {
    if (options_.device.is_cpu()) return;
    const c10::impl::VirtualGuardImpl device(options_.device.type());
    device.synchronizeStream(device.getStream(options_.device));
    report_.last_window = Clock::now();
  }

  torch::Tensor network(const torch::Tensor& windows) {
    const auto start = Clock::now();
    auto logits = forward_(windows);
    report_.network_seconds += seconds_since(start);
    report_.last_window = Clock::now();
    if (logits.dim() != windows.dim() || logits.size(0) != windows.size(0) ||
        logits.sizes().slice(2) != windows.sizes().slice(2))
      throw Error("sliding window", "the network's output has another size than its input",
                  "patch sizes must be divisible by the network's strides");
    return logits;
  }

  void make_adder(std::int64_t classes) {
    report_.classes = classes;
    for (LogitSink* sink : sinks_) sink->begin(classes, plan_.size);
    const auto deliver = [this](const FinishedLogits& logits) {
      for (LogitSink* sink : sinks_) sink->take(logits);
    };
    if (!options_.device.is_cpu() || options_.plain) {
      try {
        adder_ = make_device_adder(plan_, importance_, classes, options_.device, deliver);
        return;
      } catch (const c10::OutOfMemoryError&) {
        log::warn("the logits do not fit into the GPU's memory; they are added up on the CPU");
      }
    }
    adder_ = make_cpu_adder(plan_, importance_, classes, deliver);
  }

  /// logits (K,spatial) of job i.
  void add(std::size_t i, const torch::Tensor& logits) {
    adder_->add(plan_.jobs[i], logits.dim() == 4 ? logits : logits.unsqueeze(1));
    if (i + 1 < plan_.rows[row_].end_job) return;
    adder_->finish(plan_.rows[row_]);
    ++row_;
  }

  torch::Tensor volume_;  ///< (C,D,H,W) float32 on the CPU
  const ForwardFunction& forward_;
  const WindowOptions& options_;
  const std::vector<LogitSink*>& sinks_;
  WindowPlan plan_;
  torch::Tensor importance_;  ///< (d,h,w)
  std::unique_ptr<LogitAdder> adder_;
  std::size_t row_ = 0;
  WindowReport report_;
};

}  // namespace

std::vector<std::int64_t> window_starts(std::int64_t size, std::int64_t patch, double overlap) {
  const auto step = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(patch) * (1.0 - overlap)));
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + patch < size; start += step) starts.push_back(start);
  starts.push_back(std::max<std::int64_t>(0, size - patch));
  return starts;
}

torch::Tensor window_weights(const std::vector<std::int64_t>& patch, Blend blend) {
  if (blend == Blend::constant) return torch::ones(patch);
  torch::Tensor weights = torch::ones({});
  for (const std::int64_t n : patch) {
    const double sigma = 0.125 * static_cast<double>(n);
    const auto x = torch::arange(n, torch::kFloat32) - static_cast<double>(n - 1) / 2.0;
    weights = weights.unsqueeze(-1) * torch::exp(x.square() / (-2.0 * sigma * sigma));
  }
  return weights.clamp_min_(std::max(weights.min().item<double>(), 1e-3)).contiguous();
}

WindowReport stream_windows(const torch::Tensor& volume, const ForwardFunction& forward, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks) {
  torch::NoGradGuard no_grad;
  check(volume, options);
  return Pass(volume, forward, options, sinks).run();
}

torch::Tensor sliding_window(const torch::Tensor& volume, const ForwardFunction& forward,
                             const WindowOptions& options) {
  LogitVolume whole;
  stream_windows(volume, forward, options, {&whole});
  return whole.logits();
}

torch::Tensor slice_by_slice(const torch::Tensor& volume, const ForwardFunction& forward,
                             const WindowOptions& options) {
  WindowOptions whole = options;
  whole.patch_size = {volume.size(-2), volume.size(-1)};
  whole.blend = Blend::constant;
  return sliding_window(volume, forward, whole);
}

}  // namespace nnunet
