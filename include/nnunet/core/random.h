#pragma once
#include <array>
#include <cstdint>

#include "nnunet/core/host_device.h"
#include "nnunet/core/simd.h"

namespace nnunet {

/// Counter-based random numbers (Philox4x32-10; Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3", SC 2011). A stream is fixed by (seed, epoch, sample, stream) alone, so whoever draws a sample, on
/// whatever thread, draws the same numbers.
class CounterRng {
 public:
  CounterRng(std::uint64_t seed, std::uint32_t epoch, std::uint32_t sample, std::uint32_t stream = 0);

  std::uint32_t next();
  /// In [0, 1), 24 random bits.
  float uniform();
  /// In [low, high).
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// In [0, count), count >= 1, without modulo bias.
  std::int64_t integer(std::int64_t count);
  /// Standard normal (Box-Muller).
  float normal();
  bool coin(float probability) { return uniform() < probability; }

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
  bool has_spare_ = false;
  float spare_ = 0;
};

/// One of Philox4x32's ten rounds on the counter (a, b, c, d) with the key (k0, k1), and the next round's key.
inline constexpr int kPhiloxRounds = 10;
NNUNET_HOST_DEVICE NNUNET_INLINE void philox_round(std::uint32_t k0, std::uint32_t k1, std::uint32_t& a,
                                                   std::uint32_t& b, std::uint32_t& c, std::uint32_t& d) {
  const std::uint64_t p0 = std::uint64_t{0xD2511F53} * a;
  const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c;
  a = static_cast<std::uint32_t>(p1 >> 32) ^ b ^ k0;
  b = static_cast<std::uint32_t>(p1);
  c = static_cast<std::uint32_t>(p0 >> 32) ^ d ^ k1;
  d = static_cast<std::uint32_t>(p0);
}
NNUNET_HOST_DEVICE NNUNET_INLINE void philox_next_key(std::uint32_t& k0, std::uint32_t& k1) {
  k0 += 0x9E3779B9U;
  k1 += 0xBB67AE85U;
}

/// The 10-round Philox bijection itself: four random words from a counter and a key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace nnunet
