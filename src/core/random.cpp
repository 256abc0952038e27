#include "nnunet/core/random.h"

#include <cmath>
#include <numbers>

namespace nnunet {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < kPhiloxRounds; ++round, philox_next_key(k[0], k[1])) {
    philox_round(k[0], k[1], c[0], c[1], c[2], c[3]);
  }
  return c;
}

// The block counter has a word of its own: 2^32 blocks a stream. Epoch, sample and stream fill the other three.
CounterRng::CounterRng(std::uint64_t seed, std::uint32_t epoch, std::uint32_t sample, std::uint32_t stream)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, epoch, sample, stream} {}

void CounterRng::refill() {
  block_ = philox4x32(counter_, key_);
  ++counter_[0];
  used_ = 0;
}

std::uint32_t CounterRng::next() {
  if (used_ == 4) refill();
  return block_[used_++];
}

float CounterRng::uniform() {
  return static_cast<float>(next() >> 8) * 0x1p-24F;
}

std::int64_t CounterRng::integer(std::int64_t count) {
  const auto n = static_cast<std::uint64_t>(count);
  const std::uint64_t reject = (0 - n) % n;  // 2^64 mod n: the values below it would be too frequent
  for (;;) {
    const std::uint64_t high = next();
    const std::uint64_t value = high << 32 | next();
    if (value >= reject) return static_cast<std::int64_t>(value % n);
  }
}

float CounterRng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const float radius = std::sqrt(-2.0F * std::log(1.0F - uniform()));  // 1 - u is in (0, 1]
  const float angle = 2.0F * std::numbers::pi_v<float> * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

}  // namespace nnunet
