#pragma once
#include <torch/torch.h>

#include <vector>

#include "nnunet/checkpoint/torch_file.h"

namespace nnunet {

/// Dynamic loss scaling for fp16 (Micikevicius et al., "Mixed precision training", ICLR 2018), with
/// torch.amp.GradScaler's constants: start 2^16, doubled after 2000 good steps, halved after a step with Inf or NaN,
/// which is skipped. Disabled (fp32, bf16) it does nothing.
class GradScaler {
 public:
  explicit GradScaler(bool enabled) : enabled_(enabled) {}

  torch::Tensor scale(const torch::Tensor& loss) const { return enabled_ ? loss * scale_ : loss; }
  /// Divides the gradients by the scale. False: one of them is not finite, the step must be skipped.
  bool unscale(const std::vector<torch::Tensor>& parameters);
  /// After each step, with what unscale said.
  void update(bool finite);
  double current() const { return scale_; }

  Value state() const;
  void load_state(const Value& state, const std::string& source);

 private:
  bool enabled_;
  double scale_ = 65536.0;
  std::int64_t good_steps_ = 0;
};

}  // namespace nnunet
