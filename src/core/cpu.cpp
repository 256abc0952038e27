#include "nnunet/core/cpu.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "nnunet/core/error.h"

namespace nnunet {
namespace {

constexpr std::array<std::string_view, 4> kNames{"portable", "avx2", "avx512", "avx512_bf16"};

#if defined(__x86_64__)
// All that the compiler may use for arch=x86-64-v3, not AVX2 alone. The builtin asks the operating system, too.
bool has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe");
}
bool has_v4() {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

}  // namespace

std::string_view isa_name(Isa isa) {
  return kNames[static_cast<std::size_t>(isa)];
}

Isa processor_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_v4() && __builtin_cpu_supports("avx512bf16")) return Isa::avx512_bf16;
  if (has_v4()) return Isa::avx512;
  if (has_v3()) return Isa::avx2;
#endif
  return Isa::portable;
}

Isa choose_isa(std::string_view wanted, Isa processor) {
  if (wanted.empty()) return processor;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (wanted != kNames[i]) continue;
    if (i <= static_cast<std::size_t>(processor)) return static_cast<Isa>(i);
    throw Error("NNUNET_ISA",
                fmt::format("asks for {}, this processor has no more than {}", wanted, isa_name(processor)),
                "unset it, or name what the processor has");
  }
  throw Error("NNUNET_ISA", fmt::format("\"{}\" is not known", wanted),
              "set it to portable, avx2, avx512 or avx512_bf16, or unset it");
}

Isa chosen_isa() {
  static const Isa chosen = [] {
    const char* const wanted = std::getenv("NNUNET_ISA");
    return choose_isa(wanted == nullptr ? "" : wanted, processor_isa());
  }();
  return chosen;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t at = line.find(": ");
    if (at != std::string::npos) return line.substr(at + 2);
  }
  return "unknown";
}

}  // namespace nnunet
