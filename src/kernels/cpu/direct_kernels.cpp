#include "direct_kernels.h"

namespace nnunet::kernels {

const DirectKernels& direct_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512_bf16) return direct_avx512_bf16;
  if (isa == Isa::avx512) return direct_avx512;
  if (isa == Isa::avx2) return direct_avx2;
#endif
  static_cast<void>(isa);
  return direct_portable;
}

}  // namespace nnunet::kernels
