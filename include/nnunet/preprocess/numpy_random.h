#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nnunet {

/// Draws as numpy's RandomState(seed) makes them (contract-v2-plan, section 3), so that what nnU-Net v2 draws from it
/// can be drawn here. The generator is the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998).
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed);

  /// A whole number below n > 0.
  std::uint64_t below(std::uint64_t n) {
    const std::uint64_t most = n - 1;
    if (most == 0) return 0;
    const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(most);
    std::uint64_t value = bits(most) & mask;
    while (value > most) value = bits(most) & mask;
    return value;
  }
  /// 0 .. n - 1, shuffled.
  std::vector<std::uint32_t> permutation(std::uint32_t n);
  /// So many of 0 .. n - 1, each as often as it is drawn.
  std::vector<std::uint64_t> choice_with_replacement(std::uint64_t n, std::size_t count);
  /// How often each of 0 .. n - 1 is among these: the same draws, counted. Takes up to 8 n bytes while it works. Throws
  /// std::invalid_argument for counts beyond 32 bits.
  std::vector<std::uint32_t> counts_with_replacement(std::uint64_t n, std::size_t count);
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i-- > 1;) std::swap(values[i], values[below(i + 1)]);
  }

 private:
  static constexpr std::size_t kWords = 624;

  std::uint32_t next() {
    if (at_ == kWords) refill();
    return block_[at_++];
  }
  std::uint64_t bits(std::uint64_t most) {
    const std::uint64_t high = most >> 32 != 0 ? std::uint64_t{next()} << 32 : 0;
    return high | next();
  }
  void refill();

  std::array<std::uint32_t, kWords> state_{}, block_{};
  std::size_t at_ = kWords;  ///< what of the block was drawn
};

}  // namespace nnunet
