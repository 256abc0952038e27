#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"
#include "nnunet/core/simd.h"

/// The arithmetic of nnU-Net v2's patches on single values: what the CPU's loops (src/data) and the GPU's kernels
/// (src/kernels/cuda) share. Where a tie between labels hangs on the last bit, both compute it operation by operation
/// as torch's grid_sample does.
namespace nnunet::augmenting {

/// a * b, rounded before anything is added to it: left to itself a GPU's compiler fuses the two. (The CPU's files are
/// compiled without contraction.)
NNUNET_HOST_DEVICE NNUNET_INLINE float rounded_product(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}

/// A voxel's coordinate from the middle of an axis.
NNUNET_HOST_DEVICE NNUNET_INLINE float centred(std::int64_t i, std::int64_t size) {
  return static_cast<float>(i) + static_cast<float>(1 - size) / 2.0F;
}

/// Where on one axis of the initial patch a voxel reads: before + along * q from its middle. half: of its size.
NNUNET_HOST_DEVICE NNUNET_INLINE float place_on_axis(float before, float along, float q, float half, float size) {
  const float place = rounded_product((before + rounded_product(q, along)) / half + 1.0F, size) - 1.0F;
  return rounded_product(place, 0.5F);
}

/// The voxel at or before a place.
NNUNET_HOST_DEVICE NNUNET_INLINE std::int32_t voxel_below(float place) {
  const auto whole = static_cast<std::int32_t>(place);
  return whole - (static_cast<float>(whole) > place ? 1 : 0);
}

/// Whether the voxel after `below` is the nearer one, half to even.
NNUNET_HOST_DEVICE NNUNET_INLINE bool nearer_above(float fraction, std::int32_t below) {
  return fraction > 0.5F || (fraction == 0.5F && (below & 1) != 0);
}

/// What a neighbour counts in the vote of labels: 1000 times its share of the linear interpolation.
NNUNET_HOST_DEVICE NNUNET_INLINE float vote_weight(float x, float y, float z) {
  return rounded_product(1000.0F, rounded_product(rounded_product(x, y), z));
}

/// A positive float's place among the numbers of float16, which it is rounded to (half to even).
NNUNET_HOST_DEVICE NNUNET_INLINE std::int32_t half_rank(float value) {
  const auto bits = __builtin_bit_cast(std::int32_t, value);
  return (bits + 0xfff + (bits >> 13 & 1)) >> 13;
}

/// Index of a neighbour beyond the border, mirrored with the edge repeated (as often as it takes).
NNUNET_HOST_DEVICE inline std::int64_t reflected(std::int64_t i, std::int64_t n) {
  while (i < 0 || i >= n) i = i < 0 ? -1 - i : 2 * n - 1 - i;
  return i;
}

/// A number that grows with the float, and the float of such a number.
NNUNET_HOST_DEVICE NNUNET_INLINE std::uint32_t ordered_bits(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
NNUNET_HOST_DEVICE NNUNET_INLINE float ordered_float(std::uint32_t number) {
  return __builtin_bit_cast(float, (number & 0x80000000U) != 0 ? number & 0x7FFFFFFFU : ~number);
}

/// The two voxels of an axis between which one of a coarser grid lies, and their weights.
struct CoarseTaps {
  std::int32_t low, high;
  float low_weight, high_weight;
};

/// A bump's weight in [0, 1]: the product of its factors for the axes, shifted and scaled.
NNUNET_HOST_DEVICE NNUNET_INLINE float bump_weight(float along, float across, float least, float scale) {
  return (rounded_product(along, across) - least) * scale;
}

}  // namespace nnunet::augmenting
