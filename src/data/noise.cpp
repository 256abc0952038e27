#include <algorithm>
#include <array>

#include "nnunet/core/random.h"
#include "nnunet/core/vectorized.h"
#include "nnunet/data/augment_math.h"
#include "operators.h"

namespace nnunet {
namespace {

// Branch-free loops over a fixed number of lanes, which the compiler turns into vector code. One chunk: kLanes Philox
// blocks give 4 * kLanes normal values.
constexpr std::size_t kLanes = augmenting::kNoiseLanes;
using Words = std::array<std::uint32_t, kLanes>;

// Philox4x32 on many counters {first + lane, epoch, sample, stream}.
inline void random_words(std::uint32_t first, const NoiseKey& key, std::array<Words, 4>& out) {
  auto& [a, b, c, d] = out;
  for (std::size_t i = 0; i < kLanes; ++i) a[i] = first + static_cast<std::uint32_t>(i);
  b.fill(key.epoch);
  c.fill(key.sample);
  d.fill(key.stream);
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round, philox_next_key(k0, k1)) {
    for (std::size_t i = 0; i < kLanes; ++i) philox_round(k0, k1, a[i], b[i], c[i], d[i]);
  }
}

inline void normal_values(const Words& u, const Words& v, float* __restrict first, float* __restrict second) {
  for (std::size_t i = 0; i < kLanes; ++i) augmenting::box_muller(u[i], v[i], first[i], second[i]);
}

constexpr Vectorized add_chunk = [](float* values, std::int64_t count, float std, std::uint32_t counter,
                                    const NoiseKey& key) NNUNET_INLINED {
  std::array<Words, 4> words;
  std::array<float, 4 * kLanes> normal;
  random_words(counter, key, words);
  normal_values(words[0], words[1], normal.data(), normal.data() + kLanes);
  normal_values(words[2], words[3], normal.data() + 2 * kLanes, normal.data() + 3 * kLanes);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) values[i] += std * normal[i];
};

}  // namespace

void add_noise_to_plane(float* values, std::int64_t n, std::int64_t plane, float std, const NoiseKey& key) {
  constexpr std::int64_t chunk = augmenting::kNoiseChunk;
  for (std::int64_t i = 0; i * chunk < n; ++i) {
    const std::uint32_t counter = augmenting::noise_counter(plane, i, n);
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
