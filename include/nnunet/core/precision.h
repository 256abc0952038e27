#pragma once
#include <string>

#include "nnunet/core/device.h"

namespace nnunet {

/// Arithmetic of a network: fp32, or mixed precision in bf16 or fp16.
enum class Precision { fp32, bf16, fp16 };

/// "fp32", "bf16", "fp16".
inline std::string precision_name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

/// Whether bf16 numbers are multiplied without emulation: by the chosen instruction set (core/cpu.h) on x86-64, by the
/// processor on ARM.
bool has_bf16_arithmetic();

/// What --amp and --precision mean on this device, for every command. Without amp fp32. On GPUs fp16 unless bf16 is
/// asked for. On CPUs bf16 where there is arithmetic for it; elsewhere fp32, which is faster and more exact than
/// emulation (said in the log), or emulated bf16 (with a warning) if precision says "bf16". What is recorded and what
/// folders are named after is what this returns. Throws Error for fp16 on a CPU and for unknown names.
Precision choose_precision(bool amp, const std::string& precision, Device device,
                           bool bf16_arithmetic = has_bf16_arithmetic());

}  // namespace nnunet
