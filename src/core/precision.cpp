#include "nnunet/core/precision.h"

#include <fmt/format.h>

#include <fstream>

#include "nnunet/core/cpu.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet {

#if !defined(__x86_64__)
namespace {

/// Whether the operating system lists bf16 among the processor's features (64-bit ARM).
bool lists_bf16() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Features")) return (line + ' ').find(" bf16 ") != std::string::npos;
  return false;
}

}  // namespace
#endif

bool has_bf16_arithmetic() {
#if defined(__x86_64__)
  return chosen_isa() >= Isa::avx512_bf16;  // AMX comes with it
#else
  return lists_bf16();
#endif
}

Precision choose_precision(bool amp, const std::string& precision, Device device, bool bf16_arithmetic) {
  if (!precision.empty() && precision != "bf16" && precision != "fp16" && precision != "fp32")
    throw Error("--precision", fmt::format("unknown precision \"{}\"", precision), "choose bf16 or fp16");
  if (!amp || precision == "fp32") return Precision::fp32;
  if (!device.is_cpu()) return precision == "bf16" ? Precision::bf16 : Precision::fp16;
  if (precision == "fp16")
    throw Error("--precision", "fp16 needs a GPU", "use --precision bf16 on a CPU, or leave --amp out");
  if (bf16_arithmetic) return Precision::bf16;
  if (precision == "bf16") {
    log::warn("there is no bf16 arithmetic here (processor or NNUNET_ISA): it is emulated, which is slow");
    return Precision::bf16;
  }
  log::info(
      "there is no bf16 arithmetic here (processor or NNUNET_ISA): mixed precision is computed in fp32, which is "
      "faster and more exact");
  return Precision::fp32;
}

}  // namespace nnunet
