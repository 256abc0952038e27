#pragma once
#include <torch/torch.h>

#include "nnunet/core/job.h"

#include <string>

#include "nnunet/core/precision.h"

namespace nnunet {

/// --amp / --precision for this device: amp false: fp32; default bf16 on CPUs, fp16 on GPUs; throws Error for fp16 on a
/// CPU, or bf16 on a CPU without it (avx512_bf16 or amx_bf16 absent: a warning, since it is emulated and slow, not an
/// error).
Precision choose_precision(bool amp, const std::string& precision, torch::Device device);

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

/// Also lets GPUs compute float32 convolutions in TF32.
/// --gpus: unset (-1): one GPU where there is one, else the CPU; 0: the CPU; more than there are: Error. Logs which.
/// place: the processes of a machine take its GPUs in turn.
torch::Device choose_device(int gpus, const JobPlace& place = {});

}  // namespace nnunet
