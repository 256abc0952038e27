#pragma once
#include <array>
#include <cstdint>

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

/// The 10-round Philox bijection itself: four random words from a counter and a key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

}  // namespace nnunet
