#include "winograd_choice.h"
#ifdef CHOICE
#include <cstdio>
#include <cstdlib>
#endif

namespace nnunet::native {

kernels::WinogradPlan winograd_plan(const kernels::ConvShape& shape, bool bf16, kernels::Isa isa) {
  kernels::WinogradPlan plan;
  plan.isa = isa;
  plan.bf16_products = bf16 && isa == kernels::Isa::avx512_bf16;
#ifdef CHOICE
  if (const char* c = std::getenv("TILE")) std::sscanf(c, "%d,%d,%d", &plan.tile[0], &plan.tile[1], &plan.tile[2]);
#endif
  static_cast<void>(shape);
  return plan;
}

}  // namespace nnunet::native
