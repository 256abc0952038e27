#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

#include "nnunet/core/simd.h"
#include "nnunet/kernels/bfloat16.h"

/// Sixteen floats in one register (or in two or four, where registers are smaller): the compiler's vector types, so
/// that accumulators stay in registers over a loop.
namespace nnunet::kernels {

inline constexpr int kLanes = 16;
using Lanes = float __attribute__((vector_size(64), may_alias));
using IntLanes = std::int32_t __attribute__((vector_size(64), may_alias));
using WordLanes = std::uint32_t __attribute__((vector_size(64), may_alias));
using HalfLanes = std::uint16_t __attribute__((vector_size(32), may_alias));

NNUNET_INLINE void load(const float* from, Lanes& v) {
  std::memcpy(&v, from, sizeof v);
}
NNUNET_INLINE void load(const Bfloat16* from, Lanes& v) {
  HalfLanes half;
  std::memcpy(&half, from, sizeof half);
  const WordLanes word = __builtin_convertvector(half, WordLanes) << 16;
  std::memcpy(&v, &word, sizeof v);
}
NNUNET_INLINE void store(const Lanes& v, float* to) {
  std::memcpy(to, &v, sizeof v);
}
NNUNET_INLINE void store(const Lanes& v, Bfloat16* to) {
  WordLanes word;
  std::memcpy(&word, &v, sizeof word);
  const WordLanes rounded = word + 0x7fffu + ((word >> 16) & 1u), quiet = word | 0x400000u;
  const HalfLanes half = __builtin_convertvector(((v != v) ? quiet : rounded) >> 16, HalfLanes);
  std::memcpy(to, &half, sizeof half);
}

}  // namespace nnunet::kernels
