#pragma once
#include <torch/torch.h>

#include "nnunet/core/precision.h"

namespace nnunet {

/// Turns autocast on for its lifetime (nothing for fp32).
class AutocastScope {
 public:
  AutocastScope(Precision precision, torch::Device device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool active_ = false, former_enabled_ = false;
  torch::DeviceType type_;
  torch::ScalarType former_type_{};
};

}  // namespace nnunet
