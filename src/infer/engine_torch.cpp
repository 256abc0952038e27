#include <fmt/format.h>
#include <torch/version.h>

#include "engines.h"
#include "nnunet/infer/precision.h"
#include "nnunet/network/unet.h"

namespace nnunet {
namespace {

class TorchEngine final : public Engine {
 public:
  TorchEngine(const Checkpoint& checkpoint, const EngineOptions& options, const std::string& source)
      : network_(checkpoint.plan), device_(options.device), precision_(options.precision) {
    load_state_dict(*network_, checkpoint.state_dict, source);
    network_->place(device_);
    network_->eval();
    narrow_convolutions();
  }

  torch::Tensor forward(const torch::Tensor& windows) override {
    const torch::NoGradGuard no_grad;
    const AutocastScope autocast(precision_, device_);
    return network_->forward(windows.to(device_));
  }

  std::string description() const override {
    return fmt::format("libtorch {}, {}, {}", TORCH_VERSION, precision_name(precision_), device_.str());
  }

 private:
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

std::unique_ptr<Engine> make_torch_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                          const std::string& source) {
  return std::make_unique<TorchEngine>(checkpoint, options, source);
}

}  // namespace nnunet
