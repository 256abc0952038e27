#include "nnunet/eval/argmax.h"

#include <algorithm>
#include <array>

#include "nnunet/core/vectorized.h"

namespace nnunet {
namespace {

/// One class over at most a block of voxels; the class is kept as wide as the value, so that the loop vectorises.
template <class T, class Label>
[[gnu::always_inline]] inline bool raise(const T* values, Label k, std::size_t n, T* best, Label* label) {
  Label nan = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const bool larger = values[i] > best[i];
    nan |= values[i] != values[i] ? 1 : 0;
    best[i] = larger ? values[i] : best[i];
    label[i] = larger ? k : label[i];
  }
  return nan == 0;
}

constexpr Vectorized argmax_blocks = []<class T, class Label>(const T* values, Label, std::int64_t classes,
                                                              std::size_t class_stride,
                                                              std::span<std::uint8_t> labels) NNUNET_INLINED {
  constexpr std::size_t kBlock = 1024;  // stays in the first-level cache
  std::array<T, kBlock> best;
  std::array<Label, kBlock> label;
  bool numbers = true;
  for (std::size_t begin = 0; begin < labels.size(); begin += kBlock) {
    const std::size_t n = std::min(kBlock, labels.size() - begin);
    std::copy_n(values + begin, n, best.data());
    std::fill_n(label.data(), n, Label{0});
    for (std::int64_t k = 0; k < classes; ++k)
      numbers &= raise(values + static_cast<std::size_t>(k) * class_stride + begin, static_cast<Label>(k), n,
                       best.data(), label.data());
    for (std::size_t i = 0; i < n; ++i) labels[begin + i] = static_cast<std::uint8_t>(label[i]);
  }
  return numbers;
};

}  // namespace

bool argmax_classes(const float* values, std::int64_t classes, std::size_t class_stride,
                    std::span<std::uint8_t> labels) {
  return argmax_blocks(values, std::int32_t{}, classes, class_stride, labels);
}

bool argmax_classes(const double* values, std::int64_t classes, std::size_t class_stride,
                    std::span<std::uint8_t> labels) {
  return argmax_blocks(values, std::int64_t{}, classes, class_stride, labels);
}

}  // namespace nnunet
