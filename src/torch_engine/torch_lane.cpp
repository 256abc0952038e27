#include "nnunet/torch_engine/torch_lane.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <optional>

#include "device_sums.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet {
namespace {

class TorchLane final : public WindowLane {
 public:
  TorchLane(TorchForward forward, torch::Device device) : forward_(std::move(forward)), device_(device) {}

  void begin(const WindowPlan& plan, const Array<float>& importance, Deliver deliver) override {
    plan_ = &plan;
    importance_ = &importance;
    deliver_ = std::move(deliver);
    sums_.reset();
    on_cpu_.reset();
    kept_ = torch::Tensor();
  }

  float* input(const std::vector<std::int64_t>& shape) override {
    windows_ = torch::empty(shape, torch::TensorOptions(torch::kFloat32).pinned_memory(!device_.is_cpu()));
    return windows_.mutable_data_ptr<float>();
  }

  /// The copies go beside what the device does.
  std::vector<std::int64_t> run() override {
    const torch::NoGradGuard no_grad;
    try {
      logits_ = forward_(windows_.to(device_, torch::kFloat32, /*non_blocking=*/true));
    } catch (const c10::OutOfMemoryError&) {
      throw OutOfDeviceMemory();
    }
    if (on_cpu_) on_cpu_->run();
    return logits_.sizes().vec();
  }

  void wait() override {
    if (device_.is_cpu()) return;
    const c10::impl::VirtualGuardImpl device(device_.type());
    device.synchronizeStream(device.getStream(device_));
  }

  void make_sums(std::int64_t classes) override {
    try {
      sums_.emplace(*plan_, *importance_, classes, device_, deliver_);
    } catch (const c10::OutOfMemoryError&) {
      log::warn("the logits do not fit into the GPU's memory; they are added up on the CPU");
      on_cpu_ = make_cpu_lane({[this](const WindowBatch&) { return as_logits(logits_); }});
      on_cpu_->begin(*plan_, *importance_, deliver_);
      on_cpu_->input(windows_.sizes().vec());
      on_cpu_->run();
      on_cpu_->make_sums(classes);
    }
  }

  void add(const WindowJob& job, std::int64_t i) override {
    if (on_cpu_) return on_cpu_->add(job, i);
    add_logits(job, logits_[i]);
  }
  void keep(std::int64_t i) override {
    if (on_cpu_) return on_cpu_->keep(i);
    const torch::NoGradGuard no_grad;
    try {
      kept_ = logits_[i].clone();
    } catch (const c10::OutOfMemoryError&) {
      throw OutOfDeviceMemory();
    }
  }
  void forget_kept() override {
    if (on_cpu_) return on_cpu_->forget_kept();
    kept_ = torch::Tensor();
  }
  void add_kept(const WindowJob& job) override {
    if (on_cpu_) return on_cpu_->add_kept(job);
    add_logits(job, kept_);
  }
  void finish(const WindowRow& row) override { on_cpu_ ? on_cpu_->finish(row) : sums_->finish(row); }
  void settle() override {
    if (!on_cpu_) sums_->settle();
  }
  std::int64_t bytes() const override { return on_cpu_ ? on_cpu_->bytes() : sums_->bytes(); }
  bool runs_beside() const override { return !device_.is_cpu(); }

 private:
  /// Logits (K,spatial) of a window.
  void add_logits(const WindowJob& job, const torch::Tensor& logits) {
    sums_->add(job, logits.dim() == 4 ? logits : logits.unsqueeze(1));
  }

  TorchForward forward_;
  torch::Device device_;
  const WindowPlan* plan_ = nullptr;
  const Array<float>* importance_ = nullptr;
  Deliver deliver_;
  torch::Tensor windows_, logits_;
  torch::Tensor kept_;  ///< a window's logits
  std::optional<DeviceSums> sums_;
  std::unique_ptr<WindowLane> on_cpu_;
};

}  // namespace

std::unique_ptr<WindowLane> make_torch_lane(TorchForward forward, torch::Device device, CpuSumming summing) {
  if (!device.is_cpu() || summing == CpuSumming::torch_operators)
    return std::make_unique<TorchLane>(std::move(forward), device);
  return make_cpu_lane({[forward = std::move(forward)](const WindowBatch& windows) {
    const torch::NoGradGuard no_grad;
    return as_logits(forward(as_tensor(windows)));
  }});
}

Logits as_logits(const torch::Tensor& logits) {
  const auto type = logits.scalar_type() == torch::kBFloat16 ? torch::kBFloat16 : torch::kFloat32;
  const auto keep = std::make_shared<torch::Tensor>(logits.to(torch::kCPU, type));
  Logits view;
  view.values = keep->const_data_ptr();
  view.bf16 = type == torch::kBFloat16;
  view.shape = keep->sizes().vec();
  view.strides = keep->strides().vec();
  view.memory = keep;
  return view;
}

torch::Tensor as_tensor(const WindowBatch& windows) {
  return torch::from_blob(const_cast<float*>(windows.values), windows.shape, torch::kFloat32);
}

VolumeView view_of(const torch::Tensor& volume) {
  return {volume.const_data_ptr<float>(), volume.sizes().vec()};
}

WindowReport stream_windows(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options,
                            const std::vector<LogitSink*>& sinks, CpuSumming summing) {
  const torch::Tensor plain = volume.to(torch::kCPU, torch::kFloat32).contiguous();
  const auto lane = make_torch_lane(forward, torch::kCPU, summing);
  return stream_windows(view_of(plain), *lane, options, sinks);
}

torch::Tensor sliding_window(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options,
                             CpuSumming summing) {
  LogitVolume whole;
  stream_windows(volume, forward, options, {&whole}, summing);
  const Array<float>& logits = whole.logits();
  return torch::from_blob(const_cast<float*>(logits.data()), logits.shape, torch::kFloat32).clone();
}

torch::Tensor slice_by_slice(const torch::Tensor& volume, const TorchForward& forward, const WindowOptions& options) {
  WindowOptions whole = options;
  whole.plan.patch = {volume.size(-2), volume.size(-1)};
  whole.plan.weights = WindowWeights::constant;
  return sliding_window(volume, forward, whole);
}

}  // namespace nnunet
