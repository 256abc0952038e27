#pragma once
#include <cstdint>

#include "nnunet/core/host_device.h"
#include "nnunet/core/simd.h"

/// Powers of many values with one exponent, for loops of Vectorized and CUDA kernels.
namespace nnunet {

/// An exponent, and its parts: the first has twelve bits, so that its product with a whole number is exact.
struct Exponent {
  float value, coarse, fine;

  NNUNET_HOST_DEVICE explicit Exponent(float exponent)
      : value(exponent),
        coarse(__builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, exponent) & 0xFFFFF000U)),
        fine(exponent - coarse) {}
};

/// t^g for t in [0, 2] and g in (0, 4], with a relative error below 1e-6; 0 where the result is below 2^-125. With t =
/// 2^e m, m in [sqrt(1/2), sqrt(2)): 2^(g e + g log2 m), where log2 m = 2 atanh((m - 1) / (m + 1)) / ln 2 and the power
/// of two's fraction is a Taylor series.
NNUNET_HOST_DEVICE NNUNET_INLINE float power(float t, const Exponent& g) {
  constexpr float kLeast = 0x1p-126F, kPerLog = 2.88539008F;  // 2 / ln 2
  constexpr float kWhole = 12582912.0F;                       // 1.5 * 2^23: adding it rounds to a whole number
  const auto bits = __builtin_bit_cast(std::int32_t, t < kLeast ? kLeast : t);
  const std::int32_t e = (bits - 0x3F3504F3) >> 23;
  const auto m = __builtin_bit_cast(float, bits - e * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F), s2 = s * s;
  const float log = s * (kPerLog + s2 * (kPerLog / 3 + s2 * (kPerLog / 5 + s2 * (kPerLog / 7 + s2 * (kPerLog / 9)))));
  const auto octaves = static_cast<float>(e);
  const float coarse = g.coarse * octaves, fine = g.fine * octaves + g.value * log;
  const float shifted = coarse + fine + kWhole;
  const float x = (coarse - (shifted - kWhole)) + fine;  // in [-1/2, 1/2], up to rounding
  constexpr float c1 = 0.693147181F, c2 = 0.240226507F, c3 = 0.0555041087F, c4 = 0.00961812911F, c5 = 0.00133335581F,
                  c6 = 0.000154035304F, c7 = 0.0000152527338F;  // (ln 2)^k / k!
  const float fraction = 1.0F + x * (c1 + x * (c2 + x * (c3 + x * (c4 + x * (c5 + x * (c6 + x * c7))))));
  const std::int32_t n = __builtin_bit_cast(std::int32_t, shifted) - __builtin_bit_cast(std::int32_t, kWhole);
  const std::uint32_t raised = __builtin_bit_cast(std::uint32_t, fraction) + (static_cast<std::uint32_t>(n) << 23);
  return t > 0 && n >= -124 ? __builtin_bit_cast(float, raised) : 0.0F;
}

}  // namespace nnunet
