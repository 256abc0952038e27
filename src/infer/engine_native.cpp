#include <fmt/format.h>

#include "engines.h"
#include "nnunet/core/cpu.h"
#include "nnunet/infer/precision.h"
#include "nnunet/network/native.h"
#include "nnunet/network/unet.h"

namespace nnunet {
namespace {

class NativeEngine final : public Engine {
 public:
  NativeEngine(const Checkpoint& checkpoint, const EngineOptions& options, const std::string& source)
      : network_(loaded(checkpoint, source)), native_(network_), precision_(options.precision) {}

  torch::Tensor forward(const torch::Tensor& windows) override {
    const torch::NoGradGuard no_grad;
    return native_.forward(windows.to(torch::kCPU), precision_ == Precision::bf16);
  }

  std::string description() const override {
    return fmt::format("native, {}, cpu, {}", precision_name(precision_), isa_name(chosen_isa()));
  }

 private:
  static UNet loaded(const Checkpoint& checkpoint, const std::string& source) {
    UNet network(checkpoint.plan);
    load_state_dict(*network, checkpoint.state_dict, source);
    network->eval();
    return network;
  }

  UNet network_;
  NativeForward native_;
  Precision precision_;
};

}  // namespace

std::unique_ptr<Engine> make_native_engine(const Checkpoint& checkpoint, const EngineOptions& options,
                                           const std::string& source) {
  return std::make_unique<NativeEngine>(checkpoint, options, source);
}

}  // namespace nnunet
