#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"

namespace nnunet::kernels {

/// IEEE binary16: 5 bits of exponent, 10 of mantissa. Same bits as c10::Half.
struct Half {
  std::uint16_t bits;
};

NNUNET_HOST_DEVICE inline float to_float(Half value) {
#ifdef __CUDA_ARCH__
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
#else
  const auto sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  const auto rest = static_cast<std::uint32_t>(value.bits & 0x7fffu);
  if (rest >= 0x7c00u) return __builtin_bit_cast(float, sign | 0x7f800000u | rest << 13);  // Inf, NaN
  // A float's exponent is biased by 112 more; the product is right for denormal numbers, too.
  const float magnitude = __builtin_bit_cast(float, rest << 13) * 0x1p112f;
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(std::uint32_t, magnitude));
#endif
}

/// To the nearest, ties to even; Inf from 65520 on.
NNUNET_HOST_DEVICE inline void from_float(float value, Half& result) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
#else
  const auto all = __builtin_bit_cast(std::uint32_t, value);
  const std::uint32_t sign = all >> 31 << 15, rest = all & 0x7fffffffu;
  std::uint32_t half = 0;
  if (rest > 0x7f800000u) {
    half = 0x7e00u;  // NaN
  } else if (rest >= 0x477ff000u) {
    half = 0x7c00u;
  } else if (rest < 0x38800000u) {  // below 2^-14: the addition rounds to multiples of 2^-24
    const float rounded = __builtin_bit_cast(float, rest) + 0.5f;
    half = __builtin_bit_cast(std::uint32_t, rounded) - __builtin_bit_cast(std::uint32_t, 0.5f);
  } else {
    half = (rest - (112u << 23) + 0xfffu + (rest >> 13 & 1u)) >> 13;
  }
  result.bits = static_cast<std::uint16_t>(sign | half);
#endif
}

}  // namespace nnunet::kernels
