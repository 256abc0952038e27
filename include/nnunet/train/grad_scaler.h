#pragma once
#include <torch/torch.h>

#include <vector>

#include "nnunet/checkpoint/torch_file.h"

namespace nnunet {

/// Dynamic loss scaling for fp16 (Micikevicius et al., "Mixed precision training", ICLR 2018), with
/// torch.amp.GradScaler's constants: start 2^16, doubled after 2000 good steps, halved after a step with Inf or NaN,
/// which is skipped. The scale lives on the device, so that a step never waits for it. Disabled (fp32, bf16) it scales
/// by 1, and still finds the steps that would spoil the network.
class GradScaler {
 public:
  explicit GradScaler(bool enabled, torch::Device device = torch::kCPU);

  torch::Tensor scale(const torch::Tensor& loss) const { return enabled_ ? loss * scale_ : loss; }
  /// Divides the gradients by the scale. Returns a float on the device, for Optimizer::step: not 0 where one of them is
  /// not finite.
  torch::Tensor unscale(const std::vector<torch::Tensor>& parameters) const;
  /// After each step, with what unscale returned.
  void update(const torch::Tensor& found_inf);

  /// Waits for the device.
  Value state() const;
  void load_state(const Value& state, const std::string& source);

 private:
  bool enabled_;
  torch::Tensor scale_;       ///< float
  torch::Tensor good_steps_;  ///< int32, since the scale changed
};

}  // namespace nnunet
