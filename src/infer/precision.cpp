#include "nnunet/infer/precision.h"

#include <ATen/autocast_mode.h>
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

Precision choose_precision(bool amp, const std::string& precision, torch::Device device, bool bf16_arithmetic) {
  if (!precision.empty() && precision != "bf16" && precision != "fp16" && precision != "fp32")
    throw Error("--precision", fmt::format("unknown precision \"{}\"", precision), "choose bf16 or fp16");
  if (!amp || precision == "fp32") return Precision::fp32;
  if (!device.is_cpu()) return precision == "bf16" ? Precision::bf16 : Precision::fp16;
  if (precision == "fp16")
    throw Error("--precision", "fp16 needs a GPU", "use --precision bf16 on a CPU, or leave --amp out");
  if (bf16_arithmetic) return Precision::bf16;
  if (precision == "bf16") {
    log::warn("this processor has no bf16 arithmetic: it is emulated, which is slow");
    return Precision::bf16;
  }
  log::info("this processor has no bf16 arithmetic: --amp computes in fp32, which is faster and more exact here");
  return Precision::fp32;
}

AutocastScope::AutocastScope(Precision precision, torch::Device device)
    : active_(precision != Precision::fp32), type_(device.type()) {
  if (!active_) return;
  former_enabled_ = at::autocast::is_autocast_enabled(type_);
  former_type_ = at::autocast::get_autocast_dtype(type_);
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, precision == Precision::bf16 ? at::kBFloat16 : at::kHalf);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  if (at::autocast::decrement_nesting() == 0)
    at::autocast::clear_cache();  // the weights' copies are stale after a step
  at::autocast::set_autocast_enabled(type_, former_enabled_);
  at::autocast::set_autocast_dtype(type_, former_type_);
}

torch::Device choose_device(int gpus, const JobPlace& place) {
  if (gpus < -1)
    throw Error("--gpus", fmt::format("{} is not a number of GPUs", gpus), "give 0 for the CPU, 1 for a GPU");
  const auto present = static_cast<int>(torch::cuda::device_count());
  if (gpus > present)
    throw Error("--gpus", fmt::format("{} GPUs asked for, {} found", gpus, present), "use --gpus 0 for the CPU");
  const bool on_gpu = gpus > 0 || (gpus < 0 && present > 0);
  // float32 products of convolutions and matrices in TF32, 10 bits of mantissa, as the reference system trains.
  if (on_gpu) {
    at::globalContext().setAllowTF32CuBLAS(true);
    at::globalContext().setAllowTF32CuDNN(true);
  }
  const int index = on_gpu ? place.local_rank % present : 0;
  const std::string where = on_gpu ? fmt::format("a GPU (cuda:{})", index) : "the CPU";
  log::info(place.size == 1 ? "running on " + where : fmt::format("running on {}, {} processes", where, place.size));
  return on_gpu ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index)) : torch::Device(torch::kCPU);
}

}  // namespace nnunet
