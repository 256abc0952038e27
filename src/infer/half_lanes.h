#pragma once
#include <bit>
#include <cstdint>

#include "nnunet/core/simd.h"

/// IEEE binary16 as its bits, converted without branches, so that loops over it become vector code on every processor.
namespace nnunet {

NNUNET_INLINE float half_to_float(std::uint16_t half) {
  const std::uint32_t rest = (half & 0x7fffU) << 13, exponent = rest & 0x0f800000U;
  // A float's exponent is biased by 112 more. Denormal numbers have no leading 1: as a float it is given and taken
  // away.
  const std::uint32_t normal = rest + (112U << 23) + (exponent == 0x0f800000U ? 112U << 23 : 0U);
  const float denormal = std::bit_cast<float>(rest + (113U << 23)) - std::bit_cast<float>(113U << 23);
  const std::uint32_t magnitude = exponent == 0 ? std::bit_cast<std::uint32_t>(denormal) : normal;
  return std::bit_cast<float>(magnitude | (half & 0x8000U) << 16);
}

/// To the nearest, ties to even; infinite from 65520 on.
NNUNET_INLINE std::uint16_t float_to_half(float value) {
  const auto all = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rest = all & 0x7fffffffU;
  // Below 2^-14 the addition rounds to multiples of 2^-24.
  const float shifted = std::bit_cast<float>(rest) + 0.5F;
  const std::uint32_t small = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F);
  const std::uint32_t normal = (rest - (112U << 23) + 0xfffU + (rest >> 13 & 1U)) >> 13;
  const std::uint32_t finite = rest < 0x38800000U ? small : normal;
  const std::uint32_t large = rest > 0x7f800000U ? 0x7e00U : 0x7c00U;
  return static_cast<std::uint16_t>((rest >= 0x477ff000U ? large : finite) | (all >> 16 & 0x8000U));
}

/// The value rounded to the nearest one that float16 has, ties to even, for |value| <= 65504 and NaN.
NNUNET_INLINE float rounded_to_half(double value) {
  // 1.5 * 2^42 times the value's power of two: the sum's last bit is then worth the tenth one of the value.
  const auto power = std::bit_cast<std::uint64_t>(value) & 0x7ff0000000000000U;
  const double two = std::bit_cast<double>(power);
  const double unit = two > 0x1p-14 ? two : 0x1p-14;
  const double high = unit * 0x1.8p42;
  return static_cast<float>((value + high) - high);
}

}  // namespace nnunet
