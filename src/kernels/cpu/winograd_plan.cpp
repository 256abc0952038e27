#include <algorithm>

#include "nnunet/kernels/winograd.h"

namespace nnunet::kernels {

WinogradPlan winograd_plan(const WinogradShape& shape, const std::array<std::int64_t, 3>& size, bool bf16_tensors,
                           Isa isa) {
  WinogradPlan plan;
  plan.isa = isa;
  if (!bf16_tensors) return plan;
  // Tiles of 4 waste less than a third of their outputs from 12 voxels on, and win while the transformed weights stay
  // near the core (float32, 216 or 36 points).
  constexpr std::int64_t kSmallest = 12, kWeights = 8 << 20;
  const bool flat = shape.kernel_d == 1;
  const std::int64_t weights =
      (flat ? 36 : 216) * 4 * (shape.inputs[0] + shape.inputs[1]) * (shape.outputs[0] + shape.outputs[1]);
  const bool large = (flat || size[0] >= kSmallest) && size[1] >= kSmallest && size[2] >= kSmallest;
  const bool multiplies_bf16 = isa == Isa::avx512_bf16;
  // In float32, F(4,3) along three axes is as fast as F(2,3) in bfloat16 and rounds a third as much; along two it is
  // not.
  if (large && weights <= kWeights && !(flat && multiplies_bf16))
    std::fill_n(plan.tile, 3, 4);
  else
    plan.bf16_products = multiplies_bf16;
  return plan;
}

}  // namespace nnunet::kernels
