#pragma once
#include <cstdint>

#include "nnunet/core/random.h"
#include "nnunet/data/augment.h"
#include "nnunet/data/augment_math.h"

namespace nnunet::kernels::cuda {

/// Four normal values of one Philox block: those of a lane of a chunk (data/augment_math.h).
NNUNET_HOST_DEVICE inline void noise_block(const NoiseKey& key, std::uint32_t counter, float* values) {
  std::uint32_t a = counter, b = key.epoch, c = key.sample, d = key.stream;
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round, philox_next_key(k0, k1)) philox_round(k0, k1, a, b, c, d);
  augmenting::box_muller(a, b, values[0], values[1]);
  augmenting::box_muller(c, d, values[2], values[3]);
}

}  // namespace nnunet::kernels::cuda
