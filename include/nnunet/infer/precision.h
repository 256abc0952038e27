#pragma once
#include <torch/torch.h>

#include <string>

#include "nnunet/core/job.h"
#include "nnunet/core/precision.h"

namespace nnunet {

/// Whether bf16 numbers are multiplied without emulation: by the chosen instruction set (core/cpu.h) on x86-64, by the
/// processor on ARM.
bool has_bf16_arithmetic();

/// What --amp and --precision mean on this device, for every command. Without amp fp32. On GPUs fp16 unless bf16 is
/// asked for. On CPUs bf16 where there is arithmetic for it; elsewhere fp32, which is faster and more exact than
/// emulation (said in the log), or emulated bf16 (with a warning) if precision says "bf16". What is recorded and what
/// folders are named after is what this returns. Throws Error for fp16 on a CPU and for unknown names.
Precision choose_precision(bool amp, const std::string& precision, torch::Device device,
                           bool bf16_arithmetic = has_bf16_arithmetic());

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
