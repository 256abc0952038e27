#include <fmt/format.h>
#include <torch/version.h>

#include <memory>

#include "engines.h"
#include "nnunet/network/unet.h"
#include "nnunet/plan/sliding_window_plan.h"
#include "nnunet/torch_bridge/autocast.h"
#include "nnunet/torch_bridge/device.h"
#include "nnunet/torch_engine/torch_engine.h"
#include "nnunet/torch_engine/torch_lane.h"

namespace nnunet {
namespace {

class TorchEngine final : public Engine {
 public:
  TorchEngine(const Checkpoint& checkpoint, const EngineOptions& options, const std::string& source)
      : network_(checkpoint.plan), device_(to_torch(options.device)), precision_(options.precision) {
    load_state_dict(*network_, checkpoint.state_dict, source);
    network_->place(device_);
    network_->eval();
    narrow_convolutions();
  }

  Logits forward(const WindowBatch& windows) override { return as_logits(forward(as_tensor(windows))); }

  torch::Tensor forward(const torch::Tensor& windows) {
    const torch::NoGradGuard no_grad;
    const AutocastScope autocast(precision_, device_);
    return network_->forward(windows.to(device_));
  }

  /// Where a GPU does not add up itself, it computes the networks and their logits are copied.
  std::unique_ptr<WindowLane> lane(const std::vector<std::unique_ptr<Engine>>& all,
                                   const SlidingWindowPlan& plan) override {
    if (!sums_on_device(device_.is_cpu() ? kCpu : Device{device_.index()}, plan)) return Engine::lane(all, plan);
    return make_torch_lane([&all](const torch::Tensor& windows) { return mean_of(all, windows); }, device_);
  }

  std::string description() const override {
    return fmt::format("libtorch {}, {}, {}", TORCH_VERSION, precision_name(precision_), device_.str());
  }

 private:
  static torch::Tensor mean_of(const std::vector<std::unique_ptr<Engine>>& all, const torch::Tensor& windows) {
    torch::Tensor logits = engine_forward(*all.front(), windows);
    if (all.size() == 1) return logits;
    logits = logits.to(torch::kFloat32);
    for (std::size_t i = 1; i < all.size(); ++i) logits.add_(engine_forward(*all[i], windows));
    return logits.div_(static_cast<double>(all.size()));
  }

  /// Once and not in each forward, as autocast would: the same rounding.
  void narrow_convolutions() {
    if (precision_ == Precision::fp32) return;
    const torch::NoGradGuard no_grad;
    const auto type = precision_ == Precision::bf16 ? torch::kBFloat16 : torch::kHalf;
    for (const auto& module : network_->modules(false)) {
      if (module->as<ConvImpl>() == nullptr) continue;
      for (torch::Tensor& parameter : module->parameters(false)) parameter.set_data(parameter.to(type));
    }
  }

  UNet network_;
  torch::Device device_;
  Precision precision_;
};

}  // namespace

bool sums_on_device(Device device, const SlidingWindowPlan& plan) {
  const bool mirrors_windows = plan.mirror && plan.mirrored_unit == MirroredUnit::window;
  return !device.is_cpu() && plan.sums == SumType::fp32 && !mirrors_windows;
}

torch::Tensor engine_forward(Engine& engine, const torch::Tensor& windows) {
  if (auto* own = dynamic_cast<TorchEngine*>(&engine)) return own->forward(windows);
  const torch::Tensor host = windows.to(torch::kCPU, torch::kFloat32).contiguous();
  const auto logits = std::make_shared<Logits>(engine.forward({host.const_data_ptr<float>(), host.sizes().vec()}));
  return torch::from_blob(
      const_cast<void*>(logits->values), logits->shape, logits->strides, [logits](void*) {},
      logits->bf16 ? torch::kBFloat16 : torch::kFloat32);
}

std::unique_ptr<Engine> make_torch_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                          const std::string& source) {
  if (!options.device.is_cpu()) allow_tf32();
  return std::make_unique<TorchEngine>(checkpoint, options, source);
}

}  // namespace nnunet
