#pragma once
#include <bit>
#include <cstdint>

#include "nnunet/core/simd.h"

/// exp and log in single precision that loops can vectorise: the classic range reduction and polynomials of Cephes
/// (Moshier, "Methods and programs for mathematical functions", 1989), relative error under 2e-7.
namespace nnunet::kernels {

/// x is taken as -87 below that, and as 88 above.
NNUNET_INLINE float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the last bits
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const std::int32_t exponent = std::bit_cast<std::int32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(p) + exponent);
}

/// x positive and normal.
NNUNET_INLINE float fast_log(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  // Mantissa in [sqrt(1/2), sqrt(2)).
  constexpr std::int32_t kHalfRoot = 0x3f3504f3;
  const std::int32_t exponent = (bits - kHalfRoot) >> 23;
  const float m = std::bit_cast<float>(bits - exponent * 0x800000) - 1.0f;
  const auto e = static_cast<float>(exponent);
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const float square = m * m;
  return (m + (p * m * square + e * -2.12194440e-4f - 0.5f * square)) + e * 0.693359375f;
}

}  // namespace nnunet::kernels
