#include <algorithm>
#include <array>
#include <bit>

#include "nnunet/core/simd.h"
#include "operators.h"

namespace nnunet {
namespace {

// Branch-free loops over a fixed number of lanes, which the compiler turns into vector code. One chunk: kLanes Philox
// blocks give 4 * kLanes normal values.
constexpr std::size_t kLanes = 64;
using Words = std::array<std::uint32_t, kLanes>;

// philox4x32 (core/random.h) on many counters {first + lane, epoch, sample, stream}.
inline void random_words(std::uint32_t first, const NoiseKey& key, std::array<Words, 4>& out) {
  auto& [a, b, c, d] = out;
  for (std::size_t i = 0; i < kLanes; ++i) a[i] = first + static_cast<std::uint32_t>(i);
  b.fill(key.epoch);
  c.fill(key.sample);
  d.fill(key.stream);
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53} * a[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[i];
      a[i] = static_cast<std::uint32_t>(p1 >> 32) ^ b[i] ^ k0;
      b[i] = static_cast<std::uint32_t>(p1);
      c[i] = static_cast<std::uint32_t>(p0 >> 32) ^ d[i] ^ k1;
      d[i] = static_cast<std::uint32_t>(p0);
    }
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
}

// 24 random bits as a float in [0, 1).
inline float unit(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 0x1p-24F;
}

// Natural logarithm of a normal positive float, relative error below 1e-6: x = 2^e m with m in [sqrt(1/2), sqrt(2)),
// log m = 2 atanh((m - 1) / (m + 1)).
inline float fast_log(float x) {
  const auto bits = std::bit_cast<std::int32_t>(x);
  const std::int32_t e = (bits - 0x3F3504F3) >> 23;
  const float m = std::bit_cast<float>(bits - e * (1 << 23));
  const float s = (m - 1.0F) / (m + 1.0F), s2 = s * s;
  const float series = 2.0F + s2 * (2.0F / 3 + s2 * (2.0F / 5 + s2 * (2.0F / 7 + s2 * (2.0F / 9))));
  return static_cast<float>(e) * 0.693147181F + s * series;
}

// Square root by Newton's steps on 1 / sqrt(x): std::sqrt may set errno, which keeps loops from being vectorised.
inline float fast_sqrt(float x) {
  float y = std::bit_cast<float>(0x5F3759DFU - (std::bit_cast<std::uint32_t>(x) >> 1));
  for (int i = 0; i < 3; ++i) y *= 1.5F - 0.5F * x * y * y;
  return x * y;
}

// Taylor series on [-pi/2, pi/2], absolute error below 1e-7.
inline float sine(float x) {
  const float y = x * x;
  return x * (1 + y * (-1.0F / 6 + y * (1.0F / 120 + y * (-1.0F / 5040 + y * (1.0F / 362880 - y / 39916800)))));
}
inline float cosine(float x) {
  const float y = x * x;
  const float tail = 1.0F / 40320 + y * (-1.0F / 3628800 + y / 479001600);
  return 1 + y * (-1.0F / 2 + y * (1.0F / 24 + y * (-1.0F / 720 + y * tail)));
}

// Box-Muller: two uniform words become two independent normal values. The angle is taken by its half, whose sine and
// cosine have short series on [-pi/2, pi/2).
inline void box_muller(const Words& u, const Words& v, float* __restrict first, float* __restrict second) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    const float radius = fast_sqrt(-2.0F * fast_log(1.0F - unit(u[i])));
    const float h = 3.14159265F * (unit(v[i]) - 0.5F);
    const float s = sine(h), c = cosine(h);
    first[i] = radius * (1.0F - 2.0F * s * s);
    second[i] = radius * 2.0F * s * c;
  }
}

NNUNET_SIMD void add_chunk(float* values, std::int64_t count, float std, std::uint32_t counter, const NoiseKey& key) {
  std::array<Words, 4> words;
  std::array<float, 4 * kLanes> normal;
  random_words(counter, key, words);
  box_muller(words[0], words[1], normal.data(), normal.data() + kLanes);
  box_muller(words[2], words[3], normal.data() + 2 * kLanes, normal.data() + 3 * kLanes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) values[i] += std * normal[i];
}

}  // namespace

void add_noise_to_plane(float* values, std::int64_t n, std::int64_t plane, float std, const NoiseKey& key) {
  constexpr auto chunk = static_cast<std::int64_t>(4 * kLanes);
  const std::int64_t chunks = (n + chunk - 1) / chunk;
  for (std::int64_t i = 0; i < chunks; ++i) {
    const auto counter = static_cast<std::uint32_t>((plane * chunks + i) * static_cast<std::int64_t>(kLanes));
    add_chunk(values + i * chunk, std::min(chunk, n - i * chunk), std, counter, key);
  }
}

void add_noise(const PatchView& patch, float std, const NoiseKey& key) {
  for (std::int64_t c = 0; c < patch.channels; ++c) {
    for (std::int64_t d = 0; d < patch.size[0]; ++d) {
      add_noise_to_plane(patch.plane(c, d), patch.plane_size(), c * patch.size[0] + d, std, key);
    }
  }
}

}  // namespace nnunet
