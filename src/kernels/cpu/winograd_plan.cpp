#include <algorithm>

#include "nnunet/kernels/winograd.h"

namespace nnunet::kernels {
namespace {

/// Whether tiles of 4 along h and w are worth while: they must save products though they reach further over the
/// borders, and be enough that the larger weights, read once for a box, do not decide.
bool large_tiles_pay(const WinogradShape& shape, const std::array<std::int64_t, 3>& size) {
  constexpr std::int64_t kFewest = 16;
  const auto tiles = [&](std::size_t axis, std::int64_t outputs) { return (size[axis] + outputs - 1) / outputs; };
  const std::int64_t planes = shape.kernel_d == 1 ? size[0] : tiles(0, 2);
  const std::int64_t small = tiles(1, 2) * 4 * tiles(2, 2) * 4, large = tiles(1, 4) * 6 * tiles(2, 4) * 6;
  return planes * tiles(1, 4) * tiles(2, 4) >= kFewest && large * 10 <= small * 7;
}

}  // namespace

WinogradPlan winograd_plan(const WinogradShape& shape, const std::array<std::int64_t, 3>& size, bool bf16_tensors,
                           Isa isa, WinogradErrors errors) {
  WinogradPlan plan;
  plan.isa = isa;
  if (!bf16_tensors) {
    if (errors == WinogradErrors::as_plain_sums && large_tiles_pay(shape, size)) plan.tile[1] = plan.tile[2] = 4;
    return plan;
  }
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
