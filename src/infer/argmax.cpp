#include "nnunet/infer/argmax.h"

#include <algorithm>
#include <array>

namespace nnunet {

void argmax_classes(std::span<const float> logits, std::int64_t classes, std::span<std::uint8_t> labels) {
  // Blocks that stay in the first-level cache; the class kept as wide as a float, so that the loop vectorises.
  constexpr std::size_t kBlock = 1024;
  const std::size_t voxels = labels.size();
  std::array<float, kBlock> best;
  std::array<std::int32_t, kBlock> label;
  for (std::size_t begin = 0; begin < voxels; begin += kBlock) {
    const std::size_t n = std::min(kBlock, voxels - begin);
    std::copy_n(logits.data() + begin, n, best.begin());
    std::fill_n(label.begin(), n, 0);
    for (std::int32_t k = 1; k < static_cast<std::int32_t>(classes); ++k) {
      const float* values = logits.data() + static_cast<std::size_t>(k) * voxels + begin;
      for (std::size_t i = 0; i < n; ++i) {
        const bool larger = values[i] > best[i];
        best[i] = larger ? values[i] : best[i];
        label[i] = larger ? k : label[i];
      }
    }
    for (std::size_t i = 0; i < n; ++i) labels[begin + i] = static_cast<std::uint8_t>(label[i]);
  }
}

}  // namespace nnunet
