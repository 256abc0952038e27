#pragma once
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace nnunet {

/// Draws as numpy's RandomState(seed) makes them (contract-v2-plan, section 3), so that what nnU-Net v2 draws from it
/// can be drawn here.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

  /// A whole number below n > 0.
  std::uint64_t below(std::uint64_t n);
  /// 0 .. n - 1, shuffled.
  std::vector<std::uint32_t> permutation(std::uint32_t n);
  /// So many of 0 .. n - 1, each as often as it is drawn.
  std::vector<std::uint64_t> choice_with_replacement(std::uint64_t n, std::size_t count);
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i-- > 1;) std::swap(values[i], values[below(i + 1)]);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace nnunet
