#pragma once
#include <string>

namespace nnunet {

/// Arithmetic of a network: fp32, or mixed precision in bf16 or fp16.
enum class Precision { fp32, bf16, fp16 };

/// "fp32", "bf16", "fp16".
inline std::string precision_name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

}  // namespace nnunet
