#pragma once
#include <cmath>
#include <cstdint>

#include "nnunet/core/host_device.h"
#include "nnunet/core/simd.h"

/// The augmentation's arithmetic on single values: what the CPU's loops (src/data) and the GPU's kernels
/// (src/kernels/cuda) share, so that a sample gets the same numbers on both, up to rounding.
namespace nnunet::augmenting {

// __builtin_bit_cast: std::bit_cast, like std::clamp, is a function of the host to nvcc.

/// The values of a plane are cut into chunks. Block `lane` of Philox's in a chunk makes the noise of its values lane,
/// lane + kNoiseLanes, ...: cosine and sine of words 0 and 1, then of 2 and 3.
inline constexpr std::int64_t kNoiseLanes = 64, kNoiseChunk = 4 * kNoiseLanes;

/// The counter of a chunk's first block. plane: channel * depth + its depth; n: values of a plane.
NNUNET_HOST_DEVICE inline std::uint32_t noise_counter(std::int64_t plane, std::int64_t chunk, std::int64_t n) {
  const std::int64_t chunks = (n + kNoiseChunk - 1) / kNoiseChunk;
  return static_cast<std::uint32_t>((plane * chunks + chunk) * kNoiseLanes);
}

/// 24 random bits as a float in [0, 1).
NNUNET_HOST_DEVICE NNUNET_INLINE float unit(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F;
}

/// Natural logarithm of a normal positive float, relative error below 1e-6: x = 2^e m with m in [sqrt(1/2), sqrt(2)),
/// log m = 2 atanh((m - 1) / (m + 1)).
NNUNET_HOST_DEVICE NNUNET_INLINE float fast_log(float x) {
  const auto bits = __builtin_bit_cast(std::int32_t, x);
  const std::int32_t e = (bits - 0x3F3504F3) >> 23;
  const auto m = __builtin_bit_cast(float, bits - e * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F), s2 = s * s;
  const float series = 2.0F + s2 * (2.0F / 3 + s2 * (2.0F / 5 + s2 * (2.0F / 7 + s2 * (2.0F / 9))));
  return static_cast<float>(e) * 0.693147181F + s * series;
}

/// Square root by Newton's steps on 1 / sqrt(x): std::sqrt may set errno, which keeps loops from being vectorised.
NNUNET_HOST_DEVICE NNUNET_INLINE float fast_sqrt(float x) {
  auto y = __builtin_bit_cast(float, 0x5F3759DFU - (__builtin_bit_cast(std::uint32_t, x) >> 1));
  for (int i = 0; i < 3; ++i) y *= 1.5F - 0.5F * x * y * y;
  return x * y;
}

/// Taylor series on [-pi/2, pi/2], absolute error below 1e-7.
NNUNET_HOST_DEVICE NNUNET_INLINE float sine(float x) {
  const float y = x * x;
  return x * (1 + y * (-1.0F / 6 + y * (1.0F / 120 + y * (-1.0F / 5040 + y * (1.0F / 362880 - y / 39916800)))));
}
NNUNET_HOST_DEVICE NNUNET_INLINE float cosine(float x) {
  const float y = x * x;
  const float tail = 1.0F / 40320 + y * (-1.0F / 3628800 + y / 479001600);
  return 1 + y * (-1.0F / 2 + y * (1.0F / 24 + y * (-1.0F / 720 + y * tail)));
}

/// Box-Muller: two uniform words become two independent normal values. The angle is taken by its half, whose sine and
/// cosine have short series on [-pi/2, pi/2).
NNUNET_HOST_DEVICE NNUNET_INLINE void box_muller(std::uint32_t u, std::uint32_t v, float& first, float& second) {
  const float radius = fast_sqrt(-2.0F * fast_log(1.0F - unit(u)));
  const float h = 3.14159265F * (unit(v) - 0.5F);
  const float s = sine(h), c = cosine(h);
  first = radius * (1.0F - 2.0F * s * s);
  second = radius * 2.0F * s * c;
}

/// The four samples around an output index of one axis and their weights (Keys' kernel with a = -0.5, half-pixel grid).
struct CubicTaps {
  std::int32_t index[4];
  float weight[4];
};

NNUNET_HOST_DEVICE inline double keys_kernel(double x) {
  x = x < 0 ? -x : x;
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/// Output index i of `out`, counted from the end where flipped, among `in` samples.
NNUNET_HOST_DEVICE inline CubicTaps cubic_taps(std::int64_t in, std::int64_t out, std::int64_t i, bool flip) {
  const std::int64_t j = flip ? out - 1 - i : i;
  const double position = (static_cast<double>(j) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
  const auto left = static_cast<std::int64_t>(std::floor(position));
  CubicTaps taps{};
  for (int k = 0; k < 4; ++k) {
    const std::int64_t sample = left - 1 + k;
    taps.index[k] = static_cast<std::int32_t>(sample < 0 ? 0 : sample < in ? sample : in - 1);
    taps.weight[k] = static_cast<float>(keys_kernel(position - static_cast<double>(sample)));
  }
  return taps;
}

/// The sample nearest to output index i, as above.
NNUNET_HOST_DEVICE inline std::int64_t nearest_index(std::int64_t in, std::int64_t out, std::int64_t i, bool flip) {
  const std::int64_t j = flip ? out - 1 - i : i;
  return (2 * j + 1) * in / (2 * out);  // floor((j + 1/2) in / out)
}

/// Index of a neighbour beyond the border, mirrored about the edge sample (as often as it takes).
NNUNET_HOST_DEVICE inline std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
  return i;
}

/// A symmetric filter: weights[k] for the neighbours at(-k) and at(k).
template <class At>
NNUNET_HOST_DEVICE NNUNET_INLINE float filtered(const float* weights, int radius, const At& at) {
  float sum = weights[0] * at(0);
  for (int k = 1; k <= radius; ++k) sum += weights[k] * (at(-k) + at(k));
  return sum;
}

/// Brightness, then contrast within the range [low, high] that the sample has between the two.
NNUNET_HOST_DEVICE NNUNET_INLINE float stretched(float x, float brightness, float contrast, float low, float high) {
  const float v = x * brightness * contrast;
  const float above = v < low ? low : v;
  return above > high ? high : above;
}

}  // namespace nnunet::augmenting
