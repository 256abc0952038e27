#include "direct_kernels.h"

namespace nnunet::kernels {

Isa best_isa() {
#if defined(__x86_64__)
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4 && __builtin_cpu_supports("avx512bf16")) return Isa::avx512_bf16;
  if (v4) return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::portable;
}

DirectKernels direct_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512_bf16) return direct_avx512_bf16();
  if (isa == Isa::avx512) return direct_avx512();
  if (isa == Isa::avx2) return direct_avx2();
#endif
  static_cast<void>(isa);
  return direct_portable();
}

}  // namespace nnunet::kernels
